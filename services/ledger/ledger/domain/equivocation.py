"""Compares two checkpoints of a log: do they tell the same story, and who signed which."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ledger.domain.checkpoints import Checkpoint, parse_body
from ledger.domain.merkle import EMPTY_ROOT, verify_consistency
from ledger.domain.notes import open_note
from ledger.domain.refusals import BadNoteError, BadProofError
from ledger.domain.witness_policy import Policy

Verdict = Literal["same", "consistent", "unproven", "inconsistent", "equivocation"]


@dataclass(frozen=True, slots=True)
class View:
    """A checkpoint whose signatures hold, and the (key) names of the witnesses that cosigned it."""

    checkpoint: Checkpoint
    witnesses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """`older` is the one with the smaller size.

    `equivocation`: one size, two roots, both signed by the log: the log has shown two histories, nothing excuses it.
    `inconsistent`: the given proof does not lead from one to the other. `unproven`: two sizes and no proof to judge by.
    """

    verdict: Verdict
    older: View
    newer: View

    @property
    def signed_both(self) -> tuple[str, ...]:
        """Witnesses that cosigned both sides: of an equivocation, they are lying too."""
        return tuple(name for name in self.older.witnesses if name in self.newer.witnesses)


def open_view(note: str, policy: Policy) -> View:
    """Raises BadNoteError unless a log of the policy signed it; signatures of the policy's witnesses must hold."""
    witnesses = {witness.key for witness in policy.witnesses}
    _, signed_by = open_note(note, [*policy.logs, *witnesses])
    checkpoint = parse_body(note.rpartition("\n\n")[0] + "\n")
    if not any(key in policy.logs and key.name == checkpoint.origin for key in signed_by):
        raise BadNoteError(f"not signed by a log called {checkpoint.origin!r} of the policy")
    return View(checkpoint, tuple(key.name for key in signed_by if key in witnesses))


def compare(first: str, second: str, policy: Policy, proof: Sequence[bytes] | None = None) -> Comparison:
    """Compares two signed notes; `proof` is a consistency proof between their sizes.

    Raises:
        BadNoteError: a note does not verify, or they are of two logs.
    """
    older, newer = sorted((open_view(note, policy) for note in (first, second)), key=lambda view: view.checkpoint.size)
    old, new = older.checkpoint, newer.checkpoint
    if old.origin != new.origin:
        raise BadNoteError(f"checkpoints of two logs: {old.origin!r} and {new.origin!r}")
    return Comparison(_judge(old, new, proof), older, newer)


def _judge(old: Checkpoint, new: Checkpoint, proof: Sequence[bytes] | None) -> Verdict:
    if old.size == new.size:
        return "same" if old.root == new.root else "equivocation"
    if old.size == 0:
        return "consistent" if old.root == EMPTY_ROOT else "equivocation"
    if proof is None:
        return "unproven"
    try:
        verify_consistency(old.size, old.root, new.size, new.root, proof)
    except BadProofError:
        return "inconsistent"
    return "consistent"
