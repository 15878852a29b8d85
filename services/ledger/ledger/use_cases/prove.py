"""Proofs for a stranger: that a block is under the signed checkpoint, and that the log only ever grew."""

from dataclasses import dataclass

from ledger.domain.checkpoints import parse_body
from ledger.domain.merkle import leaf_hash
from ledger.domain.notes import parse
from ledger.domain.proofs import plan_consistency, plan_inclusion
from ledger.domain.refusals import BeyondTipError, NotYetCheckpointedError
from ledger.domain.tlog_proof import TlogProof
from ledger.domain.verification import StoredBlock
from ledger.use_cases.readings import ChainReading


@dataclass(frozen=True, slots=True)
class InclusionProof:
    block: StoredBlock
    tree_size: int
    root: bytes
    hashes: tuple[bytes, ...]
    checkpoint: str

    @property
    def leaf_hash(self) -> bytes:
        return leaf_hash(self.block.preimage)

    def as_file(self) -> str:
        """The C2SP tlog-proof whose `extra` line carries the preimage: complete in itself."""
        return str(TlogProof(self.block.block_index, self.hashes, self.checkpoint, self.block.preimage))


async def prove_inclusion(reader: ChainReading, block: StoredBlock, note: str | None) -> InclusionProof:
    """For the checkpoint's size, never for "now".

    Raises:
        NotYetCheckpointedError: no checkpoint covers the block.
    """
    if note is None:
        raise NotYetCheckpointedError
    checkpoint = parse_body(parse(note).text)
    if block.block_index >= checkpoint.size:
        raise NotYetCheckpointedError
    plan = plan_inclusion(block.block_index, checkpoint.size)
    hashes = plan.build(await reader.nodes(plan.nodes))
    return InclusionProof(block, checkpoint.size, checkpoint.root, tuple(hashes), note)


async def prove_consistency(reader: ChainReading, old_size: int, size: int, *, checkpointed: int) -> list[bytes]:
    """That the tree of `size` begins with the tree of `old_size`; sizes are 0 < old_size <= size <= checkpointed.

    Raises:
        BeyondTipError: `size` is beyond the signed checkpoint.
        BadProofError: no such pair of sizes.
    """
    if size > checkpointed:
        raise BeyondTipError(f"The signed checkpoint has {checkpointed} blocks.", field="to")
    plan = plan_consistency(old_size, size)
    return plan.build(await reader.nodes(plan.nodes))
