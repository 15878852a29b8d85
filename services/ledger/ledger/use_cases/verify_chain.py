"""Verifies a stretch of the chain, or all of it with everything that stands beside it; names what is broken."""

from collections.abc import AsyncIterator, Awaitable, Callable

from ledger.domain.tree_walk import TreeWalk
from ledger.domain.verified_state import balances_digest
from ledger.use_cases.verification_ports import Evidence
from ledger.use_cases.verify_blocks import (
    BrokenError,
    Finding,
    Outcome,
    Trust,
    Walk,
    balance_text,
    check_checkpoints,
    check_outside,
    check_tip,
    count_nothing,
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
    findings: list[Finding] = []

    async def note(part: Awaitable[None]) -> None:
        try:
            await part
        except BrokenError as broken:
            findings.append(broken.finding)

    walk = Walk(TreeWalk())
    try:
        balances_then = await _walk(source, trust, walk, (start, stop), progress)
    except BrokenError as broken:
        return Outcome(start, stop, (broken.finding,))
    await note(check_checkpoints(source, trust, start, stop))
    if stop == head.size:
        await note(check_tip(source, head, walk))
    await note(check_outside(source, trust, head.size))
    if whole:
        await note(_check_sealed(source, trust, balances_then, head.size))
        await note(_check_balances(source, walk))
    findings += [finding async for finding in contradictions(source, start, stop, whole=whole)]
    return Outcome(start, stop, tuple(findings))


async def contradictions(source: Evidence, start: int, end: int, *, whole: bool) -> AsyncIterator[Finding]:
    async for each in source.contradictions(start, end, whole=whole):
        yield Finding(each.block_index, each.detail)


async def _walk(
    source: Evidence, trust: Trust, walk: Walk, stretch: tuple[int, int], progress: Callable[[int], None]
) -> bytes:
    """Goes through the blocks; gives the digest of the balances at the size of the latest state, or at the end."""
    start, stop = stretch
    if start:
        walk.tree = TreeWalk.at(start, (await frontier_at(source, start)).peaks)
        await walk_blocks(source, walk, stop, progress)
        return b""
    latest = await source.latest_state() if trust.state_keys else None
    if latest is not None and latest.size < stop:
        await walk_blocks(source, walk, latest.size, progress)
    balances = balances_digest(sorted(walk.moved.items()))
    await walk_blocks(source, walk, stop, progress)
    return balances if latest is not None and latest.size < stop else balances_digest(sorted(walk.moved.items()))


async def _check_sealed(source: Evidence, trust: Trust, balances_then: bytes, size: int) -> None:
    if not trust.state_keys:
        return
    last = await check_states(source, trust, size)
    check_remembered(trust, last)
    if last is not None and last.balances != balances_then:
        raise BrokenError(None, f"verified state {last.size}: the blocks give other balances than were verified")


async def _check_balances(source: Evidence, walk: Walk) -> None:
    """Table and blocks side by side, both in the order of the accounts."""
    expected = iter(sorted(walk.moved.items()))
    wanted = next(expected, None)
    async for account, minor in source.balances():
        if wanted is None or account < wanted[0]:
            raise BrokenError(None, f"balances {account}: no block has moved anything there")
        if account > wanted[0]:
            break
        if minor != wanted[1]:
            detail = f"{balance_text(minor)}, the blocks say {balance_text(wanted[1])}"
            raise BrokenError(None, f"balances {account}: {detail}")
        wanted = next(expected, None)
    if wanted is not None:
        raise BrokenError(None, f"balances {wanted[0]}: missing")
