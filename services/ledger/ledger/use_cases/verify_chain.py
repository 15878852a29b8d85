"""Checks a stretch of the chain, block by block, against everything it is bound to; names the first that is broken."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ledger.domain import merkle
from ledger.domain.checkpoints import SIZE_MAX, open_checkpoint
from ledger.domain.notes import VerifierKey
from ledger.domain.proofs import complete_nodes
from ledger.domain.refusals import BadNoteError
from ledger.domain.verification import StoredBlock, check_block, first_failure
from ledger.use_cases.readings import ChainReading, HeadState, StoredCheckpoint


@dataclass(frozen=True, slots=True)
class Outcome:
    """Blocks start..end-1 were looked at. `broken_index` is the first that fails; `failure` says what and how."""

    start: int
    end: int
    broken_index: int | None = None
    failure: str | None = None

    @property
    def ok(self) -> bool:
        return self.failure is None


@dataclass(frozen=True, slots=True)
class Trust:
    keys: tuple[VerifierKey, ...]
    origin: str
    # A checkpoint from outside: only such a one can tell that the tail was cut off.
    outside_note: str | None = None


class _BrokenError(Exception):
    def __init__(self, index: int | None, failure: str) -> None:
        self.index = index
        self.failure = failure
        super().__init__(failure)


async def verify_chain(
    source: ChainReading,
    trust: Trust,
    *,
    start: int = 0,
    end: int | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> Outcome:
    """Looks at bytes, columns, postings, links, tree and checkpoints of blocks start..end-1, and at head and end.

    `end` None means the tip. The source must be one snapshot: a chain that grows meanwhile would look broken.
    """
    head = await source.head()
    stop = head.size if end is None else min(end, head.size)
    if start >= stop:
        return Outcome(start, stop)
    try:
        last, frontier = await _check_blocks(source, trust, start, stop, progress)
        if stop == head.size:
            await _check_tip(source, head, last, frontier)
        if trust.outside_note is not None:
            await _check_outside(source, trust, trust.outside_note, head.size)
    except _BrokenError as broken:
        return Outcome(start, stop, broken.index, broken.failure)
    return Outcome(start, stop)


async def _check_blocks(
    source: ChainReading, trust: Trust, start: int, stop: int, progress: Callable[[int], None]
) -> tuple[StoredBlock, merkle.Frontier]:
    frontier = await _frontier_at(source, start)
    previous = await source.find_by_index(start - 1) if start else None
    following = start
    async for page in source.pages(start, stop):
        for block in page:
            if block.block_index != following:
                raise _BrokenError(following, "missing: no such block")
            failed = first_failure(check_block(block, previous))
            if failed is not None:
                raise _BrokenError(following, f"{failed.name}: {failed.detail}")
            previous, following = block, following + 1
        frontier = await _check_tree(source, trust, page, frontier)
        progress(following)
    if following < stop or previous is None:
        raise _BrokenError(following, "missing: no such block")
    return previous, frontier


async def _frontier_at(source: ChainReading, size: int) -> merkle.Frontier:
    plan = complete_nodes(0, size)
    stored = await source.nodes(plan)
    return merkle.Frontier(size, tuple(stored.get(node, b"") for node in plan))


async def _check_tree(
    source: ChainReading, trust: Trust, page: Sequence[StoredBlock], before: merkle.Frontier
) -> merkle.Frontier:
    """The nodes that these blocks complete, and the checkpoints within them."""
    signed = {each.size: each for each in await source.checkpoints_within(before.size, before.size + len(page))}
    frontier = before
    completed: list[merkle.Node] = []
    for block in page:
        frontier, nodes = merkle.append(frontier, [merkle.leaf_hash(block.preimage)])
        completed.extend(nodes)
        if frontier.size in signed:
            _check_checkpoint(signed[frontier.size], trust, frontier.root())
    stored = await source.nodes([(node.level, node.index) for node in completed])
    for node in completed:
        if stored.get((node.level, node.index)) != node.hash:
            last_leaf = ((node.index + 1) << node.level) - 1
            raise _BrokenError(last_leaf, f"tree: node {node.level}/{node.index} differs from the blocks")
    return frontier


def _check_checkpoint(stored: StoredCheckpoint, trust: Trust, root: bytes) -> None:
    name, index = f"checkpoint {stored.size}", stored.size - 1
    try:
        checkpoint = open_checkpoint(stored.note, trust.keys, trust.origin)
    except BadNoteError as error:
        raise _BrokenError(index, f"{name}: {error}") from error
    if checkpoint.size != stored.size or stored.root != checkpoint.root:
        raise _BrokenError(index, f"{name}: its columns differ from its note")
    if checkpoint.root != root:
        raise _BrokenError(index, f"{name}: the blocks have another root than was signed")


async def _check_tip(source: ChainReading, head: HeadState, last: StoredBlock, frontier: merkle.Frontier) -> None:
    if await source.find_by_index(head.size) is not None:
        raise _BrokenError(head.size, "head: blocks go on beyond it")
    if head.tip != last.hash or head.peaks != b"".join(frontier.peaks):
        raise _BrokenError(head.size - 1, "head: it does not fit the last block")
    beyond = await source.checkpoints_within(head.size, SIZE_MAX)
    if beyond:
        raise _BrokenError(head.size, f"checkpoint {beyond[0].size}: the chain is shorter than was signed")


async def _check_outside(source: ChainReading, trust: Trust, note: str, size: int) -> None:
    try:
        outside = open_checkpoint(note, trust.keys, trust.origin)
    except BadNoteError as error:
        raise _BrokenError(None, f"outside checkpoint: {error}") from error
    if outside.size > size:
        raise _BrokenError(size, f"outside checkpoint {outside.size}: the chain is shorter than was signed")
    if (await _frontier_at(source, outside.size)).root() != outside.root:
        raise _BrokenError(outside.size - 1, f"outside checkpoint {outside.size}: the blocks have another root")
