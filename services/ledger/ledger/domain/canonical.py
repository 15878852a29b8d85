"""Canonical JSON: RFC 8785 in the restricted profile `impactnet-jcs-1`, so that one value has exactly one encoding."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

import orjson

from ledger.domain.refusals import NotCanonicalError

SIZE_BYTES_MAX: Final = 65_535  # an entry of a tlog-tiles bundle carries its length in 16 bits
INTEGER_MAX: Final = 2**53 - 1  # the largest integer that every JSON reader keeps exactly (RFC 8785, 3.2.2.3)
DEPTH_MAX: Final = 64  # far beyond any shape of ours; keeps a hostile value from exhausting the stack
_KEY: Final = re.compile(r"[A-Za-z0-9_.:-]+")


# Objects have few shapes, met again in every event and block. What was found of the keys and types of one, in their
# order, is kept: the places of the values that have to be looked into.
_KNOWN_SHAPES_MAX: Final = 4096
_known_shapes: Final[dict[tuple[object, ...], tuple[int, ...]]] = {}
_SIMPLE: Final = frozenset({str, int, bool, type(None)})
_LOOKED_INTO: Final = frozenset({dict, list})


def _check(value: object, depth: int) -> None:
    """Refuses what is outside the profile, but for large integers, which the encoder refuses."""
    if depth > DEPTH_MAX:
        raise NotCanonicalError(f"nested deeper than {DEPTH_MAX}")
    if type(value) is not dict:
        items = value if type(value) is list else (value,)
        for place in _look_at(list(map(type, items))):
            _check(items[place], depth + 1)
        return
    shape = (*value, *map(type, value.values()))
    places = _known_shapes.get(shape)
    if places is None:
        places = _look_at(list(map(type, value.values())))
        _check_keys(value)
        if len(_known_shapes) < _KNOWN_SHAPES_MAX:
            _known_shapes[shape] = places
    if places:
        values = list(value.values())
        for place in places:
            _check(values[place], depth + 1)


def _check_keys(keys: Iterable[object]) -> None:
    for key in keys:
        if type(key) is not str or _KEY.fullmatch(key) is None:
            raise NotCanonicalError(f"key {key!r} is not [A-Za-z0-9_.:-]+")


def _look_at(kinds: Sequence[type]) -> tuple[int, ...]:
    """Which values of these types hold others."""
    if foreign := set(kinds) - _SIMPLE - _LOOKED_INTO:
        names = ", ".join(sorted(kind.__name__ for kind in foreign))
        raise NotCanonicalError(f"{names}: only objects, arrays, strings, integers, booleans and null are canonical")
    return tuple(place for place, kind in enumerate(kinds) if kind in _LOOKED_INTO)


def encode(value: object, *, size_bytes_max: int = SIZE_BYTES_MAX) -> bytes:
    """The one encoding of `value`; raises NotCanonicalError for anything outside the profile.

    Keys of the profile are ASCII, where byte order and RFC 8785's UTF-16 order agree, so orjson's sorted
    output is the canonical one; tests hold it against the `rfc8785` package.
    """
    _check(value, 0)
    try:
        encoded = orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER)
    except TypeError as error:  # lone surrogates, integers past INTEGER_MAX
        raise NotCanonicalError(str(error)) from error
    if len(encoded) > size_bytes_max:
        raise NotCanonicalError(f"{len(encoded)} bytes are more than {size_bytes_max}")
    return encoded


def decode(encoded: bytes, *, size_bytes_max: int = SIZE_BYTES_MAX) -> object:
    """The value of canonical bytes; bytes that are not exactly their value's encoding raise NotCanonicalError.

    Comparing with the re-encoding refuses duplicate keys, other orders, spaces and escapes in one stroke.
    """
    try:
        value: object = orjson.loads(encoded)
    except orjson.JSONDecodeError as error:
        raise NotCanonicalError(str(error)) from error
    if encode(value, size_bytes_max=size_bytes_max) != encoded:
        raise NotCanonicalError("these bytes are not the canonical encoding of their value")
    return value
