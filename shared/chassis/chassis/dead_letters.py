"""Dead letters: events given up on, with the error, the stack and where they came from; listed, shown, redriven."""

import base64
import traceback
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition
from sqlalchemy import func, insert, select

from chassis.clock import rfc3339
from chassis.database import Database, UnitOfWork
from chassis.ids import new_id
from chassis.outbox import WAKE_CHANNEL
from chassis.parking import BEHIND, park
from chassis.settings import ServiceSettings
from chassis.tables import outbox
from contracts.envelope import EVENT_SIZE_BYTES_MAX, Event, UndecodableEventError
from contracts.topics import PARTITIONS, dead_letter_topic_of

# Stack traces end with what matters; this much is enough to see it and keeps letters small.
STACK_CHARACTERS_MAX: Final = 16_000
# One byte over the cap: what was cut is as undecodable as the whole.
LETTER_PAYLOAD_BYTES_MAX: Final = EVENT_SIZE_BYTES_MAX + 1
# A read of the topic that brings nothing for this long has reached its end.
READ_TIMEOUT_MS: Final = 2_000


def describe(error: BaseException) -> str:
    """Type, message and stack; as PostgreSQL and JSON can hold them, whatever a message quotes."""
    said = "".join(traceback.format_exception(error))[-STACK_CHARACTERS_MAX:]
    return said.replace("\x00", "\\x00").encode(errors="backslashreplace").decode()


async def bury(
    work: UnitOfWork, consumer: str, payload: bytes, *, origin: tuple[str, int, int], error: str, attempts: int
) -> None:
    """Send an event to the dead letters, through the outbox: in the same transaction as giving up on it.

    Of a record over the size cap, which is no event, the letter holds the beginning: the whole is where it came from,
    and base64 of it would be more than the relay can send, which would try for ever and send nothing else.
    """
    letter = {
        "consumer": consumer,
        "payload_base64": base64.b64encode(payload[:LETTER_PAYLOAD_BYTES_MAX]).decode(),
        "payload_bytes": len(payload),
        "topic": origin[0],
        "partition": origin[1],
        "offset": origin[2],
        "error": error,
        "attempts": attempts,
        "buried_at": rfc3339(work.now),
    }
    letter_id = new_id()
    await work.connection.execute(
        insert(outbox).values(
            event_id=letter_id,
            topic=dead_letter_topic_of(consumer),
            subject=f"dead-letter:{letter_id}",
            sequence=1,
            event_type="dead_letter",
            payload=orjson.dumps(letter),
        )
    )
    await work.connection.execute(select(func.pg_notify(func.current_schema() + f"_{WAKE_CHANNEL}", "")))


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A letter as read back. `reference` is `partition:offset` within the dead-letter topic."""

    reference: str
    partition: int
    offset: int
    body: dict[str, Any]

    @property
    def payload(self) -> bytes:
        return base64.b64decode(self.body["payload_base64"])

    def event(self) -> Event | None:
        try:
            return Event.from_bytes(self.payload)
        except UndecodableEventError:
            return None


class DeadLetterBox:
    """The dead letters of one consumer; those redriven are not shown again (a group's offsets remember)."""

    def __init__(self, settings: ServiceSettings, consumer: str) -> None:
        self._settings = settings
        self._consumer = consumer
        self._topic = dead_letter_topic_of(consumer)

    async def _open(self) -> AIOKafkaConsumer:
        reader = AIOKafkaConsumer(
            bootstrap_servers=self._settings.kafka_bootstrap,
            group_id=f"{self._topic}.redrive",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        )
        await reader.start()
        present = self._topic in await reader.topics()
        # Every topic of ours has the same number of partitions (contracts.topics).
        reader.assign([TopicPartition(self._topic, number) for number in range(PARTITIONS)] if present else [])
        return reader

    async def letters(self) -> AsyncIterator[DeadLetter]:
        """Every letter not yet redriven, in order per partition."""
        reader = await self._open()
        try:
            while reader.assignment():
                batches = await reader.getmany(timeout_ms=READ_TIMEOUT_MS)
                if not batches:
                    return
                for records in batches.values():
                    for record in records:
                        body = orjson.loads(record.value)
                        yield DeadLetter(f"{record.partition}:{record.offset}", record.partition, record.offset, body)
        finally:
            await reader.stop()

    async def redrive(self, database: Database) -> tuple[int, int]:
        """Hand every letter back to the consumer's parked events; returns (redriven, undecodable left out)."""
        redriven = left = 0
        done: dict[int, int] = {}
        async for letter in self.letters():
            event = letter.event()
            if event is None:
                left += 1
            else:
                origin = (letter.body["topic"], letter.body["partition"], letter.body["offset"])
                async with database.unit_of_work() as work:
                    await park(
                        work.connection, self._consumer, event, payload=letter.payload, origin=origin, reason=BEHIND
                    )
                redriven += 1
            done[letter.partition] = letter.offset + 1
        if done:
            reader = await self._open()
            try:
                await reader.commit({TopicPartition(self._topic, number): offset for number, offset in done.items()})
            finally:
                await reader.stop()
        return redriven, left
