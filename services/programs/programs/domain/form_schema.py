"""Whether a form is one: a JSON Schema that ends, stays here, and can be checked against in little time."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NoReturn

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from chassis.refusals import FieldRefusalError
from programs.domain.patterns import check_pattern

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
# Room for a few hundred questions; form and lists together still fit one event (256 KiB).
FORM_CHARACTERS_MAX: Final = 64 * 1024
# Questions in groups in steps: forms are rarely deeper than six.
DEPTH_MAX: Final = 16
# Schema nodes after every reference is followed: what one validation may have to visit.
NODES_MAX: Final = 5_000
_REFERENCE_PREFIX: Final = "#/$defs/"
# Keywords that move where references lead, or that would fetch something.
_REFUSED_KEYWORDS: Final = frozenset(
    {"$id", "$anchor", "$dynamicAnchor", "$dynamicRef", "$recursiveRef", "$recursiveAnchor", "$vocabulary"}
)
# Below these, keys are names of questions and definitions, not keywords.
_NAMED_SCHEMAS: Final = frozenset({"properties", "patternProperties", "$defs", "dependentSchemas"})
# Below these stand values, not schemas.
_VALUES: Final = frozenset({"const", "enum", "default", "examples", "required", "dependentRequired"})

Schema = Mapping[str, Any]


def check_form_schema(schema: Schema, form_json: str) -> None:
    """Refuse with `FieldRefusalError` what is no JSON Schema (draft 2020-12) of an object, or not a harmless one.

    `form_json` is the same schema as it will be stored.
    """
    if len(form_json) > FORM_CHARACTERS_MAX:
        _refuse("schema", "schema_too_large", f"a form has at most {FORM_CHARACTERS_MAX} characters")
    if schema.get("$schema", DIALECT) != DIALECT:
        _refuse("schema.$schema", "dialect_unknown", f"must be {DIALECT}, or left out")
    if schema.get("type") != "object":
        _refuse("schema.type", "not_an_object", "answers are an object: the form's type must be object")
    _check_depth(schema, 0)
    for path, node in _nodes(schema, "schema"):
        _check_keywords(path, node)
    try:
        Draft202012Validator.check_schema(dict(schema))
    except SchemaError as error:
        path = ".".join(["schema", *(str(part) for part in error.absolute_path)])
        _refuse(path, "schema_invalid", f"not valid JSON Schema: {error.validator} is broken here")
    _check_references(schema)


def _refuse(field: str, code: str, message: str) -> NoReturn:
    raise FieldRefusalError([(field, code, message)])


def _check_depth(value: Any, depth: int) -> None:
    if depth > DEPTH_MAX:
        _refuse("schema", "schema_too_deep", f"a form is nested at most {DEPTH_MAX} levels deep")
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for child in children:
        _check_depth(child, depth + 1)


def _children(node: Schema, path: str) -> Iterator[tuple[str, Any]]:
    for key, value in node.items():
        if key in _VALUES:
            continue
        if key in _NAMED_SCHEMAS and isinstance(value, dict):
            yield from ((f"{path}.{key}.{name}", child) for name, child in value.items())
        elif isinstance(value, dict):
            yield f"{path}.{key}", value
        elif isinstance(value, list):
            yield from ((f"{path}.{key}.{index}", child) for index, child in enumerate(value))


def _nodes(node: Any, path: str) -> Iterator[tuple[str, Schema]]:
    if not isinstance(node, dict):
        return
    yield path, node
    for child_path, child in _children(node, path):
        yield from _nodes(child, child_path)


def _check_keywords(path: str, node: Schema) -> None:
    refused = sorted(_REFUSED_KEYWORDS & node.keys())
    if refused:
        _refuse(f"{path}.{refused[0]}", "keyword_refused", "a form keeps to itself: use $defs and $ref")
    if "$ref" in node:
        reference = node["$ref"]
        name = reference.removeprefix(_REFERENCE_PREFIX) if isinstance(reference, str) else ""
        if not isinstance(reference, str) or not reference.startswith(_REFERENCE_PREFIX) or set("%~/") & set(name):
            _refuse(f"{path}.$ref", "reference_refused", f"may only lead to {_REFERENCE_PREFIX}<name>")
    if isinstance(node.get("pattern"), str):
        check_pattern(f"{path}.pattern", node["pattern"])
    named = node.get("patternProperties")
    for pattern in named if isinstance(named, dict) else ():
        check_pattern(f"{path}.patternProperties", pattern)


def _check_references(schema: Schema) -> None:
    """Every reference leads somewhere, none leads back to itself, and following all of them stays small."""
    definitions: dict[str, Any] = dict(schema.get("$defs", {}))
    sizes: dict[str, int] = {}

    def size_of(node: Any, following: tuple[str, ...]) -> int:
        total = 0
        for path, part in _nodes({key: value for key, value in node.items() if key != "$defs"}, "schema"):
            total += 1
            if "$ref" in part:
                total += size_of_definition(part["$ref"].removeprefix(_REFERENCE_PREFIX), path, following)
        return total

    def size_of_definition(name: str, path: str, following: tuple[str, ...]) -> int:
        if name in following:
            _refuse(f"{path}.$ref", "reference_cycle", "leads back to itself")
        if name not in definitions:
            _refuse(f"{path}.$ref", "reference_unknown", f"there is no definition of that name in {_REFERENCE_PREFIX}")
        if name not in sizes:
            definition = definitions[name]
            sizes[name] = size_of(definition, (*following, name)) if isinstance(definition, dict) else 1
        return sizes[name]

    if size_of(schema, ()) > NODES_MAX:
        _refuse("schema", "schema_too_large", f"with its references followed a form has at most {NODES_MAX} parts")
    # Definitions that nothing uses are followed too: a later form may use them.
    for name in definitions:
        size_of_definition(name, f"schema.$defs.{name}", ())
