"""The outbox: what a transaction says is written with it, numbered per aggregate in commit order."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import func, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.execution import current_execution
from chassis.tables import aggregate_sequences, outbox
from contracts.envelope import Event
from contracts.fact import Fact
from contracts.topics import topic_of

# The relay listens on this channel (in its own schema's name) and is woken by the commit.
WAKE_CHANNEL: Final = "outbox"


@dataclass(frozen=True, slots=True)
class PendingEvent:
    """A fact announced in a unit of work and not yet written."""

    event_id: UUID
    fact: Fact
    time: datetime


async def _reserve_sequences(connection: AsyncConnection, counts: Counter[str]) -> dict[str, int]:
    """Lock each aggregate's counter and move it on; returns the first number each may use.

    The row stays locked until the commit: numbers are given in commit order. Subjects are locked in sorted order, so
    that two transactions about the same aggregates cannot deadlock.
    """
    first: dict[str, int] = {}
    for subject, count in sorted(counts.items()):
        statement = upsert(aggregate_sequences).values(subject=subject, last_sequence=count)
        statement = statement.on_conflict_do_update(
            index_elements=[aggregate_sequences.c.subject],
            set_={"last_sequence": aggregate_sequences.c.last_sequence + count},
        )
        last = await connection.scalar(statement.returning(aggregate_sequences.c.last_sequence))
        first[subject] = int(last or 0) - count + 1
    return first


async def write_outbox(connection: AsyncConnection, pending: Sequence[PendingEvent]) -> None:
    """Write events in the order they were announced.

    Raises:
        EventTooLargeError: one is over the size cap; nothing of the transaction is kept then.
    """
    execution = current_execution()
    following = await _reserve_sequences(connection, Counter(item.fact.subject() for item in pending))
    rows = []
    for item in pending:
        subject = item.fact.subject()
        event = Event.of(
            item.fact,
            event_id=item.event_id,
            time=item.time,
            sequence=following[subject],
            traceparent=execution.traceparent,
            actorid=execution.actor_id,
            causationid=execution.causation_id or execution.request_id,
            correlationid=execution.correlation_id or execution.request_id,
        )
        following[subject] += 1
        rows.append(
            {
                "event_id": event.id,
                "topic": topic_of(item.fact.context()),
                "subject": subject,
                "sequence": event.sequence,
                "event_type": event.type,
                "payload": event.to_bytes(),
            }
        )
    await connection.execute(insert(outbox), rows)
    await connection.execute(select(func.pg_notify(func.current_schema() + f"_{WAKE_CHANNEL}", "")))
