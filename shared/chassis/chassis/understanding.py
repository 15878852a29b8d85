"""Understanding what Kafka delivers: from bytes to events and facts, while the database does other work."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

from chassis.execution import Execution
from chassis.ids import driver_id
from chassis.subscriptions import Subscriptions
from contracts.envelope import Event, UndecodableEventError, parse_content
from contracts.fact import Fact
from contracts.registry import fact_of

# So many records are understood before the loop may turn to the database's answers: about a tenth of a millisecond.
# With more the loop turns less often, but all that the database does in between waits for it.
UNDERSTOOD_AT_A_TIME: Final = 4

Origin = tuple[str, int, int]


class Received(NamedTuple):
    """A record as Kafka delivers it. `origin` is (topic, partition, offset)."""

    payload: bytes
    origin: Origin


class Message(NamedTuple):
    """A record that was understood and has handlers; with what the service's reader made of it, or its error.

    `event_id` is the event's, as the database's driver has it. `execution` is what all that comes of it is done on
    behalf of.
    """

    event_id: UUID
    received: Received
    event: Event
    fact: Fact
    content: dict[str, Any]
    reading: Any
    execution: Execution


class Undecodable(NamedTuple):
    """A record that is no event of ours, and why."""

    received: Received
    error: UndecodableEventError


class Understanding:
    """Reads records for those who have subscribed."""

    def __init__(self, subscriptions: Subscriptions) -> None:
        self._subscriptions = subscriptions

    async def all_of(self, part: Sequence[Received]) -> list[Message | Undecodable]:
        """What these say, in their order, without those that nobody here listens to."""
        understood = []
        for number, received in enumerate(part, 1):
            message = self._understand(received)
            if message is not None:
                understood.append(message)
            if number % UNDERSTOOD_AT_A_TIME == 0:
                await asyncio.sleep(0)
        return understood

    def _understand(self, received: Received) -> Message | Undecodable | None:
        try:
            content = parse_content(received.payload)
            event = Event.from_content(content)
            if not self._subscriptions.handlers_of(event.type):
                return None
            fact = fact_of(event)
        except UndecodableEventError as error:
            return Undecodable(received, error)
        return None if fact is None else self.message(received, event, fact, content)

    def message(self, received: Received, event: Event, fact: Fact, content: dict[str, Any]) -> Message:
        """A record that is understood already, with its reading."""
        # What is announced names this event as its cause.
        event_id = driver_id(event.id)
        execution = Execution(None, event.correlationid, str(event_id), event.traceparent, event.actorid)
        return Message(event_id, received, event, fact, content, self.reading_of(event, content, fact), execution)

    def reading_of(self, event: Event, content: dict[str, Any], fact: Fact | None) -> Any:
        """What the service's reader makes of an event; an error instead of raising it."""
        if self._subscriptions.reader is None:
            return None
        try:
            return self._subscriptions.reader(event, content, fact)
        except Exception as error:  # noqa: BLE001 -- raised again where the event is handled: it fails, not its batch
            return error
