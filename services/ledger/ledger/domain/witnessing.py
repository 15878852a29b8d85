"""C2SP tlog-witness, add-checkpoint: the request's form, and what a witness may cosign. No HTTP and no clock here."""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ledger.domain.checkpoints import Checkpoint
from ledger.domain.merkle import EMPTY_ROOT, HASH_BYTES, verify_consistency
from ledger.domain.notes import decode_base64
from ledger.domain.refusals import BadNoteError, BadProofError, RefusalError

HASHES_MAX: Final = 63  # the specification's
_OLD: Final = re.compile("old (0|[1-9][0-9]{0,18})")


class BadRequestError(RefusalError):
    """The request is not of the specified form."""

    CODE = "bad_request"


class SizeConflictError(RefusalError):
    """The old size is not what the witness cosigned last; `size` is."""

    CODE = "size_conflict"

    def __init__(self, size: int) -> None:
        self.size = size
        super().__init__(f"the latest cosigned size is {size}")


@dataclass(frozen=True, slots=True)
class AddCheckpoint:
    """Asks to cosign `note` (the signed checkpoint's text), proven to continue the tree of `old_size`."""

    old_size: int
    proof: tuple[bytes, ...]
    note: str

    def __str__(self) -> str:
        hashes = "".join(f"{base64.b64encode(each).decode()}\n" for each in self.proof)
        return f"old {self.old_size}\n{hashes}\n{self.note}"


def parse_request(body: bytes) -> AddCheckpoint:
    """Raises BadRequestError; the note itself is not looked at yet."""
    try:
        head, separator, note = body.decode().partition("\n\n")
    except UnicodeDecodeError as error:
        raise BadRequestError("a request is UTF-8") from error
    old, *lines = head.split("\n")
    match = _OLD.fullmatch(old)
    if not separator or match is None:
        raise BadRequestError("a request is the old size, a proof, an empty line and a checkpoint")
    if len(lines) > HASHES_MAX:
        raise BadRequestError(f"more than {HASHES_MAX} hashes")
    try:
        proof = tuple(decode_base64(line, BadNoteError) for line in lines)
    except BadNoteError as error:
        raise BadRequestError(f"a line of the proof is {error.detail}") from error
    if any(len(each) != HASH_BYTES for each in proof):
        raise BadRequestError(f"a hash has {HASH_BYTES} bytes")
    return AddCheckpoint(int(match[1]), proof, note)


def check_continues(latest: Checkpoint | None, old_size: int, proof: Sequence[bytes], checkpoint: Checkpoint) -> None:
    """Raises unless a witness that cosigned `latest` last (None: nothing of this log) may cosign `checkpoint`.

    Raises:
        BadRequestError: the old size is beyond the checkpoint's.
        SizeConflictError: the old size is not the latest one.
        BadProofError: it is not shown to be a continuation.
    """
    latest_size = 0 if latest is None else latest.size
    if old_size > checkpoint.size:
        raise BadRequestError("the old size is beyond the checkpoint's")
    if old_size != latest_size:
        raise SizeConflictError(latest_size)
    if checkpoint.size == 0 and checkpoint.root != EMPTY_ROOT:
        raise BadProofError("a log of size 0 has the empty tree's root")
    if old_size == 0 or latest is None:
        if proof:
            raise BadProofError("the consistency proof from size 0 is empty")
        return
    try:
        verify_consistency(latest.size, latest.root, checkpoint.size, checkpoint.root, proof)
    except BadProofError as error:
        raise BadProofError(f"the consistency proof does not hold: {error.detail}") from error
