"""What the master key gives identity besides the vault: keyed hashes to look people up, and a seal for signing keys."""

import base64
import hashlib
import hmac
import os
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import SecretStr

# NIST SP 800-38D: 96-bit nonces.
_NONCE_BYTES: Final = 12


class MasterKey:
    """Derives one key per purpose (HKDF-SHA256, RFC 5869), so that none can stand in for another."""

    def __init__(self, master_key: SecretStr) -> None:
        raw = base64.b64decode(master_key.get_secret_value())
        self._lookup = _derive(raw, b"impactnet identity lookup")
        self._signing = AESGCM(_derive(raw, b"impactnet identity signing keys"))

    def lookup_hash(self, kind: str, value: str) -> bytes:
        """HMAC-SHA256 of a value; equal values of a kind are found, no value can be guessed without the key."""
        return hmac.new(self._lookup, f"{kind}\x00{value}".encode(), hashlib.sha256).digest()

    def seal_signing_key(self, kid: str, private_pem: bytes) -> bytes:
        """AES-256-GCM, bound to the key's id."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._signing.encrypt(nonce, private_pem, kid.encode())

    def open_signing_key(self, kid: str, sealed: bytes) -> str:
        """The PEM. Raises InvalidTag for another master key."""
        return self._signing.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], kid.encode()).decode()


def _derive(raw: bytes, purpose: bytes) -> bytes:
    return HKDF(hashes.SHA256(), 32, None, purpose).derive(raw)
