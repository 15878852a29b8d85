"""C2SP tlog-checkpoint: a signed note that says "this log has this size and this root"."""

from dataclasses import dataclass
from typing import Final

from impactnet_verify.encodings import decode_base64_hash, decode_number
from impactnet_verify.failures import NotVerifiedError, require
from impactnet_verify.notes import COSIGNATURE, open_note
from impactnet_verify.policies import Policy

_LINES_MIN: Final = 3


@dataclass(frozen=True, slots=True)
class Body:
    """Size and root of the log called `origin`. Extension lines are signed, but mean nothing here."""

    origin: str
    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A body that its log signed and enough witnesses cosigned; `witnesses` maps their key names to Unix seconds."""

    origin: str
    size: int
    root: bytes
    witnesses: dict[str, int]
    ignored_lines: int


def parse_body(text: str) -> Body:
    """Raises NotVerifiedError unless the text is origin, size, root, and extension lines, none of them empty."""
    require(text.endswith("\n"), "checkpoint: it does not end in a newline")
    lines = text.removesuffix("\n").split("\n")
    require(len(lines) >= _LINES_MIN and all(lines), "checkpoint: fewer than three lines, or an empty one")
    origin, size, root, *_ = lines
    return Body(origin, decode_number(size, "checkpoint: size"), decode_base64_hash(root, "checkpoint: root"))


def open_checkpoint(content: bytes, policy: Policy, what: str = "checkpoint") -> Checkpoint:
    """Raises NotVerifiedError unless a log of the policy called like the origin signed it, and the quorum saw it."""
    try:
        opened = open_note(content, policy.keys)
        body = parse_body(opened.text)
        logs = {key.name for key in policy.logs if key in opened.signed_by}
        require(logs, "not signed by a log of the policy")
        require(body.origin in logs, f"it speaks for {body.origin!r}, but is not signed by that log")
        cosigned_by = {key: time or 0 for key, time in opened.signed_by.items() if key.kind == COSIGNATURE}
        require(policy.is_satisfied(cosigned_by.keys()), f"too few cosignatures: the quorum {policy.quorum} is not met")
    except NotVerifiedError as failure:
        raise NotVerifiedError(f"{what}: {str(failure).removeprefix('checkpoint: ')}") from failure
    witnesses = {key.name: time for key, time in cosigned_by.items()}
    return Checkpoint(body.origin, body.size, body.root, witnesses, opened.ignored)
