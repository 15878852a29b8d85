"""C2SP tlog-proof: an inclusion proof as one small text file that is complete in itself."""

import base64
import re
from dataclasses import dataclass
from typing import Final

from ledger.domain.merkle import HASH_BYTES
from ledger.domain.notes import decode_base64
from ledger.domain.refusals import BadNoteError

HEADER: Final = "c2sp.org/tlog-proof@v1"
HASHES_MAX: Final = 63  # a path in a tree of 2^63 leaves
_INDEX: Final = re.compile("index (0|[1-9][0-9]{0,18})")


@dataclass(frozen=True, slots=True)
class TlogProof:
    """Index and path of a leaf under `checkpoint` (the note's text); `extra` carries our preimage."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: str
    extra: bytes | None = None

    def __str__(self) -> str:
        lines = [HEADER]
        if self.extra is not None:
            lines.append(f"extra {base64.b64encode(self.extra).decode()}")
        lines.append(f"index {self.index}")
        lines.extend(base64.b64encode(each).decode() for each in self.hashes)
        return "".join(f"{line}\n" for line in lines) + "\n" + self.checkpoint


def parse(text: str) -> TlogProof:
    """Raises BadNoteError for anything but exactly one well-formed proof."""
    head, separator, checkpoint = text.partition("\n\n")
    lines = head.split("\n")
    if not separator or lines.pop(0) != HEADER:
        raise BadNoteError(f"a proof begins with {HEADER} and holds a checkpoint")
    extra = None
    if lines and lines[0].startswith("extra "):
        extra = decode_base64(lines.pop(0).removeprefix("extra "), BadNoteError)
    match = _INDEX.fullmatch(lines.pop(0)) if lines else None
    if match is None:
        raise BadNoteError("a proof names the index of its leaf")
    hashes = tuple(decode_base64(line, BadNoteError) for line in lines)
    if len(hashes) > HASHES_MAX or any(len(each) != HASH_BYTES for each in hashes):
        raise BadNoteError(f"a proof holds at most {HASHES_MAX} hashes of {HASH_BYTES} bytes")
    return TlogProof(int(match[1]), hashes, checkpoint, extra)
