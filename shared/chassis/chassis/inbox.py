"""The inbox: which events a consumer has handled; in the same transaction as what they caused."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol
from uuid import UUID

from chassis.inserting import Command

TopicAndPartition = tuple[str, int]
# The next offset to read of each.
Following = Mapping[TopicAndPartition, int]

# One statement, because every event pays for it: who must wait behind an earlier event of its aggregate, who is new,
# and how far the topics are read now. A subject is looked up by itself, so that only the index can answer; none is
# where nothing waits at all, and new events are named only where some are not: nearly always one row says it all.
_ARRIVE: Final = """
WITH waiting AS MATERIALIZED (
    SELECT DISTINCT subject FROM unnest($3::varchar[]) AS wanted(subject)
    WHERE (SELECT true FROM parked_events WHERE parked_events.consumer = $1 LIMIT 1)
        AND (SELECT true FROM parked_events
            WHERE parked_events.consumer = $1 AND parked_events.subject = wanted.subject LIMIT 1)
), read AS (
    INSERT INTO consumer_offsets (consumer, topic, partition, next_offset)
    SELECT $1, topic, partition, next_offset
    FROM unnest($4::varchar[], $5::integer[], $6::bigint[]) AS reached(topic, partition, next_offset)
    ON CONFLICT (consumer, topic, partition) DO UPDATE SET next_offset = excluded.next_offset
), claimed AS (
    INSERT INTO inbox (consumer, event_id)
    SELECT $1, event_id FROM unnest($2::uuid[], $3::varchar[]) AS arrived(event_id, subject)
    WHERE subject NOT IN (SELECT waiting.subject FROM waiting)
    ON CONFLICT DO NOTHING RETURNING event_id
)
SELECT CASE WHEN count(*) < cardinality($2::uuid[]) THEN coalesce(array_agg(event_id), '{}') END AS new,
    (SELECT array_agg(subject) FROM waiting) AS waiting
FROM claimed
"""
# The same for one event, alone in its batch as on a quiet day. The planner knows the length of arrays only when they
# are given, so short ones get a plan of their own each time, which takes longer than to carry it out.
_ALONE: Final = """
waiting AS MATERIALIZED (
    SELECT FROM parked_events WHERE consumer = $1 AND subject = $3 LIMIT 1
), read AS (
    INSERT INTO consumer_offsets (consumer, topic, partition, next_offset) VALUES ($1, $4, $5, $6)
    ON CONFLICT (consumer, topic, partition) DO UPDATE SET next_offset = excluded.next_offset
), claimed AS (
    INSERT INTO inbox (consumer, event_id) SELECT $1, $2 WHERE NOT EXISTS (SELECT FROM waiting)
    ON CONFLICT DO NOTHING RETURNING event_id
)"""
_ARRIVE_ALONE: Final = (
    f"WITH {_ALONE} SELECT EXISTS (SELECT FROM claimed) AS is_new, EXISTS (SELECT FROM waiting) AS waits"  # noqa: S608 -- made of constants
)
_NEW_AND_NEXT: Final = "EXISTS (SELECT FROM claimed) AND NOT EXISTS (SELECT FROM waiting)"
_CLAIM: Final = "INSERT INTO inbox (consumer, event_id) VALUES ($1, $2::uuid) ON CONFLICT DO NOTHING RETURNING event_id"


class _Fetching(Protocol):
    async def fetch(self, statement: str, *arguments: Any) -> list[Any]: ...


@dataclass(frozen=True, slots=True)
class Arrival:
    """Of a batch: the events that nobody has handled before, and the aggregates of which an earlier event waits."""

    new: set[UUID]
    waiting: frozenset[str]


def _number(event: tuple[UUID, str]) -> int:
    return event[0].int


async def arrive(
    work: _Fetching,
    consumer: str,
    events: Sequence[tuple[UUID, str]],
    following: Following,
) -> Arrival:
    """Claim events, given as (id, subject), and note the next offset to read of each partition.

    An event whose aggregate waits is not claimed. A concurrent claim of one of them waits here until the other commits
    or rolls back. They are claimed in sorted order, so that two consumers with the same events cannot deadlock.
    """
    if len(events) == len(following) == 1:
        [(event_id, subject)] = events
        [((topic, partition), offset)] = following.items()
        [row] = await work.fetch(_ARRIVE_ALONE, consumer, event_id, subject, topic, partition, offset)
        return Arrival({event_id} if row["is_new"] else set(), frozenset([subject] if row["waits"] else ()))
    ordered = sorted(events, key=_number)
    offsets = sorted(following.items())
    event_ids = [event_id for event_id, _ in ordered]
    [row] = await work.fetch(
        _ARRIVE,
        consumer,
        event_ids,
        [subject for _, subject in ordered],
        [topic for (topic, _), _ in offsets],
        [partition for (_, partition), _ in offsets],
        [offset for _, offset in offsets],
    )
    return Arrival(set(event_ids if row["new"] is None else row["new"]), frozenset(row["waiting"] or ()))


def arriving_alone(consumer: str, event_id: UUID, subject: str, origin: tuple[str, int, int]) -> Command:
    """The same for one event as part of a statement, which is refused where the event is not new or has to wait."""
    topic, partition, offset = origin
    return Command(_ALONE, (consumer, event_id, subject, topic, partition, offset + 1), _NEW_AND_NEXT)


async def claim_event(work: _Fetching, consumer: str, event_id: UUID) -> bool:
    """Mark one event as handled by this transaction; False when another has marked it before."""
    return bool(await work.fetch(_CLAIM, consumer, event_id))
