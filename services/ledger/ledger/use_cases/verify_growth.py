"""Verifies what was appended since the last time, from the state that was sealed then."""

from dataclasses import dataclass
from datetime import datetime

from ledger.domain.merkle import verify_consistency
from ledger.domain.proofs import plan_consistency
from ledger.domain.refusals import BadProofError
from ledger.domain.tree_walk import TreeWalk
from ledger.domain.verified_state import VerifiedState
from ledger.use_cases.verification_ports import Evidence, HeadRow
from ledger.use_cases.verify_blocks import (
    BOOKS,
    BrokenError,
    Finding,
    Outcome,
    Trust,
    Walk,
    check_checkpoints,
    check_tip,
    count_nothing,
    digests_since,
    frontier_at,
    head_of,
    walk_blocks,
)
from ledger.use_cases.verify_chain import contradictions, verify_chain
from ledger.use_cases.verify_states import check_remembered, describe, opened


@dataclass(frozen=True, slots=True)
class Growth:
    """`state` is to be sealed and kept; None when there was nothing new, or something is broken."""

    outcome: Outcome
    state: VerifiedState | None = None


async def verify_growth(source: Evidence, trust: Trust, now: datetime) -> Growth:
    """Looks at the new blocks and all that they changed; without a state, at everything."""
    size = 1
    try:
        head = await head_of(source)
        size = head.size
        previous = await _last_state(source, trust, head)
    except BrokenError as broken:
        return Growth(Outcome(0, size, (broken.finding,), BOOKS))
    if previous is not None and previous.size == head.size:
        return Growth(Outcome(head.size, head.size))
    # The balances are gone through once, for what they were and what they are.
    before, balances = await digests_since(source, head.size if previous is None else previous.size)
    if previous is None:
        outcome = await verify_chain(source, trust)
    else:
        outcome = await _verify_new(source, trust, head, previous, before)
    if not outcome.ok:
        return Growth(outcome)
    return Growth(outcome, await describe(source, trust, previous, balances, now))


async def _last_state(source: Evidence, trust: Trust, head: HeadRow) -> VerifiedState | None:
    stored = await source.latest_state()
    state = None if stored is None else opened(stored, trust, head.size)
    check_remembered(trust, state)
    if state is not None and (await frontier_at(source, state.size)).root() != state.root:
        raise BrokenError(
            state.size - 1, f"verified state {state.size}: the blocks have another root than was verified"
        )
    return state


async def _verify_new(
    source: Evidence, trust: Trust, head: HeadRow, previous: VerifiedState, balances_before: bytes
) -> Outcome:
    findings: list[Finding] = []
    walk = Walk(TreeWalk.at(previous.size, (await frontier_at(source, previous.size)).peaks))
    try:
        await walk_blocks(source, walk, head.size, count_nothing)
        await _check_consistency(source, previous, head.size, walk)
        await check_checkpoints(source, trust, previous.size, head.size)
        await check_tip(source, head, walk)
        # Take back what the new blocks moved, and the balances must be those that were sealed.
        if balances_before != previous.balances:
            # The digest cannot say whose balance it is; the blocks can, all of them.
            found = (await verify_chain(source, trust)).findings
            general = Finding(None, f"balances: without the new blocks they are not those of state {previous.size}")
            return Outcome(previous.size, head.size, found or (general,), BOOKS)
    except BrokenError as broken:
        findings.append(broken.finding)
    else:
        findings += [
            each async for each in contradictions(source, previous.size, head.size, whole=False, seen=walk.seen)
        ]
    return Outcome(previous.size, head.size, tuple(findings), BOOKS)


async def _check_consistency(source: Evidence, previous: VerifiedState, size: int, walk: Walk) -> None:
    plan = plan_consistency(previous.size, size)
    try:
        proof = plan.build(await source.nodes(plan.nodes))
        verify_consistency(previous.size, previous.root, size, walk.tree.frontier.root(), proof)
    except BadProofError as error:
        raise BrokenError(previous.size - 1, f"verified state {previous.size}: {error.detail}") from error
