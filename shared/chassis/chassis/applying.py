"""What events cause: claimed, prepared together, and handed to their handlers one after the other."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from chassis import metrics, parking
from chassis.at_once import assumed_work, keep
from chassis.database import Database, UnitOfWork, database_is_away
from chassis.execution import Execution, executing
from chassis.inbox import Arrival, Following, arrive, arriving_alone
from chassis.subscriptions import Delivery, Subscriptions
from chassis.understanding import Message, Understanding
from contracts.envelope import Event, parse_content
from contracts.registry import fact_of

# Before the first message of a batch.
_NOTHING_YET: Final = Execution()


class StumbledError(Exception):
    """Handling stopped at this message; nothing of the batch is kept."""

    def __init__(self, position: int, cause: Exception) -> None:
        self.position = position
        self.cause = cause
        super().__init__(str(cause))


class Applying:
    """Applies messages for one consumer, `name`."""

    def __init__(self, name: str, database: Database, subscriptions: Subscriptions) -> None:
        self.name = name
        self._database = database
        self._subscriptions = subscriptions
        self.understanding = Understanding(subscriptions)

    @asynccontextmanager
    async def claiming(
        self, messages: Sequence[Message], following: Following
    ) -> AsyncIterator[tuple[UnitOfWork, Arrival]]:
        """A unit of work in which these are claimed, and how far the topics are read is noted."""
        async with self._database.unit_of_work(is_repeatable=True) as work:
            arrived = [(message.event_id, message.event.subject) for message in messages]
            yield work, await arrive(work, self.name, arrived, following)

    async def apply_all(self, messages: Sequence[Message], work: UnitOfWork, arrival: Arrival) -> None:
        """Hands each to its handlers, in order.

        Raises:
            StumbledError: at one of them.
        """
        outcomes: list[str] = []
        new, waiting = arrival.new, arrival.waiting
        await self.prepare(work, [message for message in messages if message.event_id in new])
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
                    outcomes.append(await self.apply(work, message, is_new=is_new))
                except Exception as error:
                    if database_is_away(error):
                        raise
                    raise StumbledError(position, error) from error
        work.after_commit(lambda: self._count(messages, outcomes))

    @property
    def assumes(self) -> bool:
        """Whether the service handles lone events on assumptions where it can."""
        return self._subscriptions.assuming is not None

    async def apply_at_once(self, message: Message) -> bool:
        """A message alone in its batch, in one statement, where all that it needs can be assumed; whether it was kept.

        Raises:
            What says that the database is away.
        """
        assuming = self._subscriptions.assuming
        if assuming is None:
            return False
        work = assumed_work(self._database.clock)
        try:
            if not assuming.assume(message.event_id, message.fact, work):
                return False
            with executing(message.execution):
                outcome = await self.apply(work, message, is_new=True)
            arriving = arriving_alone(self.name, message.event_id, message.event.subject, message.received.origin)
            parts = [arriving, *await work.parts()]
        except Exception:  # noqa: BLE001 -- whatever it is, it is met again, and told, when the database is asked
            return False
        is_kept = False
        try:
            is_kept = await keep(self._database, parts)
        finally:
            if not is_kept:
                assuming.mistaken(work)
            metrics.AT_ONCE.labels(self.name, "kept" if is_kept else "refused").inc()
        if is_kept:
            work.committed()
            self._count([message], [outcome])
        return is_kept

    def _count(self, messages: Sequence[Message], outcomes: Sequence[str]) -> None:
        kinds = Counter((each.event.type, outcome) for each, outcome in zip(messages, outcomes, strict=True))
        for (event_type, outcome), count in kinds.items():
            metrics.HANDLED.labels(self.name, event_type, outcome).inc(count)

    async def prepare(self, work: UnitOfWork, messages: Sequence[Message]) -> None:
        """Lets the service read what these need at once."""
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
        earlier = self.understanding.reading_of(event, content, fact_of(event))
        for reading in (message.reading, earlier):
            if isinstance(reading, Exception):
                raise reading
        delivery = Delivery(message.event, work, message.content, message.reading, earlier)
        for watcher in self._subscriptions.duplicate_watchers:
            await watcher(delivery)

    async def apply(self, work: UnitOfWork, message: Message, *, is_new: bool) -> str:
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
