"""Verifies a stretch of the chain, or all of it with everything that stands beside it; names what is broken."""

from collections.abc import AsyncIterator, Awaitable, Callable

from ledger.domain.tree_walk import TreeWalk
from ledger.use_cases.verification_ports import Evidence, Seen
from ledger.use_cases.verify_blocks import (
    BOOKS,
    PIECE,
    BrokenError,
    Finding,
    Outcome,
    Trust,
    Walk,
    check_checkpoints,
    check_outside,
    check_tip,
    count_nothing,
    digest_of,
    frontier_at,
    head_of,
    walk_blocks,
)
from ledger.use_cases.verify_states import check_remembered, check_states

__all__ = ["Finding", "Outcome", "Trust", "verify_chain"]


async def verify_chain(
    source: Evidence,
    trust: Trust,
    *,
    start: int = 0,
    end: int | None = None,
    progress: Callable[[int], None] = count_nothing,
) -> Outcome:
    """Looks at blocks start..end-1, the tree and checkpoints over them and the rows they speak of.

    `end` None means the tip. From the first block to the tip it looks at all there is: the head, every balance, lot,
    link, receipt and state, and rows that no block speaks of. What is wrong with a block ends it there, for the rest
    is judged by the blocks; beyond that every part is looked at, whatever the others found.
    """
    try:
        head = await head_of(source)
    except BrokenError as broken:
        return Outcome(start, start + 1, (broken.finding,))
    stop = head.size if end is None else min(end, head.size)
    if start >= stop:
        return Outcome(start, stop)
    whole = (start, stop) == (0, head.size)
    depth = BOOKS if whole else PIECE
    findings: list[Finding] = []

    async def note(part: Awaitable[None]) -> None:
        try:
            await part
        except BrokenError as broken:
            findings.append(broken.finding)

    walk = Walk(TreeWalk())
    try:
        if whole:
            await source.begin(start, stop)
        if start:
            walk.tree = TreeWalk.at(start, (await frontier_at(source, start)).peaks)
        await walk_blocks(source, walk, stop, progress)
    except BrokenError as broken:
        return Outcome(start, stop, (broken.finding,), depth)
    await note(check_checkpoints(source, trust, start, stop))
    if stop == head.size:
        await note(check_tip(source, head, walk))
    await note(check_outside(source, trust, head.size))
    if whole:
        await note(_check_sealed(source, trust, head.size))
    findings += [finding async for finding in contradictions(source, start, stop, whole=whole, seen=walk.seen)]
    return Outcome(start, stop, tuple(findings), depth)


async def contradictions(source: Evidence, start: int, end: int, *, whole: bool, seen: Seen) -> AsyncIterator[Finding]:
    async for each in source.contradictions(start, end, whole=whole, seen=seen):
        yield Finding(each.block_index, each.detail)


async def _check_sealed(source: Evidence, trust: Trust, size: int) -> None:
    if not trust.state_keys:
        return
    last = await check_states(source, trust, size)
    check_remembered(trust, last)
    if last is not None and await digest_of(source.balances_at(last.size)) != last.balances:
        raise BrokenError(None, f"verified state {last.size}: the blocks give other balances than were verified")
