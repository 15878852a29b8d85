"""Checks one block against everything that binds it, and says what was checked, one by one."""

from collections.abc import Iterable
from dataclasses import dataclass

from ledger.domain.checkpoints import Checkpoint, open_checkpoint
from ledger.domain.merkle import leaf_hash, verify_inclusion
from ledger.domain.notes import VerifierKey
from ledger.domain.proofs import plan_inclusion
from ledger.domain.refusals import BadNoteError, BadProofError
from ledger.domain.verification import Check, StoredBlock, check_block, first_failure
from ledger.use_cases.readings import ChainReading


@dataclass(frozen=True, slots=True)
class Verdict:
    block: StoredBlock
    checks: tuple[Check, ...]

    @property
    def valid(self) -> bool:
        return first_failure(self.checks) is None

    @property
    def first_failure(self) -> str | None:
        failed = first_failure(self.checks)
        return None if failed is None else failed.name


async def verify_block(
    reader: ChainReading, block: StoredBlock, note: str | None, *, keys: Iterable[VerifierKey], origin: str
) -> Verdict:
    """O(log n): its bytes, columns and postings, its neighbour, its place under the signed checkpoint `note`.

    A block that no checkpoint covers yet has nothing to be included in: those two checks are None, not failed.
    """
    previous = await reader.find_by_index(block.block_index - 1) if block.block_index > 0 else None
    checks = check_block(block, previous)
    checks.extend(await _check_inclusion(reader, block, note, keys, origin))
    return Verdict(block, tuple(checks))


async def _check_inclusion(
    reader: ChainReading, block: StoredBlock, note: str | None, keys: Iterable[VerifierKey], origin: str
) -> list[Check]:
    if note is None:
        return [Check("inclusion", ok=None), Check("signature", ok=None)]
    checkpoint: Checkpoint | None = None
    try:
        checkpoint = open_checkpoint(note, keys, origin)
        signature = Check("signature", ok=True)
    except BadNoteError as error:
        signature = Check("signature", ok=False, detail=error.detail)
    if checkpoint is None:
        return [Check("inclusion", ok=None, detail="no checkpoint of ours to be included in"), signature]
    if block.block_index >= checkpoint.size:
        return [Check("inclusion", ok=None), Check("signature", ok=None)]
    plan = plan_inclusion(block.block_index, checkpoint.size)
    try:
        path = plan.build(await reader.nodes(plan.nodes))
        verify_inclusion(leaf_hash(block.preimage), block.block_index, checkpoint.size, path, checkpoint.root)
    except BadProofError as error:
        return [Check("inclusion", ok=False, detail=error.detail), signature]
    return [Check("inclusion", ok=True), signature]
