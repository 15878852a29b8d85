"""C2SP tlog-checkpoint: the signed statement "this log has this size and this root"."""

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from ledger.domain import notes
from ledger.domain.merkle import HASH_BYTES
from ledger.domain.refusals import BadNoteError

SIZE_MAX: Final = 2**63 - 1  # the database's bigint
_SIZE: Final = re.compile("0|[1-9][0-9]{0,18}")
_LINES_MIN: Final = 3


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Size and root of the log called `origin`; extension lines are kept and ignored."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    @property
    def body(self) -> str:
        lines = [self.origin, str(self.size), base64.b64encode(self.root).decode(), *self.extensions]
        return "".join(f"{line}\n" for line in lines)

    def signed(self, *keys: notes.SigningKey) -> str:
        return notes.sign(self.body, *keys)


def parse_body(body: str) -> Checkpoint:
    """Raises BadNoteError unless `body` is origin, size, root of 32 bytes, and non-empty extension lines."""
    if not body.endswith("\n"):
        raise BadNoteError("a checkpoint ends in a newline")
    lines = body.removesuffix("\n").split("\n")
    if len(lines) < _LINES_MIN or not all(lines):
        raise BadNoteError("a checkpoint has at least three lines, none of them empty")
    origin, size, encoded_root, *extensions = lines
    if not _SIZE.fullmatch(size) or int(size) > SIZE_MAX:
        raise BadNoteError("a checkpoint's size is a plain decimal number")
    root = notes.decode_base64(encoded_root, BadNoteError)
    if len(root) != HASH_BYTES:
        raise BadNoteError(f"a root has {HASH_BYTES} bytes")
    return Checkpoint(origin, int(size), root, tuple(extensions))


def open_checkpoint(note: bytes | str, keys: Iterable[notes.VerifierKey], origin: str) -> Checkpoint:
    """The checkpoint of a note that a known key named like the log signed; raises BadNoteError otherwise."""
    parsed, signed_by = notes.open_note(note, keys)
    checkpoint = parse_body(parsed.text)
    if checkpoint.origin != origin:
        raise BadNoteError(f"a checkpoint of {checkpoint.origin!r}, not of {origin!r}")
    if not any(key.name == origin for key in signed_by):
        raise BadNoteError("not signed by the log itself")
    return checkpoint
