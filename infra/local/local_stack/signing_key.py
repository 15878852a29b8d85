"""A key pair for the ledger's checkpoints, in the text forms of C2SP signed-note (c2sp.org/signed-note)."""

import base64
import hashlib
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ORIGIN: Final = "localhost/impactnet-ledger"  # what a development system's log is called
_ED25519: Final = b"\x01"


def make_signing_key() -> str:
    """`PRIVATE+KEY+<origin>+<key id>+<base64 of type and seed>`."""
    private = Ed25519PrivateKey.generate()
    secret = base64.b64encode(_ED25519 + private.private_bytes_raw()).decode()
    return f"PRIVATE+KEY+{ORIGIN}+{_key_id(private.public_key().public_bytes_raw())}+{secret}"


def verifier_key(signing_key: str) -> str:
    """`<origin>+<key id>+<base64 of type and public key>` of a key from `make_signing_key`."""
    seed = base64.b64decode(signing_key.split("+", 4)[4])[1:]
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    return f"{ORIGIN}+{_key_id(public)}+{base64.b64encode(_ED25519 + public).decode()}"


def _key_id(public: bytes) -> str:
    return hashlib.sha256(ORIGIN.encode() + b"\n" + _ED25519 + public).hexdigest()[:8]
