"""Remembers every event the ledger has booked, for ever: a repeat is counted, a contradiction quarantined."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import orjson
import structlog
from prometheus_client import Counter
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as upsert

from chassis.database import UnitOfWork
from ledger.adapters.arrays import among
from ledger.adapters.tables.chain import booked_events, quarantined_events
from ledger.adapters.write_behind import WriteBehind
from ledger.use_cases.events import Source

log = structlog.get_logger(__name__)

DUPLICATES: Final = Counter("impactnet_ledger_duplicate_events", "Events that came again, word for word.", ["type"])
QUARANTINED: Final = Counter("impactnet_ledger_quarantined_events", "Events that contradict an earlier one.", ["type"])


class PostgresEventRegister:
    """Keeps `ports.EventRegister`."""

    def __init__(self, work: UnitOfWork, pending: WriteBehind) -> None:
        self._work = work
        self._pending = pending
        # What was booked, by event; and of which the database was asked, so that what is not known is new.
        self._known: dict[UUID, bytes] = {}
        self._asked: set[UUID] = set()

    async def read(self, event_ids: Sequence[UUID]) -> None:
        statement = select(booked_events.c.event_id, booked_events.c.event_hash).where(
            among(booked_events.c.event_id, event_ids)
        )
        rows = await self._work.connection.execute(statement)
        self.learn(event_ids, {row.event_id: bytes(row.event_hash) for row in rows})

    def learn(self, event_ids: Sequence[UUID], found: Mapping[UUID, bytes]) -> None:
        """What was found of these, read with other things."""
        self._asked.update(event_ids)
        for event_id, digest in found.items():
            self._known.setdefault(event_id, digest)

    async def admit(self, source: Source, content: Mapping[str, Any]) -> bool:
        if await self._booked(source.event_id) is None:
            digest = bytes.fromhex(source.content_hash)
            self._known[source.event_id] = digest
            row = {"event_id": source.event_id, "event_type": source.event_type, "event_hash": digest}
            self._pending.add(booked_events, row)
            return True
        await self.compare(source, content)
        return False

    async def _booked(self, event_id: UUID) -> bytes | None:
        if event_id not in self._asked:
            await self.read([event_id])
        return self._known.get(event_id)

    async def compare(self, source: Source, content: Mapping[str, Any], *, waiting: Source | None = None) -> None:
        digest = bytes.fromhex(source.content_hash)
        earlier = await self._booked(source.event_id) if waiting is None else bytes.fromhex(waiting.content_hash)
        if earlier in {None, digest}:
            DUPLICATES.labels(source.event_type).inc()
            return
        QUARANTINED.labels(source.event_type).inc()
        log.error("event_contradicts_earlier_one", event_id=str(source.event_id), event_type=source.event_type)
        payload = orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
        kept = upsert(quarantined_events).values(
            event_id=source.event_id, event_hash=digest, event_type=source.event_type, payload=payload
        )
        await self._work.connection.execute(kept.on_conflict_do_nothing())
