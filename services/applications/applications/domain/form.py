"""Answers against a programme's form (JSON Schema 2020-12) and its qualifications."""

import operator
import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from jsonschema import Draft202012Validator
from jsonschema.exceptions import UnknownType, ValidationError
from referencing import Registry
from referencing.exceptions import Unresolvable

from applications.domain.program import Qualification

Errors = list[tuple[str, str, str]]

# A field's name in an answer about it; longer ones are cut.
FIELD_NAME_CHARACTERS_MAX: Final = 100
# What typing more cannot mend: a draft is refused for these only, so that half an answer can be saved.
_WRONG_IN_A_DRAFT: Final = frozenset({"type", "additionalProperties", "maxLength", "maxItems"})
_OPERATORS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
    "in": lambda given, allowed: given in allowed,
}


def _problems(form: dict[str, Any], answers: dict[str, Any]) -> Iterator[ValidationError]:
    # An empty registry: a form never makes us fetch anything from anywhere.
    validator = Draft202012Validator(form, registry=Registry())
    try:
        yield from validator.iter_errors(answers)
    except (Unresolvable, UnknownType, re.error, ArithmeticError, RecursionError):
        # `programs` checks forms before it publishes them; one that slipped through must not break the service.
        yield ValidationError("the form cannot be applied", validator="form")


def _described(error: ValidationError) -> tuple[str, str, str]:
    path = [str(part) for part in error.absolute_path]
    # The message of the library quotes the answer; the rule alone is enough, and is not personal.
    return ".".join(["answers", *path]), str(error.validator).lower(), f"breaks the form's rule `{error.validator}`"


def _missing(error: ValidationError) -> Iterator[tuple[str, str, str]]:
    prefix = ".".join(["answers", *(str(part) for part in error.absolute_path)])
    names: Any = error.validator_value
    given: Any = error.instance
    for name in names:
        if name not in given:
            yield f"{prefix}.{name}", "missing", "must be given"


def _unknown(error: ValidationError) -> Iterator[tuple[str, str, str]]:
    prefix = ".".join(["answers", *(str(part) for part in error.absolute_path)])
    schema: Any = error.schema
    given: Any = error.instance
    for name in given:
        if name not in schema.get("properties", {}):
            yield f"{prefix}.{name[:FIELD_NAME_CHARACTERS_MAX]}", "unknown", "the form has no such field"


def _listed(error: ValidationError) -> Errors:
    """An error as (field, code, message), one for each field it is about."""
    if error.validator == "required":
        return list(_missing(error))
    if error.validator == "additionalProperties":
        return list(_unknown(error)) or [_described(error)]
    return [_described(error)]


def errors_in_draft(form: dict[str, Any] | None, answers: dict[str, Any]) -> Errors:
    """What is wrong with the fields that are given: (field, code, message) each."""
    if form is None:
        return []
    found: Errors = []
    for error in _problems(form, answers):
        if error.validator in _WRONG_IN_A_DRAFT:
            found += _listed(error)
    return found


def errors_in_answers(form: dict[str, Any] | None, answers: dict[str, Any]) -> Errors:
    """All that keeps complete answers from being complete."""
    if form is None:
        return []
    found: Errors = []
    for error in _problems(form, answers):
        # `required` says once for each missing name what `_missing` says of all.
        found += [item for item in _listed(error) if item not in found]
    return found


def errors_in_eligibility(qualifications: tuple[Qualification, ...], answers: dict[str, Any]) -> Errors:
    """Rules of qualifications that the answers break; a rule about a field that was not answered is broken."""
    found: Errors = []
    for qualification in qualifications:
        rule = qualification.rule
        if rule is not None and not _holds(rule, answers.get(str(rule["field"]))):
            found.append((f"answers.{rule['field']}", "not_eligible", qualification.text))
    return found


def _holds(rule: dict[str, Any], given: Any) -> bool:
    compare = _OPERATORS.get(str(rule["op"]))
    if compare is None or given is None:
        return False
    try:
        return bool(compare(given, rule["value"]))
    except TypeError:
        return False
