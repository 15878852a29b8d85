"""What happens to events: effects, inbox rows, offsets and announcements of a batch in one transaction, or none."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import structlog
from sqlalchemy import func, select, text

from chassis import metrics, parking
from chassis.database import Database, UnitOfWork, database_is_away, database_is_busy
from chassis.dead_letters import bury, describe
from chassis.execution import Execution, executing
from chassis.inbox import TopicAndPartition, arrive, claim_event
from chassis.offsets import remember_offsets
from chassis.subscriptions import Delivery, DependencyMissingError, Subscriptions
from chassis.tables import parked_events
from chassis.understanding import Message, Received, Undecodable, Understanding
from contracts.envelope import Event, parse_content
from contracts.registry import fact_of

log = structlog.get_logger(__name__)

# A batch is one transaction: past some hundred events the round trips it saves no longer show, its locks do (05).
BATCH_EVENTS_MAX: Final = 256

# After one stumbled, this many of those behind it are tried together.
AFTER_STUMBLE_EVENTS: Final = 32
# A deadlock or a lock not had is a collision with a neighbour: tried again this often, over about six seconds.
COLLISIONS_MAX: Final = 6
COLLISION_PAUSE_SECONDS: Final = 0.1

# Before the first message of a batch.
_NOTHING_YET: Final = Execution()

Following = Mapping[TopicAndPartition, int]


@dataclass(frozen=True, slots=True)
class _Piece:
    """Messages to handle in one transaction; how often it collided with others so far."""

    messages: Sequence[Message]
    collisions: int = 0


class _StumbledError(Exception):
    """Handling stopped at this message; nothing of the batch is kept."""

    def __init__(self, position: int, cause: Exception) -> None:
        self.position = position
        self.cause = cause
        super().__init__(str(cause))


class EventHandling:
    """Handles records for one consumer, `name`."""

    def __init__(self, name: str, database: Database, subscriptions: Subscriptions) -> None:
        self.name = name
        self._database = database
        self._subscriptions = subscriptions
        self._understanding = Understanding(subscriptions)

    async def handle(self, received: Sequence[Received]) -> int:
        """Handle records: the effect of each happens once however often it is delivered. How many anybody listens to.

        Raises:
            Only what says that the database is away; then what was not committed is delivered again.
        """
        parts = [received[start : start + BATCH_EVENTS_MAX] for start in range(0, len(received), BATCH_EVENTS_MAX)]
        # While the database works on one part, the next is understood.
        ahead: asyncio.Task[list[Message | Undecodable]] | None = None
        listened_to = 0
        try:
            for number, part in enumerate(parts, 1):
                understood = await (ahead or self._understanding.all_of(part))
                more = parts[number : number + 1]
                ahead = asyncio.create_task(self._understanding.all_of(more[0])) if more else None
                await self._handle_part(part, understood)
                listened_to += len(understood)
        finally:
            if ahead is not None:
                ahead.cancel()
        return listened_to

    async def _handle_part(self, part: Sequence[Received], understood: Sequence[Message | Undecodable]) -> None:
        for each in understood:
            if isinstance(each, Undecodable):
                await self._bury(each)
        messages = [each for each in understood if isinstance(each, Message)]
        following = {(each.origin[0], each.origin[1]): each.origin[2] + 1 for each in part}
        if not await self._handle_together(messages, following):
            async with self._database.unit_of_work() as work:
                await remember_offsets(work.connection, self.name, following)

    async def _bury(self, record: Undecodable) -> None:
        received = record.received
        origin = received.origin
        async with self._database.unit_of_work() as work:
            await bury(work, self.name, received.payload, origin=origin, error=describe(record.error), attempts=1)
        metrics.DEAD_LETTERS.labels(self.name, "undecodable").inc()
        log.error("event_undecodable", topic=origin[0], partition=origin[1], offset=origin[2])

    async def _handle_together(self, messages: Sequence[Message], following: Following) -> bool:
        """All in one transaction, with the offsets: True. In pieces, because something stands in the way: False."""
        pieces: list[_Piece] = [_Piece(messages)] if messages else []
        whole = False
        while pieces:
            piece = pieces.pop()
            is_all = piece.messages is messages
            started = time.perf_counter()
            try:
                await self._attempt(piece.messages, following if is_all else {})
            except Exception as error:
                if database_is_away(error):
                    raise
                pieces += reversed(await self._break_up(piece, error))
            else:
                whole = is_all
                metrics.BATCH_SECONDS.labels(self.name).observe(time.perf_counter() - started)
        return whole

    async def _break_up(self, piece: _Piece, error: Exception) -> list[_Piece]:
        """What to try instead, in the order of arrival; the one message that fails by itself is set aside to wait."""
        messages = piece.messages
        cause = error.cause if isinstance(error, _StumbledError) else error
        if database_is_busy(cause) and piece.collisions < COLLISIONS_MAX:
            await asyncio.sleep(COLLISION_PAUSE_SECONDS * 2**piece.collisions)
            return [_Piece(messages, piece.collisions + 1)]
        if len(messages) == 1:
            outcome = await self._park_failed(messages[0], cause)
            metrics.HANDLED.labels(self.name, messages[0].event.type, outcome).inc()
            return []
        if not isinstance(error, _StumbledError):
            # The database refused the whole without saying which: halves find the one in a few steps.
            middle = len(messages) // 2
            return [_Piece(messages[:middle]), _Piece(messages[middle:])]
        position = error.position
        # What came before goes first: it may be what this one lacks. What comes after goes in small pieces, because
        # where one stumbles others often do, and each of them costs its piece another attempt.
        cuts = [0, position, *range(position + 1, len(messages), AFTER_STUMBLE_EVENTS), len(messages)]
        return [_Piece(messages[start:end]) for start, end in pairwise(cuts) if start < end]

    async def _attempt(self, messages: Sequence[Message], following: Following) -> None:
        outcomes: list[str] = []
        async with self._database.unit_of_work(is_repeatable=True) as work:
            arrived = [(message.event_id, message.event.subject) for message in messages]
            arrival = await arrive(work, self.name, arrived, following)
            new, waiting = arrival.new, arrival.waiting
            await self._prepare(work, [message for message in messages if message.event_id in new])
            with executing(_NOTHING_YET) as execution:
                for position, message in enumerate(messages):
                    execution.turn_to(message.execution)
                    try:
                        if message.event.subject in waiting:
                            await self._park_behind(work, message)
                            outcomes.append("parked")
                            continue
                        # The second of two with one id finds it taken, in the same batch too.
                        is_new = message.event_id in new
                        new.discard(message.event_id)
                        outcomes.append(await self._apply(work, message, is_new=is_new))
                    except Exception as error:
                        if database_is_away(error):
                            raise
                        raise _StumbledError(position, error) from error
        kinds = Counter((each.event.type, outcome) for each, outcome in zip(messages, outcomes, strict=True))
        for (event_type, outcome), count in kinds.items():
            metrics.HANDLED.labels(self.name, event_type, outcome).inc(count)

    async def _prepare(self, work: UnitOfWork, messages: Sequence[Message]) -> None:
        if messages:
            for prepare in self._subscriptions.preparers:
                await prepare([(message.event_id, message.fact) for message in messages], work)

    async def _park_behind(self, work: UnitOfWork, message: Message) -> None:
        is_parked = await parking.park(
            work.connection,
            self.name,
            message.event,
            payload=message.received.payload,
            origin=message.received.origin,
            reason=parking.BEHIND,
        )
        if not is_parked:
            await self._compare_with_parked(work, message)

    async def _compare_with_parked(self, work: UnitOfWork, message: Message) -> None:
        """One with its id waits already: whoever must know hears of both."""
        payload = await parking.parked_payload(work.connection, self.name, message.event.id)
        content = parse_content(payload)
        event = Event.from_content(content)
        earlier = self._understanding.reading_of(event, content, fact_of(event))
        for reading in (message.reading, earlier):
            if isinstance(reading, Exception):
                raise reading
        delivery = Delivery(message.event, work, message.content, message.reading, earlier)
        for watcher in self._subscriptions.duplicate_watchers:
            await watcher(delivery)

    async def _apply(self, work: UnitOfWork, message: Message, *, is_new: bool) -> str:
        """On behalf of the message's own execution, which the caller has turned to."""
        if isinstance(message.reading, Exception):
            raise message.reading
        delivery = Delivery(message.event, work, message.content, message.reading)
        if not is_new:
            for watcher in self._subscriptions.duplicate_watchers:
                await watcher(delivery)
            return "duplicate"
        for handler in self._subscriptions.handlers_of(message.event.type):
            await handler(message.fact, delivery)
        return "handled"

    async def _park_failed(self, message: Message, error: Exception) -> str:
        event = message.event
        waits = isinstance(error, DependencyMissingError)
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
        if waits:
            log.info("event_waits", event_type=event.type, event_id=str(event.id), missing=str(error))
        else:
            log.error("event_failed", event_type=event.type, event_id=str(event.id), error=describe(error))
        return "waits" if waits else "failed"

    # --- parked -----------------------------------------------------------------------------------------------------

    async def count_parked(self) -> int:
        """How many events wait; also as a metric."""
        async with self._database.reading() as connection:
            statement = select(func.count()).select_from(parked_events).where(parked_events.c.consumer == self.name)
            count = int(await connection.scalar(statement) or 0)
        metrics.PARKED.labels(self.name).set(count)
        return count

    async def retry_one_parked(self) -> bool:
        """Try the next parked event that is due; False when there is none."""
        async with self._database.unit_of_work() as work:
            row = await parking.lock_due(work.connection, self.name)
            if row is None:
                return False
            payload = bytes(row.payload)
            content = parse_content(payload)
            event = Event.from_content(content)
            fact = fact_of(event)
            attempt = UnitOfWork(work.connection, work.driver, self._database.clock)
            try:
                # The savepoint undoes a failed attempt and keeps the lock on the parked row.
                async with work.connection.begin_nested():
                    if fact is not None:
                        origin = (row.topic, row.partition, row.offset)
                        await self._retry(
                            attempt, self._understanding.message(Received(payload, origin), event, fact, content)
                        )
                    # Deferred constraints speak now, inside the savepoint, and not at a commit nobody could undo.
                    await work.connection.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
            except Exception as error:
                if database_is_away(error):
                    raise
                await self._postpone_or_bury(work, row, event, error)
            else:
                await parking.unpark(work.connection, self.name, event.id)
                work.after_commit(attempt.committed)
                metrics.HANDLED.labels(self.name, event.type, "handled").inc()
            return True

    async def _retry(self, attempt: UnitOfWork, message: Message) -> None:
        is_new = await claim_event(attempt, self.name, message.event.id)
        if is_new:
            await self._prepare(attempt, [message])
        with executing(message.execution):
            await self._apply(attempt, message, is_new=is_new)
        await attempt.flush()

    async def _postpone_or_bury(self, work: UnitOfWork, row: Any, event: Event, error: Exception) -> None:
        reason = parking.DEPENDENCY if isinstance(error, DependencyMissingError) else parking.FAILURE
        attempts = row.attempts + 1 if row.reason == reason else 1
        description = describe(error)
        if not parking.is_exhausted(row, reason, attempts, work.now):
            await parking.postpone(
                work.connection, self.name, event.id, reason=reason, attempts=attempts, error=description
            )
            return
        origin = (row.topic, row.partition, row.offset)
        await bury(work, self.name, bytes(row.payload), origin=origin, error=description, attempts=attempts)
        await parking.unpark(work.connection, self.name, event.id)
        metrics.DEAD_LETTERS.labels(self.name, event.type).inc()
        log.error("event_buried", event_type=event.type, event_id=str(event.id), attempts=attempts)
