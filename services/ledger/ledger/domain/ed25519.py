"""Ed25519 as the ledger accepts it: only canonical encodings, and no points of small order."""

from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from ledger.domain.refusals import BadKeyError

KEY_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64
# Keys whose point was found sound are not looked at again: our own, older ones, and those of witnesses.
KEYS_KEPT: Final = 256
_P: Final = 2**255 - 19
_L: Final = 2**252 + 27742317777372353535851937790883648493  # order of the base point (RFC 8032, 5.1)
_D: Final = -121665 * pow(121666, -1, _P) % _P
_SIGN_BIT: Final = 1 << 255
# y of the eight points whose order divides 8: a key or commitment among them verifies things nobody signed.
_SMALL_ORDER_Y: Final = frozenset(
    {
        0,
        1,
        _P - 1,
        0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7,
        _P - 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7,
    }
)


def _check_point(encoded: bytes, what: str) -> None:
    y = int.from_bytes(encoded, "little") & ~_SIGN_BIT
    if y >= _P:
        raise BadKeyError(f"{what}: not canonically encoded")
    if y in _SMALL_ORDER_Y:
        raise BadKeyError(f"{what}: a point of small order")
    # x^2 is (y^2 - 1) / (d y^2 + 1): a square exactly when the product of the two is one, and that needs no inverse.
    if pow((y * y - 1) * (_D * y * y + 1), (_P - 1) // 2, _P) != 1:
        raise BadKeyError(f"{what}: not a point of the curve")


def check_public_key(public_key: bytes) -> None:
    """Raises BadKeyError for keys under which signatures can be forged or encoded in two ways."""
    if len(public_key) != KEY_BYTES:
        raise BadKeyError(f"a public key has {KEY_BYTES} bytes")
    _check_point(public_key, "public key")


@lru_cache(maxsize=KEYS_KEPT)
def _sound_key(public_key: bytes) -> Ed25519PublicKey:
    check_public_key(public_key)
    return Ed25519PublicKey.from_public_bytes(public_key)


def generate_seed() -> bytes:
    return Ed25519PrivateKey.generate().private_bytes_raw()


def public_key_of(seed: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def sign(seed: bytes, message: bytes) -> bytes:
    """RFC 8032 Ed25519, deterministic: 64 bytes."""
    return Ed25519PrivateKey.from_private_bytes(seed).sign(message)


def verify(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the signature holds; malleable, small-order and non-canonical ones do not."""
    if len(signature) != SIGNATURE_BYTES:
        return False
    try:
        key = _sound_key(public_key)
        _check_point(signature[:KEY_BYTES], "signature")
    except BadKeyError:
        return False
    if int.from_bytes(signature[KEY_BYTES:], "little") >= _L:
        return False
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True
