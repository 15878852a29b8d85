"""The fenced writer: one transaction appends blocks, tree nodes and postings, and moves the head on."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple

import structlog
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from chassis.connecting import LOCK_TIMEOUT_SECONDS
from chassis.database import UnitOfWork
from chassis.execution import Execution, current_execution
from chassis.inserting import Change, Rows
from contracts.ledger import BlocksAppended
from ledger.adapters.tables.chain import head
from ledger.domain.block import Sealed, Stamps, next_timestamp, seal_block
from ledger.domain.drafts import Draft
from ledger.domain.merkle import HASH_BYTES, Frontier, grow, leaf_hash

log = structlog.get_logger(__name__)

# One commit appends at most this many blocks: its event stays far below the size cap.
BATCH_BLOCKS_MAX: Final = 256

_SPAN_COLUMNS: Final = ("level", "first", "hashes")
# A sealed block is its row. The canonical text of its data serves as the value of that column.
_BLOCK_COLUMNS: Final = tuple("data" if name == "data_text" else name for name in Sealed._fields)
_POSTING_COLUMNS: Final = ("block_index", "line", "account", "currency", "amount")

# Silence that marks the head's holder as frozen. Two such waits and a rest stay within the five seconds in which
# another writer takes over (05): the first may end just before the silence is long enough.
FROZEN_SECONDS: Final = 2
_LOCK_NOT_AVAILABLE: Final = "55P03"
# Sessions of our own role that have touched the head in a transaction, wait for no lock, and have been silent since.
_END_FROZEN: Final = text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity AS session"
    " WHERE usename = current_user AND datname = current_database() AND pid <> pg_backend_pid()"
    " AND EXISTS (SELECT FROM pg_locks WHERE pg_locks.pid = session.pid AND granted"
    " AND relation = 'head'::regclass AND mode IN ('RowShareLock', 'RowExclusiveLock'))"
    " AND ((state = 'idle in transaction' AND state_change < clock_timestamp() - make_interval(secs => :seconds))"
    " OR (state = 'active' AND wait_event = 'ClientRead'"
    " AND query_start < clock_timestamp() - make_interval(secs => :seconds)))"
)


_TAKE_HEAD: Final = "SELECT epoch, size, tip, tip_at, peaks, last_hash FROM take_head()"
# Only from where this process believes it to be, and without waiting: where another holds it, the usual way waits.
_MOVE_ASSUMED_HEAD: Final = (
    "UPDATE head SET epoch = $3, size = $4, tip = $5, tip_at = $6, peaks = $7"
    " FROM (SELECT id FROM head WHERE id = 1 AND epoch = $1 AND size = $2 AND tip = $8 FOR UPDATE SKIP LOCKED) AS held"
    " WHERE head.id = held.id AND EXISTS (SELECT FROM blocks WHERE block_index = $2 - 1 AND hash = $8)"
    " RETURNING head.size"
)
_MOVE_HEAD: Final = (
    "UPDATE head SET epoch = $3, size = $4, tip = $5, tip_at = $6, peaks = $7"
    " WHERE id = 1 AND epoch = $1 AND size = $2 RETURNING size"
)


class ChainBrokenError(RuntimeError):
    """Head and blocks contradict each other: nothing may be appended until a person has looked."""


@dataclass(frozen=True, slots=True)
class _Head:
    epoch: int
    size: int
    tip: str


class _Position(NamedTuple):
    """The head, and with it all that the next block needs."""

    head: _Head
    tip_at: datetime
    frontier: Frontier


@dataclass(slots=True)
class _Place:
    """Where a unit of work stands in the chain: what it found or assumed, and what it has sealed since."""

    found: _Position
    epoch: int
    tip: str
    tip_at: datetime
    is_assumed: bool = False
    stamps: Stamps = field(default_factory=Stamps)
    sealed: list[Sealed] = field(default_factory=list)
    postings: list[tuple[Any, ...]] = field(default_factory=list)
    execution: Execution | None = None


class Writer:
    """What this process believes the head to be; one per worker process, shared by its units of work.

    When the head is not what we left it (another process wrote, or our transaction was rolled back), we take over:
    the epoch rises by one and shows as the nonce of what follows.
    """

    def __init__(self) -> None:
        self._held: _Position | None = None
        # Where a statement under way would leave the head: it may be seen there before its answer has come.
        self._tried: _Position | None = None
        # Whether the head was last found as we left it. Where others write too, to assume it would be in vain.
        self._is_alone = False

    def epoch_for(self, found: _Head) -> int:
        if self._tried is not None and found == self._tried.head:
            self.hold(self._tried)
        self._is_alone = self._held is not None and found == self._held.head
        if self._is_alone:
            return found.epoch
        log.info("writer_takes_over", epoch=found.epoch + 1, size=found.size)
        return found.epoch + 1

    def hold(self, left: _Position) -> None:
        self._held, self._tried = left, None

    def assumed(self) -> _Position | None:
        """Where the next block may be assumed to go."""
        return self._held if self._is_alone else None

    def attempt(self, left: _Position) -> None:
        self._tried = left

    def confirm(self, left: _Position) -> None:
        if self._tried is left:
            self.hold(left)

    def mistaken(self) -> None:
        self._tried, self._is_alone = None, False


class PostgresChain:
    """Appends within one unit of work: the head is locked by the first append and held until the commit.

    Blocks are sealed at once, in memory; everything they consist of is written when the unit of work ends, by COPY.
    """

    def __init__(self, work: UnitOfWork, writer: Writer) -> None:
        self._work = work
        self._writer = writer
        self._place: _Place | None = None

    async def hold(self) -> None:
        """Lock the head now. Whoever will change what others change under it (awards, lots) takes it first."""
        await self._held_place()

    async def hold_by(self, statement: str, *arguments: Any) -> Any:
        """Lock the head by a statement that gives, as `take_head()`, its row while nobody else holds it.

        The row may have more columns; it is given back.
        """
        row = await self._take_head(statement, *arguments)
        if self._place is None:
            self._stand_at(row)
        return row

    def assume(self) -> bool:
        """Stand where this process left the chain, without asking; the statement that writes is refused if not so.

        False: where that is is not known, or others write too.
        """
        position = self._writer.assumed()
        if position is None:
            return False
        self._stand(_Place(position, position.head.epoch, position.head.tip, position.tip_at, is_assumed=True))
        return True

    def mistaken(self) -> None:
        """What was assumed was refused."""
        self._writer.mistaken()

    async def _held_place(self) -> _Place:
        return self._place or self._stand_at(await self._take_head(_TAKE_HEAD))

    def _stand_at(self, row: Any) -> _Place:
        found = _Head(row["epoch"], row["size"], row["tip"])
        position = _Position(found, row["tip_at"], _frontier(found.size, row["peaks"]))
        return self._stand(_Place(position, self._writer.epoch_for(found), found.tip, position.tip_at))

    def _stand(self, place: _Place) -> _Place:
        self._place = place
        self._work.gather(self._finish)
        return place

    async def append(self, *drafts: Draft) -> list[Sealed]:
        """Seals the drafts in order; they are stored and announced with the commit.

        Raises:
            ChainBrokenError: the head is not what the last block says.
        """
        place = self._place or await self._held_place()
        if len(place.sealed) + len(drafts) > BATCH_BLOCKS_MAX:
            raise ValueError(f"at most {BATCH_BLOCKS_MAX} blocks a commit")
        if not place.sealed:
            place.execution = current_execution()
        return [_seal(draft, place, self._work.now) for draft in drafts]

    def _finish(self) -> list[Rows | Change]:
        """What was sealed, as rows, and the head's move past them; the others hear of it."""
        place = self._place
        if place is None or not place.sealed:
            return []
        sealed = place.sealed
        frontier, spans = grow(place.found.frontier, [leaf_hash(block.preimage) for block in sealed])
        left = _Position(_Head(place.epoch, frontier.size, sealed[-1].hash), sealed[-1].timestamp, frontier)
        if place.is_assumed:
            self._writer.attempt(left)
            self._work.after_commit(lambda: self._writer.confirm(left))
        else:
            self._writer.hold(left)
        references = [
            {"index": block.block_index, "transaction_id": block.transaction_id, "hash": block.hash} for block in sealed
        ]
        # All of them validated at once: that is faster than making each without.
        appended = BlocksAppended.model_validate({"first_index": sealed[0].block_index, "blocks": references})
        # Of a batch, the event behind its first block is named as the cause.
        self._work.announce(appended, execution=place.execution)
        return [
            Rows("blocks", _BLOCK_COLUMNS, sealed),
            Rows("tree_spans", _SPAN_COLUMNS, [(level, first, b"".join(hashes)) for level, first, hashes in spans]),
            Rows("postings", _POSTING_COLUMNS, place.postings),
            _move_head(place, left),
        ]

    async def _take_head(self, statement: str, *arguments: Any) -> Any:
        """The head, ours until the commit."""
        while not (rows := await self._work.fetch(statement, *arguments)):
            await self._wait_for_head()
        [row] = rows
        if row["last_hash"] != row["tip"]:
            log.error("chain_broken", size=row["size"])
            raise ChainBrokenError(f"the head says {row['tip']} at {row['size'] - 1}, the chain {row['last_hash']}")
        return row

    async def _wait_for_head(self) -> None:
        """Until its holder is done, and then it is ours; or until the session of one that seems frozen is ended.

        A process that was stopped keeps its locks for as long as its connection lives. A batch takes milliseconds, so
        one that held the head for seconds is not coming back soon; if it does, it finds its transaction gone.
        """
        connection = self._work.connection
        try:
            async with connection.begin_nested():
                await connection.execute(text(f"SET LOCAL lock_timeout = '{FROZEN_SECONDS}s'"))
                await connection.execute(select(head.c.id).where(head.c.id == 1).with_for_update())
                await connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT_SECONDS}s'"))
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
                raise
            ended = (await connection.execute(_END_FROZEN, {"seconds": FROZEN_SECONDS})).scalars().all()
            log.warning("frozen_writers_ended", sessions=len(ended))


def _move_head(place: _Place, left: _Position) -> Change:
    def check(touched: int) -> None:
        if touched != 1:
            raise ChainBrokenError("the head moved under its own lock")

    found, head = place.found.head, left.head
    peaks = b"".join(left.frontier.peaks)
    arguments = (found.epoch, found.size, head.epoch, head.size, head.tip, left.tip_at, peaks)
    if place.is_assumed:
        return Change(_MOVE_ASSUMED_HEAD, (*arguments, found.tip), check)
    return Change(_MOVE_HEAD, arguments, check)


def _frontier(size: int, peaks: bytes) -> Frontier:
    return Frontier(size, tuple(peaks[start : start + HASH_BYTES] for start in range(0, len(peaks), HASH_BYTES)))


def _seal(draft: Draft, place: _Place, now: datetime) -> Sealed:
    place.tip_at = next_timestamp(now, place.tip_at)
    block = seal_block(
        draft.transaction_type,
        draft.transaction_id,
        draft.data_text,
        block_index=place.found.head.size + len(place.sealed),
        timestamp=place.tip_at,
        time_text=place.stamps.text_of(place.tip_at),
        previous_hash=place.tip,
        nonce=place.epoch,
    )
    place.tip = block.hash
    place.sealed.append(block)
    if draft.entry is not None:
        place.postings += [
            (block.block_index, line, posting.account, draft.entry.currency, posting.amount)
            for line, posting in enumerate(draft.entry.postings)
        ]
    return block
