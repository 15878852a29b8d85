"""From what a poll delivers to its effects: batch by batch, all of one in one transaction, or none."""

import asyncio
import contextlib
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import structlog
from sqlalchemy.exc import DBAPIError

from chassis import metrics, parking
from chassis.applying import Applying, StumbledError
from chassis.database import Database, UnitOfWork, database_is_away, database_is_busy
from chassis.dead_letters import bury, describe
from chassis.inbox import Arrival, Following
from chassis.offsets import remember_offsets
from chassis.subscriptions import DependencyMissingError
from chassis.understanding import Message, Received, Undecodable

log = structlog.get_logger(__name__)

# A batch is one transaction: past some hundred events the round trips it saves no longer show, its locks do (05).
BATCH_EVENTS_MAX: Final = 256

# After one stumbled, this many of those behind it are tried together.
AFTER_STUMBLE_EVENTS: Final = 32
# A deadlock or a lock not had is a collision with a neighbour: tried again this often, over about six seconds.
COLLISIONS_MAX: Final = 6
COLLISION_PAUSE_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class _Opened:
    """A batch whose transaction has begun: what it holds once its events are claimed, or why they are not."""

    messages: Sequence[Message]
    undecodable: Sequence[Undecodable]
    following: Following
    transaction: AsyncExitStack
    claimed: tuple[UnitOfWork, Arrival] | Exception

    @property
    def parks(self) -> bool:
        """Whether some of its events are put behind others that wait."""
        return not isinstance(self.claimed, Exception) and bool(self.claimed[1].waiting)


@dataclass(frozen=True, slots=True)
class _Piece:
    """Messages to handle in one transaction; how often it collided with others so far."""

    messages: Sequence[Message]
    collisions: int = 0


class _NotWantedError(Exception):
    """Ends a transaction of which nothing is to be kept."""


class EventHandling:
    """Handles records for one consumer."""

    def __init__(self, database: Database, applying: Applying) -> None:
        self.name = applying.name
        self._database = database
        self._applying = applying

    async def handle(self, received: Sequence[Received]) -> int:
        """Handle records: the effect of each happens once however often it is delivered. How many anybody listens to.

        Raises:
            Only what says that the database is away; then what was not committed is delivered again.
        """
        if len(received) == 1 and self._applying.assumes and await self._handle_at_once(received):
            return 1
        parts = [received[start : start + BATCH_EVENTS_MAX] for start in range(0, len(received), BATCH_EVENTS_MAX)]
        listened_to = 0
        ahead: asyncio.Task[_Opened] | None = None
        try:
            for number, part in enumerate(parts, 1):
                batch = await (ahead or self._open(part))
                more = parts[number : number + 1]
                # While the database works on one batch, the next is understood and its events are claimed.
                ahead = asyncio.create_task(self._open(more[0])) if more else None
                listened_to += len(batch.messages) + len(batch.undecodable)
                error = await self._close(batch)
                if error is not None or batch.parks:
                    # The next was claimed as if all of this were kept: it begins anew, once the pieces are. And as if
                    # nothing more waited: what this one put behind an event that waits, the next did not see there,
                    # and where that event is done meanwhile it would let others of the aggregate past.
                    if ahead is not None:
                        await _give_back(ahead)
                    if error is not None:
                        await self._handle_in_pieces(batch, error)
                    ahead = asyncio.create_task(self._open(more[0])) if more else None
                for each in batch.undecodable:
                    await self._bury(each.received, each.error)
        finally:
            if ahead is not None:
                await _give_back(ahead)
        return listened_to

    async def _handle_at_once(self, received: Sequence[Received]) -> bool:
        """Handles a lone record in one statement, if it is one for that; whether it did."""
        started = time.perf_counter()
        understood = await self._applying.understanding.all_of(received)
        message = understood[0] if understood else None
        if not isinstance(message, Message) or not await self._applying.apply_at_once(message):
            return False
        metrics.BATCH_SECONDS.labels(self.name).observe(time.perf_counter() - started)
        return True

    async def _open(self, part: Sequence[Received]) -> _Opened:
        """Understands a part and claims its events. Its rows wait in the database for those of the batch before."""
        understood = await self._applying.understanding.all_of(part)
        messages = [each for each in understood if isinstance(each, Message)]
        undecodable = [each for each in understood if isinstance(each, Undecodable)]
        following = {(each.origin[0], each.origin[1]): each.origin[2] + 1 for each in part}
        transaction = AsyncExitStack()
        claimed: tuple[UnitOfWork, Arrival] | Exception
        try:
            claimed = await transaction.enter_async_context(self._applying.claiming(messages, following))
        except Exception as error:  # noqa: BLE001 -- raised again when the batch is to be handled
            claimed = error
        return _Opened(messages, undecodable, following, transaction, claimed)

    async def _close(self, batch: _Opened) -> Exception | None:
        """Handles all of it in its transaction; gives what stands in the way, and then nothing of it is kept."""
        started = time.perf_counter()
        try:
            if isinstance(batch.claimed, Exception):
                raise batch.claimed
            async with batch.transaction:
                await self._applying.apply_all(batch.messages, *batch.claimed)
        except Exception as error:
            if database_is_away(error):
                raise
            return error
        metrics.BATCH_SECONDS.labels(self.name).observe(time.perf_counter() - started)
        return None

    async def _bury(self, received: Received, error: Exception) -> None:
        origin = received.origin
        async with self._database.unit_of_work() as work:
            await bury(work, self.name, received.payload, origin=origin, error=describe(error), attempts=1)
        metrics.DEAD_LETTERS.labels(self.name, "undecodable").inc()
        log.error("event_undecodable", topic=origin[0], partition=origin[1], offset=origin[2])

    async def _handle_in_pieces(self, batch: _Opened, error: Exception) -> None:
        pieces = await self._break_up(_Piece(batch.messages), error) if batch.messages else []
        pieces.reverse()
        while pieces:
            piece = pieces.pop()
            try:
                async with self._applying.claiming(piece.messages, {}) as claimed:
                    await self._applying.apply_all(piece.messages, *claimed)
            except Exception as error_of_piece:
                if database_is_away(error_of_piece):
                    raise
                pieces += reversed(await self._break_up(piece, error_of_piece))
        async with self._database.unit_of_work() as work:
            await remember_offsets(work.connection, self.name, batch.following)

    async def _break_up(self, piece: _Piece, error: Exception) -> list[_Piece]:
        """What to try instead, in the order of arrival; the one message that fails by itself is set aside to wait."""
        messages = piece.messages
        cause = error.cause if isinstance(error, StumbledError) else error
        if database_is_busy(cause) and piece.collisions < COLLISIONS_MAX:
            await asyncio.sleep(COLLISION_PAUSE_SECONDS * 2**piece.collisions)
            return [_Piece(messages, piece.collisions + 1)]
        if len(messages) == 1:
            outcome = await self._park_failed(messages[0], cause)
            metrics.HANDLED.labels(self.name, messages[0].event.type, outcome).inc()
            return []
        if not isinstance(error, StumbledError):
            # The database refused the whole without saying which: halves find the one in a few steps.
            middle = len(messages) // 2
            return [_Piece(messages[:middle]), _Piece(messages[middle:])]
        position = error.position
        # What came before goes first: it may be what this one lacks. What comes after goes in small pieces, because
        # where one stumbles others often do, and each of them costs its piece another attempt.
        cuts = [0, position, *range(position + 1, len(messages), AFTER_STUMBLE_EVENTS), len(messages)]
        return [_Piece(messages[start:end]) for start, end in pairwise(cuts) if start < end]

    async def _park_failed(self, message: Message, error: Exception) -> str:
        event = message.event
        waits = isinstance(error, DependencyMissingError)
        try:
            async with self._database.unit_of_work() as work:
                await parking.park(
                    work.connection,
                    self.name,
                    event,
                    payload=message.received.payload,
                    origin=message.received.origin,
                    reason=parking.DEPENDENCY if waits else parking.FAILURE,
                    error=describe(error),
                )
        except DBAPIError as refused:
            if database_is_away(refused) or database_is_busy(refused):
                raise
            # It cannot even wait, as one whose subject has a NUL, which text in PostgreSQL has not.
            await self._bury(message.received, refused)
            return "failed"
        if waits:
            log.info("event_waits", event_type=event.type, event_id=str(event.id), missing=str(error))
        else:
            log.error("event_failed", event_type=event.type, event_id=str(event.id), error=describe(error))
        return "waits" if waits else "failed"


async def _give_back(ahead: asyncio.Task[_Opened]) -> None:
    """Stops it, and rolls back what it has begun."""
    ahead.cancel()
    await asyncio.wait([ahead])
    if not ahead.cancelled() and ahead.exception() is None:
        with contextlib.suppress(_NotWantedError):
            async with ahead.result().transaction:
                raise _NotWantedError
