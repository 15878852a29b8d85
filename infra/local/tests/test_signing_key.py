"""The development ledger's key, in the forms that C2SP signed-note prescribes."""

import base64
import hashlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from local_stack.signing_key import (
    ORIGIN,
    WITNESS,
    make_signing_key,
    make_witness_key,
    verifier_key,
    witness_verifier_key,
)


def test_a_signing_key_and_its_verifier_key_belong_together() -> None:
    signing_key = make_signing_key()
    words = signing_key.split("+", 4)
    assert words[:3] == ["PRIVATE", "KEY", ORIGIN]
    secret = base64.b64decode(words[4])
    public = Ed25519PrivateKey.from_private_bytes(secret[1:]).public_key().public_bytes_raw()

    name, key_id, encoded = verifier_key(signing_key).split("+", 2)
    assert name == ORIGIN
    assert base64.b64decode(encoded) == b"\x01" + public
    assert key_id == words[3] == hashlib.sha256(f"{ORIGIN}\n".encode() + b"\x01" + public).hexdigest()[:8]


def test_every_system_has_its_own_key() -> None:
    assert make_signing_key() != make_signing_key()


def test_a_witness_has_a_key_of_its_own_kind() -> None:
    witness_key = make_witness_key()
    name, key_id, encoded = witness_verifier_key(witness_key).split("+", 2)
    public = base64.b64decode(encoded)
    assert name == WITNESS
    assert public[:1] == b"\x04"
    assert key_id == hashlib.sha256(f"{WITNESS}\n".encode() + public).hexdigest()[:8]
    assert witness_key.split("+")[3] == key_id
