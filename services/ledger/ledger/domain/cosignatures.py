"""C2SP tlog-cosignature v1 (Ed25519, type 0x04): a witness's statement that it saw this checkpoint, and when."""

from dataclasses import dataclass
from typing import ClassVar, Final

from ledger.domain import ed25519
from ledger.domain.notes import Signature, SigningKey, VerifierKey
from ledger.domain.refusals import BadNoteError

ALGORITHM_COSIGNATURE: Final = 0x04
TIMESTAMP_BYTES: Final = 8
TIMESTAMP_MAX: Final = 2**63 - 1  # the specification's
# A clock that is synchronized at all is off by less; a cosignature from further ahead could make an old view look new.
FUTURE_SECONDS_MAX: Final = 60


def _message(timestamp: int, body: str) -> bytes:
    """What is signed: two lines, which keep it apart from a log's own signature, and the checkpoint's text."""
    return f"cosignature/v1\ntime {timestamp}\n{body}".encode()


@dataclass(frozen=True, slots=True)
class WitnessKey(VerifierKey):
    """A witness's public key; `vkey` lines carry type 0x04."""

    ALGORITHM: ClassVar[int] = ALGORITHM_COSIGNATURE

    def verifies(self, text: str, signature: bytes) -> bool:
        timestamp = int.from_bytes(signature[:TIMESTAMP_BYTES], "big")
        if not 0 < timestamp <= TIMESTAMP_MAX:
            return False
        return ed25519.verify(self.public_key, _message(timestamp, text), signature[TIMESTAMP_BYTES:])


@dataclass(frozen=True, slots=True, repr=False)
class WitnessSigningKey(SigningKey):
    """A witness's private key; it must sign nothing else, for the message does not name the witness."""

    ALGORITHM: ClassVar[int] = ALGORITHM_COSIGNATURE

    @property
    def verifier(self) -> WitnessKey:
        return WitnessKey(self.name, ed25519.public_key_of(self.seed))

    def cosign(self, body: str, timestamp: int) -> Signature:
        """The signature line on a checkpoint's text; `timestamp` in seconds since 1970."""
        signature = ed25519.sign(self.seed, _message(timestamp, body))
        return Signature(self.name, self.verifier.id, timestamp.to_bytes(TIMESTAMP_BYTES, "big") + signature)


def cosigned_at(signature: Signature) -> int:
    """The time that the line carries, in seconds since 1970; means nothing before the line is verified."""
    return int.from_bytes(signature.signature[:TIMESTAMP_BYTES], "big")


def check_cosignature(body: str, signature: Signature, key: WitnessKey, *, now: int) -> None:
    """Raises BadNoteError unless the line is `key`'s on this text and not from the future (`now` in seconds)."""
    if (signature.name, signature.key_id) != (key.name, key.id):
        raise BadNoteError(f"not a line by {key.name}")
    if not key.verifies(body, signature.signature):
        raise BadNoteError(f"invalid cosignature by {key.name}")
    ahead = cosigned_at(signature) - now
    if ahead > FUTURE_SECONDS_MAX:
        raise BadNoteError(f"a cosignature by {key.name} from {ahead} s in the future")
