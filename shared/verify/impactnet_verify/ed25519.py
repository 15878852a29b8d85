"""Ed25519 (RFC 8032) without its loopholes: no points of small order, and one spelling for every key and signature.

Libraries differ in what they let through; under a public key of small order `cryptography` accepts signatures that
nobody made. So points are decoded and looked at here, before the library is asked.
"""

from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

KEY_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64
_P: Final = 2**255 - 19
_ORDER: Final = 2**252 + 27742317777372353535851937790883648493  # of the base point (RFC 8032, 5.1)
_D: Final = -121665 * pow(121666, -1, _P) % _P
_ROOT_OF_MINUS_ONE: Final = pow(2, (_P - 1) // 4, _P)
_COFACTOR_DOUBLINGS: Final = 3  # the cofactor is 8

Point = tuple[int, int]


@lru_cache(maxsize=256)  # a policy's keys come up again and again
def find_flaw(encoded: bytes) -> str | None:
    """Why these 32 bytes are no acceptable point, or None."""
    if len(encoded) != KEY_BYTES:
        return f"a point has {KEY_BYTES} bytes, not {len(encoded)}"
    number = int.from_bytes(encoded, "little")
    sign, y = number >> 255, number & (2**255 - 1)
    if y >= _P:
        return "a point in a non-canonical encoding"
    x = _recover_x(y)
    if x is None:
        return "not a point of the curve"
    if x == 0 and sign:
        return "a point in a non-canonical encoding"
    point = (x, y)
    for _ in range(_COFACTOR_DOUBLINGS):
        point = _double(point)
    return "a point of small order" if point == (0, 1) else None


def _recover_x(y: int) -> int | None:
    """RFC 8032, 5.1.3, step 3: a square root of (y^2-1)/(dy^2+1), if there is one."""
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if x * x % _P != square:
        x = x * _ROOT_OF_MINUS_ONE % _P
    return x if x * x % _P == square else None


def _double(point: Point) -> Point:
    """The affine addition law of -x^2 + y^2 = 1 + d x^2 y^2 for a point and itself; no denominator is ever zero."""
    x, y = point
    product = _D * x * x * y * y % _P
    doubled_x = 2 * x * y * pow(1 + product, -1, _P) % _P
    doubled_y = (y * y + x * x) * pow(1 - product, -1, _P) % _P
    return doubled_x, doubled_y


def verify(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the signature holds, in its one encoding, under a key that somebody must own to sign."""
    if len(signature) != SIGNATURE_BYTES or find_flaw(public_key) or find_flaw(signature[:KEY_BYTES]):
        return False
    if int.from_bytes(signature[KEY_BYTES:], "little") >= _ORDER:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except InvalidSignature:
        return False
    return True
