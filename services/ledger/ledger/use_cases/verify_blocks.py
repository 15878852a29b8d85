"""The parts that verifications are made of: blocks with the tree over them, checkpoints, the head, and what beside."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from ledger.domain.checkpoints import SIZE_MAX, open_checkpoint
from ledger.domain.merkle import Frontier
from ledger.domain.notes import VerifierKey
from ledger.domain.proofs import build_root, complete_nodes, plan_root
from ledger.domain.refusals import BadNoteError, BadProofError
from ledger.domain.tree_walk import TreeWalk
from ledger.domain.verified_state import BalancesDigest, VerifiedState
from ledger.use_cases.readings import StoredCheckpoint
from ledger.use_cases.verification_ports import Evidence, HeadRow, Seen

# Blocks whose checkpoints are looked at together: one query for all their nodes.
CHECKPOINT_WINDOW_BLOCKS: Final = 65_536


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that does not fit; `block_index` is the first block concerned, where there is one."""

    block_index: int | None
    failure: str


# How much a pass looks at: blocks with the rows beside them; balances and sealed states too; and all lots.
PIECE: Final = 0
BOOKS: Final = 1
LOTS: Final = 2


@dataclass(frozen=True, slots=True)
class Outcome:
    """Blocks start..end-1 were looked at; `findings` in the order of the checks, the first names the break.

    `depth` is what it took to find them, or how much was looked at; `as_of` the moment whose view it was, by the
    database's clock.
    """

    start: int
    end: int
    findings: tuple[Finding, ...] = ()
    depth: int = PIECE
    as_of: datetime | None = None

    @property
    def ok(self) -> bool:
        return not self.findings

    @property
    def broken_index(self) -> int | None:
        return self.findings[0].block_index if self.findings else None

    @property
    def failure(self) -> str | None:
        return self.findings[0].failure if self.findings else None


@dataclass(frozen=True, slots=True)
class Trust:
    """What is believed from the start: the log's name and keys, and the keys that seal what was verified before."""

    keys: tuple[VerifierKey, ...]
    origin: str
    # A checkpoint from outside: only such a one can tell that the tail was cut off.
    outside_note: str | None = None
    # Without keys, what was sealed is not looked at.
    state_keys: tuple[bytes, ...] = ()
    # The last state as known outside the database: one that is gone from it was taken out.
    remembered: VerifiedState | None = None


class BrokenError(Exception):
    """Ends a part of a verification."""

    def __init__(self, block_index: int | None, failure: str) -> None:
        self.finding = Finding(block_index, failure)
        super().__init__(failure)


@dataclass(slots=True)
class Walk:
    """What was seen on the way: the tree, what all blocks told, and of the last one hash, time and nonce."""

    tree: TreeWalk
    seen: Seen = field(default_factory=Seen)
    tip: str = ""
    moment: str = ""
    nonce: int = 0


def count_nothing(done: int) -> None:
    """Progress that nobody watches."""


async def head_of(source: Evidence) -> HeadRow:
    head = await source.head()
    if head is None or head.size < 1:
        raise BrokenError(0, "head: missing")
    return head


async def frontier_at(source: Evidence, size: int) -> Frontier:
    """The right edge of the first `size` leaves, by the stored nodes; a missing one is no node at all."""
    plan = complete_nodes(0, size)
    stored = await source.nodes(plan)
    return Frontier(size, tuple(stored.get(node, b"") for node in plan))


async def walk_blocks(source: Evidence, walk: Walk, end: int, progress: Callable[[int], None]) -> None:
    """Goes on from where the walk's tree ends, up to block `end` - 1.

    Raises:
        BrokenError: the first block that is broken.
    """
    async for segment in source.segments(walk.tree.size, end):
        if segment.broken is not None:
            raise BrokenError(*segment.broken)
        completed = walk.tree.add(segment.subtrees)
        stored = await source.nodes([(node.level, node.index) for node in completed])
        for node in completed:
            if stored.get((node.level, node.index)) != node.hash:
                last_leaf = ((node.index + 1) << node.level) - 1
                raise BrokenError(last_leaf, f"tree: node {node.level}/{node.index} differs from the blocks")
        walk.tip, walk.moment, walk.nonce = segment.tip, segment.moment, segment.nonce
        walk.seen.add(segment.seen)
        progress(segment.end)


async def check_checkpoints(source: Evidence, trust: Trust, start: int, end: int) -> None:
    """Every checkpoint of sizes start+1..end; raises BrokenError for the smallest that does not fit."""
    for first in range(start, end, CHECKPOINT_WINDOW_BLOCKS):
        found = await source.checkpoints_within(first, min(end, first + CHECKPOINT_WINDOW_BLOCKS))
        nodes = await source.nodes({node for each in found for node in plan_root(each.size).nodes})
        for each in found:
            try:
                root = build_root(each.size, nodes)
            except BadProofError as error:
                raise BrokenError(each.size - 1, f"checkpoint {each.size}: {error.detail}") from error
            _check_checkpoint(each, trust, root)


def _check_checkpoint(stored: StoredCheckpoint, trust: Trust, root: bytes) -> None:
    name, index = f"checkpoint {stored.size}", stored.size - 1
    try:
        checkpoint = open_checkpoint(stored.note, trust.keys, trust.origin)
    except BadNoteError as error:
        raise BrokenError(index, f"{name}: {error.detail}") from error
    if checkpoint.size != stored.size or stored.root != checkpoint.root:
        raise BrokenError(index, f"{name}: its columns differ from its note")
    if checkpoint.root != root:
        raise BrokenError(index, f"{name}: the blocks have another root than was signed")


async def check_tip(source: Evidence, head: HeadRow, walk: Walk) -> None:
    """That the head is the last block's, and that nothing goes on beyond it."""
    beyond = await source.block_outside(head.size)
    if beyond is not None:
        raise BrokenError(beyond, "head: blocks go on beyond it")
    last = head.size - 1
    tip_at = head.tip_at.replace(tzinfo=None).isoformat(timespec="microseconds")
    # An epoch above the last block's is a takeover that has not written yet.
    if head.tip != walk.tip or tip_at != walk.moment or head.epoch < walk.nonce:
        raise BrokenError(last, "head: it does not fit the last block")
    if head.peaks != b"".join(walk.tree.frontier.peaks):
        raise BrokenError(last, "head: its peaks are not those of the tree")
    signed_beyond = await source.checkpoints_within(head.size, SIZE_MAX)
    if signed_beyond:
        raise BrokenError(head.size, f"checkpoint {signed_beyond[0].size}: the chain is shorter than was signed")
    posting = await source.posting_outside(head.size)
    if posting is not None:
        raise BrokenError(posting, "postings: of a block that is not there")
    # That none is missing within is seen where the blocks below it are looked at.
    node = await source.node_beyond(head.size)
    if node is not None:
        raise BrokenError(last, f"tree: node {node[0]}/{node[1]} has no leaves under it")


async def check_outside(source: Evidence, trust: Trust, size: int) -> None:
    """The checkpoint that came from outside, if there is one."""
    if trust.outside_note is None:
        return
    try:
        outside = open_checkpoint(trust.outside_note, trust.keys, trust.origin)
    except BadNoteError as error:
        raise BrokenError(None, f"outside checkpoint: {error.detail}") from error
    if outside.size > size:
        raise BrokenError(size, f"outside checkpoint {outside.size}: the chain is shorter than was signed")
    if (await frontier_at(source, outside.size)).root() != outside.root:
        raise BrokenError(outside.size - 1, f"outside checkpoint {outside.size}: the blocks have another root")


async def digest_of(balances: AsyncIterator[tuple[str, str]]) -> bytes:
    digest = BalancesDigest()
    async for account, balance in balances:
        digest.add(account, balance)
    return digest.digest


async def digests_since(source: Evidence, start: int) -> tuple[bytes, bytes]:
    """Of all balances: without what blocks from `start` on have moved, and as they are."""
    before, now = BalancesDigest(), BalancesDigest()
    async for account, earlier, balance in source.balances_since(start):
        before.add(account, earlier)
        now.add(account, balance)
    return before.digest, now.digest
