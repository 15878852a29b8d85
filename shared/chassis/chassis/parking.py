"""Parked events: those that failed or came too early wait in the database, and only their own aggregate waits."""

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import delete, exists, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.tables import parked_events
from contracts.envelope import Event

# A failing handler is tried five times over about 60 s: at once, then after these pauses (04-events).
FAILURE_PAUSES_SECONDS: Final = (2, 6, 16, 36)
# What an event waits for is usually milliseconds behind it on another topic; asked ever more rarely.
DEPENDENCY_PAUSE_FIRST_SECONDS: Final = 0.1
DEPENDENCY_PAUSE_LONGEST_SECONDS: Final = 30.0
PAUSE_SECONDS_MAX: Final = max(*FAILURE_PAUSES_SECONDS, DEPENDENCY_PAUSE_LONGEST_SECONDS)
# A dependency that has not come within a day never will without someone looking.
DEPENDENCY_WAIT_SECONDS_MAX: Final = 24 * 3600

FAILURE: Final = "failure"
DEPENDENCY: Final = "dependency"
BEHIND: Final = "behind"


async def park(
    connection: AsyncConnection,
    consumer: str,
    event: Event,
    *,
    payload: bytes,
    origin: tuple[str, int, int],
    reason: str,
    error: str | None = None,
) -> bool:
    """Let an event wait; False when one with its id waits already, which stays as it is.

    `origin` is (topic, partition, offset).
    """
    pause = {FAILURE: FAILURE_PAUSES_SECONDS[0], DEPENDENCY: DEPENDENCY_PAUSE_FIRST_SECONDS, BEHIND: 0}[reason]
    statement = upsert(parked_events).values(
        consumer=consumer,
        event_id=event.id,
        subject=event.subject,
        topic=origin[0],
        partition=origin[1],
        offset=origin[2],
        payload=payload,
        reason=reason,
        attempts=0 if reason == BEHIND else 1,
        error=error,
        due_at=func.clock_timestamp() + timedelta(seconds=pause),
    )
    parked = await connection.execute(statement.on_conflict_do_nothing().returning(parked_events.c.event_id))
    return parked.first() is not None


async def parked_payload(connection: AsyncConnection, consumer: str, event_id: UUID) -> bytes:
    """What the waiting event with this id says; there is one."""
    statement = select(parked_events.c.payload).where(
        parked_events.c.consumer == consumer, parked_events.c.event_id == event_id
    )
    return bytes((await connection.execute(statement)).scalar_one())


async def lock_due(connection: AsyncConnection, consumer: str) -> Row[Any] | None:
    """The next parked event that is due and first of its aggregate, locked; None when there is none.

    One due later than any pause would have it is due too: the clock was set back since, and by how far nobody knows.
    """
    now = func.clock_timestamp()
    earlier = parked_events.alias("earlier")
    statement = (
        select(parked_events)
        .where(
            parked_events.c.consumer == consumer,
            or_(parked_events.c.due_at <= now, parked_events.c.due_at > now + timedelta(seconds=PAUSE_SECONDS_MAX)),
            ~exists().where(
                earlier.c.consumer == consumer,
                earlier.c.subject == parked_events.c.subject,
                earlier.c.arrival < parked_events.c.arrival,
            ),
        )
        .order_by(parked_events.c.due_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    return (await connection.execute(statement)).one_or_none()


async def unpark(connection: AsyncConnection, consumer: str, event_id: UUID) -> None:
    """It has been handled, or given up on."""
    await connection.execute(
        delete(parked_events).where(parked_events.c.consumer == consumer, parked_events.c.event_id == event_id)
    )


async def postpone(
    connection: AsyncConnection, consumer: str, event_id: UUID, *, reason: str, attempts: int, error: str
) -> None:
    """Wait longer. `attempts` counts those made for this reason, this one included."""
    if reason == FAILURE:
        pause = float(FAILURE_PAUSES_SECONDS[min(attempts, len(FAILURE_PAUSES_SECONDS)) - 1])
    else:
        # 2**20 is far past the longest pause; the bound keeps the power small.
        pause = min(DEPENDENCY_PAUSE_FIRST_SECONDS * 2 ** min(attempts, 20), DEPENDENCY_PAUSE_LONGEST_SECONDS)
    await connection.execute(
        update(parked_events)
        .where(parked_events.c.consumer == consumer, parked_events.c.event_id == event_id)
        .values(
            reason=reason,
            attempts=attempts,
            error=error,
            due_at=func.clock_timestamp() + timedelta(seconds=pause),
        )
    )


def is_exhausted(row: Row[Any], reason: str, attempts: int, now: Any) -> bool:
    """Whether it has been tried often (a failure) or waited long (a dependency) enough to be given up on."""
    if reason == FAILURE:
        return attempts > len(FAILURE_PAUSES_SECONDS)
    return bool((now - row.parked_at).total_seconds() > DEPENDENCY_WAIT_SECONDS_MAX)
