"""What was verified before must still be so: sealed states, from the first to the last."""

from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import datetime
from itertools import chain
from typing import Final

from ledger.domain.proofs import build_root, plan_root
from ledger.domain.refusals import BadProofError
from ledger.domain.verified_state import (
    NOTHING,
    BadStateError,
    RowChain,
    VerifiedState,
    open_state,
)
from ledger.use_cases.verification_ports import Evidence, StoredState
from ledger.use_cases.verify_blocks import BrokenError, Trust, frontier_at, head_of

# States whose roots are looked at together: one query for all their nodes.
STATES_PER_QUERY: Final = 200


class _Rows:
    """A stream of rows under ascending numbers, digested as far as is asked."""

    def __init__(self, pages: AsyncIterator[Sequence[tuple[int, str]]]) -> None:
        self._pages = pages
        self._waiting: Iterator[tuple[int, str]] = iter(())
        self._chain = RowChain()
        self.count = 0

    async def digest_up_to(self, end: int) -> bytes:
        """Over the rows with numbers below `end`."""
        while True:
            for row in self._waiting:
                if row[0] >= end:
                    self._waiting = chain((row,), self._waiting)
                    return self._chain.digest
                self._chain.add(row[1])
                self.count += 1
            page = await anext(self._pages, None)
            if page is None:
                return self._chain.digest
            self._waiting = iter(page)


def opened(stored: StoredState, trust: Trust, size: int) -> VerifiedState:
    """The state, of a chain of `size` blocks; raises BrokenError unless one of our keys has sealed it."""
    name = f"verified state {stored.size}"
    try:
        state = open_state(stored.body, stored.mac, trust.state_keys, trust.origin)
    except BadStateError as error:
        raise BrokenError(None, f"{name}: {error}") from error
    if state.size != stored.size:
        raise BrokenError(None, f"{name}: its column differs from its body")
    if state.size > size:
        raise BrokenError(size, f"{name}: the chain is shorter than was verified")
    return state


def check_remembered(trust: Trust, last: VerifiedState | None) -> None:
    """That the last state there is, is not older than the last one known outside."""
    known = trust.remembered
    if known is not None and (last is None or last.size < known.size):
        raise BrokenError(None, f"verified state {known.size}: it was taken out of the database")
    if known is not None and last is not None and last.size == known.size and last.body != known.body:
        raise BrokenError(None, f"verified state {known.size}: it is not the one that is remembered")


async def check_states(source: Evidence, trust: Trust, size: int) -> VerifiedState | None:
    """All states against the blocks, the rows beside them, and each other; gives the last.

    Raises:
        BrokenError: the smallest state that does not fit.
    """
    records, receipts = _Rows(source.records(0, size)), _Rows(source.receipts(0))
    previous: VerifiedState | None = None
    batch: list[VerifiedState] = []
    async for stored in source.states():
        state = opened(stored, trust, size)
        if state.previous != (NOTHING if previous is None else previous.digest):
            raise BrokenError(None, f"verified state {state.size}: one before it is missing")
        since = 0 if previous is None else previous.size
        if await records.digest_up_to(state.size) != state.records:
            detail = f"rows beside blocks {since} to {state.size - 1} are not what was verified"
            raise BrokenError(since, f"verified state {state.size}: {detail}")
        digest = await receipts.digest_up_to(state.receipts + 1)
        if (receipts.count, digest) != (state.receipts, state.receipts_sha256):
            earlier = 0 if previous is None else previous.receipts
            detail = f"receipts {earlier + 1} to {state.receipts} are not what was verified"
            raise BrokenError(None, f"verified state {state.size}: {detail}")
        batch.append(state)
        previous = state
        if len(batch) >= STATES_PER_QUERY:
            await _check_roots(source, batch)
            batch = []
    await _check_roots(source, batch)
    return previous


async def _check_roots(source: Evidence, states: list[VerifiedState]) -> None:
    nodes = await source.nodes({node for state in states for node in plan_root(state.size).nodes})
    for state in states:
        try:
            root = build_root(state.size, nodes)
        except BadProofError as error:
            raise BrokenError(state.size - 1, f"verified state {state.size}: {error.detail}") from error
        if root != state.root:
            detail = f"verified state {state.size}: the blocks have another root than was verified"
            raise BrokenError(state.size - 1, detail)


async def describe(
    source: Evidence, trust: Trust, previous: VerifiedState | None, balances: bytes, now: datetime
) -> VerifiedState:
    """The state of everything there is, which has just been verified, as the one after `previous`.

    `balances` is the digest of all balances as they are.
    """
    head = await head_of(source)
    since = 0 if previous is None else previous.size
    records = RowChain(NOTHING if previous is None else previous.records)
    async for page in source.records(since, head.size):
        for _, row in page:
            records.add(row)
    receipts = RowChain(NOTHING if previous is None else previous.receipts_sha256)
    count = 0 if previous is None else previous.receipts
    async for page in source.receipts(count):
        for number, row in page:
            receipts.add(row)
            count = number
    return VerifiedState(
        origin=trust.origin,
        size=head.size,
        root=(await frontier_at(source, head.size)).root(),
        tip=head.tip,
        balances=balances,
        records=records.digest,
        receipts=count,
        receipts_sha256=receipts.digest,
        verified_at=now,
        previous=NOTHING if previous is None else previous.digest,
    )
