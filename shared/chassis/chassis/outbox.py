"""The outbox: what a transaction says is written with it, numbered per aggregate in commit order."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from chassis.execution import Execution
from chassis.inserting import Command
from contracts.envelope import encode_fact
from contracts.fact import Fact
from contracts.topics import topic_of

# The rows are numbered by the statement that writes them: no round trip of its own, and the counters' rows, which all
# who announce about the same aggregates wait for, are held as briefly as can be. They are locked in the order given;
# `back` is how far an event is from the last of its aggregate. The order of the rows is the order of their positions.
_ANNOUNCE: Final = """
reserved AS (
    INSERT INTO aggregate_sequences AS held (subject, last_sequence)
    SELECT subject, count FROM unnest($1::varchar[], $2::bigint[]) AS wanted(subject, count)
    ON CONFLICT (subject) DO UPDATE SET last_sequence = held.last_sequence + excluded.last_sequence
    RETURNING subject, last_sequence, pg_notify(current_schema() || $3, '')
), announced AS (
    INSERT INTO outbox (event_id, topic, subject, sequence, event_type, payload)
    SELECT event_id, topic, subject, last_sequence - back, event_type,
        before || convert_to((last_sequence - back)::text, 'UTF8') || after
    FROM unnest($4::uuid[], $5::varchar[], $6::varchar[], $7::bigint[], $8::varchar[], $9::bytea[], $10::bytea[])
        WITH ORDINALITY AS given(event_id, topic, subject, back, event_type, before, after, place)
    JOIN reserved USING (subject) ORDER BY place
)"""

# The relay listens on this channel (in its own schema's name) and is woken by the commit.
WAKE_CHANNEL: Final = "outbox"


class PendingEvent(NamedTuple):
    """A fact announced in a unit of work and not yet written; `execution` is what it comes of."""

    event_id: UUID
    fact: Fact
    time: datetime
    execution: Execution


def announcing(pending: Sequence[PendingEvent]) -> Command:
    """Writes the events in the order they were announced, numbered per aggregate.

    The counters' rows stay locked until the commit: numbers are given in commit order. Subjects are locked in sorted
    order, so that two transactions about the same aggregates cannot deadlock. The relay is woken too, by the commit.

    Raises:
        EventTooLargeError: one is over the size cap; nothing of the transaction is kept then.
    """
    subjects = [item.fact.subject() for item in pending]
    left = Counter(subjects)
    wanted = sorted(left.items())
    rows = []
    for item, subject in zip(pending, subjects, strict=True):
        execution = item.execution
        left[subject] -= 1
        before, after = encode_fact(
            item.fact,
            event_id=item.event_id,
            subject=subject,
            time=item.time,
            traceparent=execution.traceparent,
            actorid=execution.actor_id,
            causationid=execution.causation_id or execution.request_id,
            correlationid=execution.correlation_id or execution.request_id,
        )
        topic = topic_of(item.fact.context())
        rows.append((item.event_id, topic, subject, left[subject], item.fact.TYPE, before, after))
    names, counts = zip(*wanted, strict=True)
    return Command(_ANNOUNCE, (names, counts, f"_{WAKE_CHANNEL}", *zip(*rows, strict=True)))
