"""The outbox: what a transaction says is written with it, numbered per aggregate in commit order."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple, Protocol
from uuid import UUID

from chassis.execution import Execution
from chassis.inserting import Rows
from contracts.envelope import encode_fact
from contracts.fact import Fact
from contracts.topics import topic_of

_COLUMNS: Final = ("event_id", "topic", "subject", "sequence", "event_type", "payload")
# The order of the rows is the order in which they are locked.
_RESERVE: Final = (
    "INSERT INTO aggregate_sequences AS held (subject, last_sequence)"
    " SELECT subject, count FROM unnest($1::varchar[], $2::bigint[]) AS wanted(subject, count)"
    " ON CONFLICT (subject) DO UPDATE SET last_sequence = held.last_sequence + excluded.last_sequence"
    " RETURNING subject, last_sequence, pg_notify(current_schema() || $3, '')"
)

# The relay listens on this channel (in its own schema's name) and is woken by the commit.
WAKE_CHANNEL: Final = "outbox"


class PendingEvent(NamedTuple):
    """A fact announced in a unit of work and not yet written; `execution` is what it comes of."""

    event_id: UUID
    fact: Fact
    time: datetime
    execution: Execution


class _Fetching(Protocol):
    async def fetch(self, statement: str, *arguments: Any) -> list[Any]: ...


async def _reserve_sequences(work: _Fetching, counts: Counter[str]) -> dict[str, int]:
    """Lock each aggregate's counter and move it on; returns the first number each may use.

    The row stays locked until the commit: numbers are given in commit order. Subjects are locked in sorted order, so
    that two transactions about the same aggregates cannot deadlock. The relay is woken too, by the commit.
    """
    wanted = sorted(counts.items())
    moved = await work.fetch(
        _RESERVE, [subject for subject, _ in wanted], [count for _, count in wanted], f"_{WAKE_CHANNEL}"
    )
    return {row["subject"]: row["last_sequence"] - counts[row["subject"]] + 1 for row in moved}


async def outbox_rows(pending: Sequence[PendingEvent], work: _Fetching) -> Rows:
    """Events as rows, in the order they were announced, numbered.

    Raises:
        EventTooLargeError: one is over the size cap; nothing of the transaction is kept then.
    """
    subjects = [item.fact.subject() for item in pending]
    following = await _reserve_sequences(work, Counter(subjects))
    rows = []
    for item, subject in zip(pending, subjects, strict=True):
        execution, sequence = item.execution, following[subject]
        following[subject] += 1
        payload = encode_fact(
            item.fact,
            event_id=item.event_id,
            subject=subject,
            time=item.time,
            sequence=sequence,
            traceparent=execution.traceparent,
            actorid=execution.actor_id,
            causationid=execution.causation_id or execution.request_id,
            correlationid=execution.correlation_id or execution.request_id,
        )
        rows.append((item.event_id, topic_of(item.fact.context()), subject, sequence, item.fact.TYPE, payload))
    return Rows("outbox", _COLUMNS, rows)
