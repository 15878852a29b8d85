"""Which keys sign and verify this log's checkpoints."""

import base64
from hashlib import sha256

from ledger.domain.notes import SigningKey, VerifierKey
from ledger.settings import LedgerSettings


def development_key(origin: str) -> SigningKey:
    """A key that everybody can compute: lets a developer start without configuring anything, and proves nothing."""
    return SigningKey(origin, sha256(b"impactnet development signing key").digest())


def signing_key(settings: LedgerSettings) -> SigningKey:
    """The signer's key; only the signer's process is given it.

    Raises:
        ValueError: production without a key, or a key under another name than the log's.
    """
    if settings.signing_key is None:
        if settings.environment == "production":
            raise ValueError("the signer needs IMPACTNET_LEDGER_SIGNING_KEY")
        return development_key(settings.origin)
    key = SigningKey.parse(settings.signing_key.get_secret_value())
    if key.name != settings.origin:
        raise ValueError(f"the signing key is named {key.name!r}, the log {settings.origin!r}")
    return key


def verifier_keys(settings: LedgerSettings) -> list[VerifierKey]:
    """The keys under which this log's checkpoints are verified, the newest first."""
    if settings.verifier_keys:
        return [VerifierKey.parse(vkey) for vkey in settings.verifier_keys]
    return [development_key(settings.origin).verifier]


def state_keys(settings: LedgerSettings) -> tuple[bytes, ...]:
    """The keys that seal what was verified, the present one first; none where they are neither given nor assumed."""
    # An API of a developer's containers has no key either: what others sealed is nothing that it could judge.
    may_assume = settings.environment == "development" and settings.process in {"any", "worker", "command"}
    if "verification_key" not in settings.model_fields_set and not may_assume:
        return ()
    keys = (settings.verification_key, *settings.verification_old_keys)
    return tuple(base64.b64decode(key.get_secret_value()) for key in keys)
