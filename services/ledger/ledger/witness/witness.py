"""The witness itself: looks at a request, and cosigns only what continues what it cosigned before."""

import base64
from collections.abc import Callable
from hashlib import sha256

from chassis.failpoints import failpoint
from ledger.domain.checkpoints import Checkpoint, parse_body
from ledger.domain.cosignatures import WitnessSigningKey
from ledger.domain.notes import Note, VerifierKey, open_note, parse
from ledger.domain.refusals import BadNoteError, RefusalError
from ledger.domain.witnessing import BadRequestError, check_continues, parse_request
from ledger.witness.log_list import Logs
from ledger.witness.store import Cosigned, WitnessStore


class UnknownLogError(RefusalError):
    """The witness does not watch this log."""

    CODE = "unknown_log"


class UntrustedError(RefusalError):
    """No key that is trusted for this log signed the checkpoint, or a signature does not hold."""

    CODE = "untrusted"


class Witness:
    def __init__(self, key: WitnessSigningKey, logs: Logs, store: WitnessStore, clock: Callable[[], int]) -> None:
        """`clock` gives seconds since 1970."""
        self.key = key
        self.logs = logs
        self._store = store
        self._clock = clock
        self._origin_by_hash = {sha256(origin.encode()).hexdigest(): origin for origin in logs}

    def add_checkpoint(self, body: bytes) -> str:
        """The cosignature line for the request's checkpoint; on disk before this returns.

        Raises:
            BadRequestError, UnknownLogError, UntrustedError, SizeConflictError, BadProofError: in this order.
        """
        request = parse_request(body)
        checkpoint = _checkpoint_of(request.note)
        keys = self.logs.get(checkpoint.origin)
        if keys is None:
            raise UnknownLogError("unknown log")
        trusted = _trusted_part(request.note, keys)

        def decide(latest: Cosigned | None) -> Cosigned:
            check_continues(None if latest is None else latest.checkpoint, request.old_size, request.proof, checkpoint)
            return self._cosign(checkpoint, trusted)

        made = self._store.advance(checkpoint.origin, decide)
        # A crash here loses the answer and nothing else: the same request is answered again from what is on disk.
        failpoint("witness_cosigned")
        return parse(made.note).signatures[-1].line

    def latest(self, origin_hash: str) -> str | None:
        """The latest checkpoint cosigned for the log whose origin has this SHA-256 (hex), as a note."""
        origin = self._origin_by_hash.get(origin_hash)
        found = None if origin is None else self._store.latest(origin)
        return None if found is None else found.note

    def check(self) -> None:
        self._store.check()

    def _cosign(self, checkpoint: Checkpoint, trusted: Note) -> Cosigned:
        now = self._clock()
        signed = Note(trusted.text, (*trusted.signatures, self.key.cosign(trusted.text, now)))
        # Made and not yet stored: a crash here must leave nothing behind that anybody has seen.
        failpoint("witness_signed")
        return Cosigned(checkpoint, str(signed), now)


def describe(note: str) -> str:
    """A checkpoint's size and root for the log of the witness; what is no checkpoint is described as such."""
    try:
        checkpoint = parse_body(parse(note).text)
    except BadNoteError:
        return "not a checkpoint"
    return f"{checkpoint.size} {base64.b64encode(checkpoint.root).decode()}"


def _checkpoint_of(note: str) -> Checkpoint:
    """What the note says, before it is known who signed it: only then does one know whose signature to expect."""
    text, separator, _ = note.rpartition("\n\n")
    try:
        if not separator:
            raise BadNoteError("no signatures below an empty line")
        return parse_body(f"{text}\n")
    except BadNoteError as error:
        raise BadRequestError(f"not a signed checkpoint: {error.detail}") from error


def _trusted_part(text: str, keys: tuple[VerifierKey, ...]) -> Note:
    """The note with the signatures of trusted keys only; raises UntrustedError when there are none, or one is wrong."""
    try:
        note, signed_by = open_note(text, keys)
    except BadNoteError as error:
        raise UntrustedError(f"invalid signature: {error.detail}") from error
    known = {(key.name, key.id) for key in signed_by}
    lines: dict[tuple[str, bytes], int] = {}
    for number, signature in enumerate(note.signatures):
        identity = (signature.name, signature.key_id)
        if identity in known:
            lines.setdefault(identity, number)
    return Note(note.text, tuple(note.signatures[number] for number in sorted(lines.values())))
