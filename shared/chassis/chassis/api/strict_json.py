"""JSON bodies, strictly: UTF-8, no duplicate keys, no NUL, no lone surrogates, no NaN, no deep nesting."""

import json
from typing import Any, Final

import orjson

from chassis.api.problems import ProblemError

# Deeper than any body of ours by far; far shallower than what exhausts a parser.
NESTING_MAX: Final = 32


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ProblemError(400, "duplicate_keys", "The JSON body has an object with the same key twice.")
    return result


def _check(value: Any, depth: int) -> None:
    if depth > NESTING_MAX:
        raise ProblemError(400, "json_too_deep", f"The JSON body is nested more than {NESTING_MAX} levels deep.")
    if isinstance(value, str):
        if "\x00" in value:
            raise ProblemError(400, "nul_byte", "Text in the JSON body holds a NUL byte, which cannot be stored.")
    elif isinstance(value, dict):
        for key, item in value.items():
            _check(key, depth)
            _check(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            _check(item, depth + 1)


def parse_strictly(body: bytes) -> Any:
    """The value of a JSON body (RFC 8259, I-JSON's stricter sense: RFC 7493).

    Raises:
        ProblemError: 400 naming the rule that the body breaks.
    """
    try:
        # orjson refuses what json lets through: invalid UTF-8, lone surrogates, NaN, nesting over 1024 levels.
        orjson.loads(body)
        value = json.loads(body, object_pairs_hook=_unique)
    except (orjson.JSONDecodeError, json.JSONDecodeError, RecursionError, UnicodeDecodeError) as error:
        raise ProblemError(400, "malformed_json", "The body is not well-formed JSON in UTF-8.") from error
    _check(value, 0)
    return value
