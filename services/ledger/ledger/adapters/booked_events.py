"""Remembers every event the ledger has booked, for ever: a repeat is counted, a contradiction quarantined."""

import json
from hashlib import sha256
from typing import Final

import structlog
from prometheus_client import Counter
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as upsert

from chassis.database import UnitOfWork
from contracts.envelope import EVENT_SIZE_BYTES_MAX, Event
from ledger.adapters.tables.chain import booked_events, quarantined_events
from ledger.domain import canonical
from ledger.use_cases.events import Source

log = structlog.get_logger(__name__)

DUPLICATES: Final = Counter("impactnet_ledger_duplicate_events", "Events that came again, word for word.", ["type"])
QUARANTINED: Final = Counter("impactnet_ledger_quarantined_events", "Events that contradict an earlier one.", ["type"])


def source_of(event: Event) -> Source:
    """`content_hash` = SHA-256(JCS(event without traceparent)): the trace of a redelivery may differ, nothing else."""
    content = json.loads(event.to_bytes())
    content.pop("traceparent", None)
    encoded = canonical.encode(content, size_bytes_max=EVENT_SIZE_BYTES_MAX)
    return Source(event.id, event.type, sha256(encoded).hexdigest())


class PostgresEventRegister:
    """Keeps `ports.EventRegister`."""

    async def admit(self, work: UnitOfWork, event: Event) -> Source | None:
        source = source_of(event)
        digest = bytes.fromhex(source.content_hash)
        statement = upsert(booked_events).values(event_id=event.id, event_type=event.type, event_hash=digest)
        inserted = await work.connection.execute(statement.on_conflict_do_nothing())
        if inserted.rowcount == 1:
            return source
        await self.compare(work, event)
        return None

    async def compare(self, work: UnitOfWork, event: Event) -> None:
        digest = bytes.fromhex(source_of(event).content_hash)
        statement = select(booked_events.c.event_hash).where(booked_events.c.event_id == event.id)
        booked = await work.connection.scalar(statement)
        if booked is None or bytes(booked) == digest:
            DUPLICATES.labels(event.type).inc()
            return
        QUARANTINED.labels(event.type).inc()
        log.error("event_contradicts_earlier_one", event_id=str(event.id), event_type=event.type)
        kept = upsert(quarantined_events).values(
            event_id=event.id, event_hash=digest, event_type=event.type, payload=event.to_bytes()
        )
        await work.connection.execute(kept.on_conflict_do_nothing())
