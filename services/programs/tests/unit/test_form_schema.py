"""Forms: what is no schema, what would not end, what would fetch, what could run away."""

import json
from typing import Any

import pytest

from chassis.refusals import FieldRefusalError
from programs.domain.form_schema import check_form_schema
from programs.domain.patterns import check_pattern


def check(schema):
    check_form_schema(schema, json.dumps(schema))


def form(**properties):
    return {"type": "object", "properties": properties}


def billion_laughs():
    definitions = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 10} for n in range(8)}
    return {"type": "object", "$defs": definitions | {"d8": {"type": "string"}}, "allOf": [{"$ref": "#/$defs/d0"}]}


def nested(depth):
    schema: dict[str, Any] = {"type": "object"}
    for _ in range(depth):
        schema = {"type": "object", "properties": {"a": schema}}
    return schema


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object"},
        form(business={"type": "string", "maxLength": 200}, age={"type": "integer", "minimum": 18}),
        form(phone={"type": "string", "pattern": r"^\+234[0-9]{10}$"}),
        form(mail={"type": "string", "pattern": r"^[a-z.]+@[a-z]+\.[a-z]+$"}),
        form(pattern={"type": "string"}, id={"const": {"$ref": "http://elsewhere"}}),
        {"type": "object", "$defs": {"name": {"type": "string"}}, "properties": {"n": {"$ref": "#/$defs/name"}}},
    ],
)
def test_a_form_that_is_one_passes(schema):
    check(schema)
    assert schema["type"] == "object"


@pytest.mark.parametrize(
    ("schema", "code"),
    [
        ({}, "not_an_object"),
        ({"type": "string"}, "not_an_object"),
        ({"type": "object", "$schema": "http://json-schema.org/draft-07/schema#"}, "dialect_unknown"),
        (form(a={"type": "text"}), "schema_invalid"),
        (form(a=3), "schema_invalid"),
        (form(a={"minLength": -1}), "schema_invalid"),
        (form(a={"$ref": "http://169.254.169.254/latest"}), "reference_refused"),
        (form(a={"$ref": "#"}), "reference_refused"),
        (form(a={"$ref": "#/properties/a"}), "reference_refused"),
        (form(a={"$ref": 7}), "reference_refused"),
        (form(a={"$ref": "#/$defs/none"}), "reference_unknown"),
        ({"type": "object", "$id": "http://elsewhere/"}, "keyword_refused"),
        (form(a={"$dynamicRef": "#x"}), "keyword_refused"),
        ({"type": "object", "$defs": {"a": {"not": {"$ref": "#/$defs/a"}}}}, "reference_cycle"),
        (
            {"type": "object", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"items": {"$ref": "#/$defs/a"}}}},
            "reference_cycle",
        ),
        (billion_laughs(), "schema_too_large"),
        (nested(20), "schema_too_deep"),
        (form(a={"description": "x" * 70_000}), "schema_too_large"),
        (form(a={"pattern": "(a+)+$"}), "pattern_dangerous"),
        ({"type": "object", "patternProperties": {"(a|a)*b": {}}}, "pattern_dangerous"),
    ],
)
def test_a_form_that_is_none_is_refused(schema, code):
    with pytest.raises(FieldRefusalError) as refusal:
        check(schema)
    assert refusal.value.errors[0][1] == code


@pytest.mark.parametrize(
    "pattern", ["^[A-Z]{2}[0-9]+$", r"\(\+", "a{,3}b{2,}", "[]a]+", "[^]]*x", "(?:ab){2}", "(ab)+", "a?b?", "{a}"]
)
def test_ordinary_patterns_pass(pattern):
    check_pattern("pattern", pattern)
    assert pattern


@pytest.mark.parametrize(
    ("pattern", "code"),
    [
        ("(", "pattern_malformed"),
        ("a" * 201, "pattern_too_long"),
        ("(a*)*", "pattern_dangerous"),
        ("(a+){10}", "pattern_dangerous"),
        ("((ab)?c)+", "pattern_dangerous"),
        ("(x|xx)+", "pattern_dangerous"),
        (r"(a)\1+", "pattern_dangerous"),
        ("(?=a)b", "pattern_dangerous"),
        ("(?P<n>a)", "pattern_dangerous"),
        (".*.*.*.*x", "pattern_dangerous"),
        ("a{0,999}b{0,999}c{0,999}d{0,999}", "pattern_dangerous"),
        ("a{99999999999}", "pattern_malformed"),
    ],
)
def test_patterns_that_could_run_away_are_refused(pattern, code):
    with pytest.raises(FieldRefusalError) as refusal:
        check_pattern("pattern", pattern)
    assert refusal.value.errors[0][1] == code
