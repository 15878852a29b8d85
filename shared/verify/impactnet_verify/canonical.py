"""Canonical JSON: RFC 8785 in the profile `impactnet-jcs-1`, in which every value has exactly one spelling."""

import json
import re
from typing import Any, Final, NoReturn

from impactnet_verify.failures import NotVerifiedError

SIZE_BYTES_MAX: Final = 65_535  # of a block: an entry of a tlog-tiles bundle carries its length in 16 bits
INTEGER_MAX: Final = 2**53 - 1  # the largest integer that every JSON reader keeps exactly (RFC 8785, 3.2.2.3)
_KEY: Final = re.compile(r"[A-Za-z0-9_.:-]+")


class _OutsideProfileError(ValueError):
    """A value that is JSON, but that the profile does not have."""


def _refuse_number(text: str) -> NoReturn:
    raise _OutsideProfileError(f"the number {text[:40]} is no integer")


def _read_integer(text: str) -> int:
    number = int(text)
    if abs(number) > INTEGER_MAX:
        raise _OutsideProfileError("an integer beyond 2^53-1")
    return number


_decode: Final = json.JSONDecoder(
    parse_float=_refuse_number, parse_int=_read_integer, parse_constant=_refuse_number
).decode
# Keys of the profile are ASCII, where this order is also RFC 8785's; its escapes are RFC 8785's too.
_encode: Final = json.JSONEncoder(
    ensure_ascii=False, sort_keys=True, separators=(",", ":"), check_circular=False
).encode


def _check_keys(value: Any) -> None:
    if isinstance(value, dict):
        for key, item in value.items():
            if not _KEY.fullmatch(key):
                raise _OutsideProfileError(f"the key {key[:40]!r} is not [A-Za-z0-9_.:-]+")
            _check_keys(item)
    elif isinstance(value, list):
        for item in value:
            _check_keys(item)


def decode(content: bytes, *, size_bytes_max: int = SIZE_BYTES_MAX) -> Any:
    """The value of canonical bytes; raises NotVerifiedError for any other bytes.

    Comparing with the value's own encoding refuses duplicate keys, another order, spaces and other escapes at once.
    """
    if len(content) > size_bytes_max:
        raise NotVerifiedError(f"bytes: more than {size_bytes_max}")
    try:
        value = _decode(content.decode())
        _check_keys(value)
        encoded = _encode(value).encode()
    except UnicodeDecodeError as error:
        raise NotVerifiedError(f"bytes: not UTF-8 at {error.start}") from error
    except UnicodeEncodeError as error:
        raise NotVerifiedError("bytes: a lone surrogate") from error
    except json.JSONDecodeError as error:
        raise NotVerifiedError(f"bytes: not JSON ({error.msg} at {error.pos})") from error
    except _OutsideProfileError as error:
        raise NotVerifiedError(f"bytes: {error}") from error
    except (RecursionError, ValueError) as error:  # nested thousands deep, or a number of thousands of digits
        raise NotVerifiedError("bytes: nested too deep, or too long a number") from error
    if encoded != content:
        raise NotVerifiedError(f"bytes: not canonical from byte {_first_difference(encoded, content)} on")
    return value


def _first_difference(one: bytes, other: bytes) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((position for position, (left, right) in pairs if left != right), min(len(one), len(other)))
