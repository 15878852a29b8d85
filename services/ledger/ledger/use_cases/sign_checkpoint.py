"""The signer: signs the log's size and root, but only if the log it signed before is still its beginning."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ledger.domain.checkpoints import Checkpoint, open_checkpoint
from ledger.domain.merkle import verify_consistency
from ledger.domain.notes import SigningKey, VerifierKey
from ledger.domain.proofs import NodeId, build_root, plan_consistency, plan_root
from ledger.domain.refusals import BadProofError, RefusalError


class LogRewrittenError(RefusalError):
    """The log is not a continuation of what was signed before: nothing is signed until a person has looked.

    `contradicting` are the notes that it does not continue, the largest first; none when one is not even ours.
    """

    CODE = "log_rewritten"

    def __init__(self, detail: str, contradicting: Sequence[str] = ()) -> None:
        self.contradicting = tuple(contradicting)
        super().__init__(detail)


class Log(Protocol):
    """The signer's view: the tree, and the notes it has signed."""

    async def size(self) -> int: ...
    async def nodes(self, wanted: Iterable[NodeId]) -> Mapping[NodeId, bytes]: ...
    async def latest_notes(self) -> Sequence[str]:
        """The newest that was published and the newest that was signed: often the same, or none."""
        ...

    async def keep(self, checkpoint: Checkpoint, note: str) -> None:
        """Stores a new note; publishes it at once where no witnesses are waited for."""
        ...


@dataclass(frozen=True, slots=True)
class Identity:
    """Who signs, and which keys (the old ones too) are taken for one's own."""

    key: SigningKey
    trusted: tuple[VerifierKey, ...]

    @property
    def origin(self) -> str:
        return self.key.name

    @property
    def own_keys(self) -> list[VerifierKey]:
        """Each once: a key that is both the present and a published one must not make its own notes ambiguous."""
        return list(dict.fromkeys([self.key.verifier, *self.trusted]))


async def sign_checkpoint(log: Log, identity: Identity, *, remembered: Sequence[str] = ()) -> str | None:
    """The new note, or None while the log has not grown.

    `remembered` are notes kept outside the database, by the signer or by witnesses: whoever rewrites the database
    cannot reach them.

    Raises:
        LogRewrittenError: a note signed before does not fit the log any more.
    """
    size = await log.size()
    latest = await log.latest_notes()
    previous = {note: _open(note, identity) for note in [*latest, *remembered]}
    root = await _root(log, size)
    await _check_continues(log, previous, size, root)
    if any(checkpoint.size == size for checkpoint in previous.values()) and latest:
        return None
    checkpoint = Checkpoint(identity.origin, size, root)
    note = checkpoint.signed(identity.key)
    await log.keep(checkpoint, note)
    return note


def _open(note: str, identity: Identity) -> Checkpoint:
    try:
        return open_checkpoint(note, identity.own_keys, identity.origin)
    except RefusalError as refusal:
        raise LogRewrittenError(f"a checkpoint published before is not ours: {refusal.detail}") from refusal


async def _root(log: Log, size: int) -> bytes:
    stored = await log.nodes(plan_root(size).nodes)
    try:
        return build_root(size, stored)
    except BadProofError as error:
        raise LogRewrittenError(f"the tree of {size} is not whole: {error.detail}") from error


async def _check_continues(log: Log, previous: Mapping[str, Checkpoint], size: int, root: bytes) -> None:
    contradicting: list[str] = []
    details: list[str] = []
    for note, checkpoint in sorted(previous.items(), key=lambda each: each[1].size, reverse=True):
        try:
            plan = plan_consistency(checkpoint.size, size)
            proof = plan.build(await log.nodes(plan.nodes))
            verify_consistency(checkpoint.size, checkpoint.root, size, root, proof)
        except BadProofError as error:
            contradicting.append(note)
            details.append(f"not a continuation of the checkpoint of {checkpoint.size}: {error.detail}")
    if contradicting:
        raise LogRewrittenError(details[0], contradicting)
