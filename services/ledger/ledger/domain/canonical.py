"""Canonical JSON: RFC 8785 in the restricted profile `impactnet-jcs-1`, so that one value has exactly one encoding."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

import orjson

from ledger.domain.refusals import NotCanonicalError

SIZE_BYTES_MAX: Final = 65_535  # an entry of a tlog-tiles bundle carries its length in 16 bits
INTEGER_MAX: Final = 2**53 - 1  # the largest integer that every JSON reader keeps exactly (RFC 8785, 3.2.2.3)
DEPTH_MAX: Final = 64  # far beyond any shape of ours; keeps a hostile value from exhausting the stack
_KEY: Final = re.compile(r"[A-Za-z0-9_.:-]+")


@lru_cache(maxsize=4096)  # keys are field names: few, and met again in every event and block
def _is_key(key: str) -> bool:
    return _KEY.fullmatch(key) is not None


def _check(value: object, depth: int) -> None:  # noqa: C901 -- one loop over all kinds, because calls cost most here
    """Refuses what is outside the profile. Scalars are looked at where they stand: this runs for every value."""
    if depth > DEPTH_MAX:
        raise NotCanonicalError(f"nested deeper than {DEPTH_MAX}")
    kind = type(value)
    items: Iterable[object]
    if kind is dict:
        for key in value:  # type: ignore[attr-defined]  # kind is dict, exactly
            if type(key) is not str or not _is_key(key):
                raise NotCanonicalError(f"key {key!r} is not [A-Za-z0-9_.:-]+")
        items = value.values()  # type: ignore[attr-defined]  # kind is dict, exactly
    elif kind is list:
        items = value  # type: ignore[assignment]  # kind is list, exactly
    else:
        items = (value,)
    for item in items:
        kind = type(item)
        if kind is str or kind is bool or item is None:
            continue
        if kind is int:
            if not -INTEGER_MAX <= item <= INTEGER_MAX:  # type: ignore[operator]  # kind is int, exactly
                raise NotCanonicalError("integers stay within +-(2^53-1)")
        elif kind is dict or kind is list:
            _check(item, depth + 1)
        else:
            raise NotCanonicalError(
                f"{kind.__name__}: only objects, arrays, strings, integers, booleans and null are canonical"
            )


def encode(value: object, *, size_bytes_max: int = SIZE_BYTES_MAX) -> bytes:
    """The one encoding of `value`; raises NotCanonicalError for anything outside the profile.

    Keys of the profile are ASCII, where byte order and RFC 8785's UTF-16 order agree, so orjson's sorted
    output is the canonical one; tests hold it against the `rfc8785` package.
    """
    _check(value, 0)
    try:
        encoded = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError as error:  # lone surrogates
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
