"""Text forms of bytes and numbers of which each value has exactly one: other spellings are refused."""

import base64
import binascii
import re
from typing import Final

from impactnet_verify.failures import NotVerifiedError

HASH_BYTES: Final = 32
NUMBER_MAX: Final = 2**63 - 1  # sizes and times are signed 64-bit numbers everywhere in the C2SP family
_NUMBER: Final = re.compile("0|[1-9][0-9]{0,18}")
_HASH_HEX: Final = re.compile("[0-9a-f]{64}")


def decode_base64(text: str, what: str) -> bytes:
    """Standard alphabet, padded, with the unused bits zero (RFC 4648, section 4 and 3.5)."""
    try:
        decoded = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise NotVerifiedError(f"{what}: not base64") from error
    if base64.b64encode(decoded).decode() != text:
        raise NotVerifiedError(f"{what}: not canonical base64")
    return decoded


def decode_base64_hash(text: str, what: str) -> bytes:
    decoded = decode_base64(text, what)
    if len(decoded) != HASH_BYTES:
        raise NotVerifiedError(f"{what}: a hash has {HASH_BYTES} bytes, not {len(decoded)}")
    return decoded


def decode_hex_hash(text: object, what: str) -> bytes:
    """64 hexadecimal digits, lower case."""
    if not isinstance(text, str) or not _HASH_HEX.fullmatch(text):
        raise NotVerifiedError(f"{what}: not 64 lower-case hexadecimal digits")
    return bytes.fromhex(text)


def decode_number(text: str, what: str) -> int:
    """A decimal number from 0 to 2^63-1 without sign or leading zeros."""
    if not _NUMBER.fullmatch(text) or int(text) > NUMBER_MAX:
        raise NotVerifiedError(f"{what}: not a plain decimal number below 2^63")
    return int(text)


def decode_text(content: bytes, what: str) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise NotVerifiedError(f"{what}: not UTF-8 (byte {error.start})") from error
