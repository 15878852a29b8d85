"""Ed25519 keys and signatures that a careless verifier lets through."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st
from shared.verify.tests.logs import LOG, b64

from impactnet_verify import ed25519, notes
from impactnet_verify.failures import NotVerifiedError, UnusableInputError
from impactnet_verify.policies import parse_policy

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
IDENTITY = (1).to_bytes(32, "little")
ORDER_8 = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
SIGN = 1 << 255

# All eight points of small order in their one encoding.
SMALL_ORDER = [1, P - 1, 0, SIGN, ORDER_8, ORDER_8 | SIGN, P - ORDER_8, P - ORDER_8 | SIGN]
# The same points, and points of large order, in encodings that a decoder could also take.
NON_CANONICAL = [1 | SIGN, P - 1 | SIGN, P, P | SIGN, P + 1, P + 1 | SIGN, *(P + y for y in range(3, 19)), SIGN - 1]
NOT_ON_THE_CURVE = [2, 7, 2 | SIGN]


def encode(number: int) -> bytes:
    return number.to_bytes(32, "little")


@pytest.mark.parametrize("point", SMALL_ORDER, ids=hex)
def test_points_of_small_order_are_refused(point):
    assert ed25519.find_flaw(encode(point)) == "a point of small order"


@pytest.mark.parametrize("point", NON_CANONICAL, ids=hex)
def test_other_encodings_of_points_are_refused(point):
    assert ed25519.find_flaw(encode(point)) == "a point in a non-canonical encoding"


@pytest.mark.parametrize("point", NOT_ON_THE_CURVE, ids=hex)
def test_what_is_no_point_is_refused(point):
    assert ed25519.find_flaw(encode(point)) == "not a point of the curve"


@pytest.mark.parametrize("length", [0, 31, 33])
def test_keys_of_another_length_are_refused(length):
    assert ed25519.find_flaw(bytes(length)) == f"a point has 32 bytes, not {length}"
    assert not ed25519.verify(bytes(length), b"anything", bytes(64))


def test_the_library_alone_accepts_what_nobody_signed():
    """Why all this is needed: under the identity as key, one signature fits every message."""
    forged = IDENTITY + bytes(32)
    Ed25519PublicKey.from_public_bytes(IDENTITY).verify(forged, b"pay everything to me")
    assert not ed25519.verify(IDENTITY, b"pay everything to me", forged)


@pytest.mark.parametrize("key", [*SMALL_ORDER, *NON_CANONICAL], ids=hex)
@pytest.mark.parametrize("commitment", [IDENTITY, encode(P - 1)], ids=["one", "minus one"])
def test_no_signature_holds_under_such_a_key(key, commitment):
    for message in range(16):  # with a key of order 8, one message in eight fits a forged signature
        assert not ed25519.verify(encode(key), b"%d" % message, commitment + bytes(32))


@pytest.mark.parametrize("key", [*SMALL_ORDER, *NON_CANONICAL, *NOT_ON_THE_CURVE], ids=hex)
def test_such_a_key_is_in_no_policy(key):
    public = encode(key)
    name = "forger.example"
    weak = notes.VerifierKey(name, 1, public)
    vkey = f"{name}+{weak.id.hex()}+{b64(bytes([1]) + public)}"
    with pytest.raises(NotVerifiedError, match=r"key of forger.example: (a point|not a point)"):
        notes.parse_verifier_key(vkey)
    with pytest.raises(UnusableInputError, match=r"line 1: key of forger.example"):
        parse_policy(f"log {vkey}\nquorum none\n".encode())


@given(st.binary(max_size=100))
def test_a_true_signature_holds_and_its_other_spellings_do_not(message):
    signature = LOG.private.sign(message)
    assert ed25519.verify(LOG.public, message, signature)
    scalar = int.from_bytes(signature[32:], "little")
    assert not ed25519.verify(LOG.public, message, signature[:32] + encode(scalar + ORDER))
    assert not ed25519.verify(LOG.public, message, IDENTITY + signature[32:])
    assert not ed25519.verify(LOG.public, message + b"!", signature)
    assert not ed25519.verify(LOG.public, message, signature[:-1])
    assert not ed25519.verify(LOG.public, message, signature + b"\0")


@given(st.data())
def test_flipping_any_bit_of_a_signature_is_noticed(data):
    signature = bytearray(LOG.private.sign(b"message"))
    bit = data.draw(st.integers(0, 511))
    signature[bit // 8] ^= 1 << bit % 8
    assert not ed25519.verify(LOG.public, b"message", bytes(signature))
