"""Keys for the ledger's checkpoints and its witness, in the text forms of C2SP signed-note (c2sp.org/signed-note)."""

import base64
import hashlib
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ORIGIN: Final = "localhost/impactnet-ledger"  # what a development system's log is called
WITNESS: Final = "localhost/impactnet-witness"  # and who watches it
_ED25519: Final = b"\x01"
_COSIGNATURE: Final = b"\x04"  # Ed25519 as well, for cosignatures alone (c2sp.org/tlog-cosignature)


def make_signing_key() -> str:
    """`PRIVATE+KEY+<origin>+<key id>+<base64 of type and seed>`."""
    return _make(ORIGIN, _ED25519)


def verifier_key(signing_key: str) -> str:
    """`<origin>+<key id>+<base64 of type and public key>` of a key from `make_signing_key`."""
    return _verifier(signing_key, ORIGIN, _ED25519)


def make_witness_key() -> str:
    """The same for the witness's key."""
    return _make(WITNESS, _COSIGNATURE)


def witness_verifier_key(witness_key: str) -> str:
    """The verifier key of a key from `make_witness_key`."""
    return _verifier(witness_key, WITNESS, _COSIGNATURE)


def _make(name: str, kind: bytes) -> str:
    private = Ed25519PrivateKey.generate()
    secret = base64.b64encode(kind + private.private_bytes_raw()).decode()
    return f"PRIVATE+KEY+{name}+{_key_id(name, kind, private.public_key().public_bytes_raw())}+{secret}"


def _verifier(key: str, name: str, kind: bytes) -> str:
    seed = base64.b64decode(key.split("+", 4)[4])[1:]
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    return f"{name}+{_key_id(name, kind, public)}+{base64.b64encode(kind + public).decode()}"


def _key_id(name: str, kind: bytes, public: bytes) -> str:
    return hashlib.sha256(name.encode() + b"\n" + kind + public).hexdigest()[:8]
