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
from chassis.inserting import Rows
from ledger.adapters.arrays import among
from ledger.adapters.tables.chain import booked_events, quarantined_events
from ledger.use_cases.events import Source

_COLUMNS: Final = ("event_id", "event_type", "event_hash")

log = structlog.get_logger(__name__)

DUPLICATES: Final = Counter("impactnet_ledger_duplicate_events", "Events that came again, word for word.", ["type"])
QUARANTINED: Final = Counter("impactnet_ledger_quarantined_events", "Events that contradict an earlier one.", ["type"])


class PostgresEventRegister:
    """Keeps `ports.EventRegister`."""

    def __init__(self, work: UnitOfWork) -> None:
        self._work = work
        # The hashes of events that the database was asked for, or None where it knows none: that event is new.
        self._known: dict[UUID, bytes | None] = {}
        self._new: list[tuple[UUID, str, bytes]] = []
        work.gather(self._take)

    async def read(self, event_ids: Sequence[UUID]) -> None:
        statement = select(booked_events.c.event_id, booked_events.c.event_hash).where(
            among(booked_events.c.event_id, event_ids)
        )
        rows = await self._work.connection.execute(statement)
        self.learn(event_ids, {row.event_id: bytes(row.event_hash) for row in rows})

    def learn(self, event_ids: Sequence[UUID], found: Mapping[UUID, bytes]) -> None:
        """What was found of these, read with other things."""
        self._known = {**dict.fromkeys(event_ids), **found, **self._known}

    async def admit(self, source: Source, content: Mapping[str, Any]) -> bool:
        event_id = source.event_id
        if event_id not in self._known:
            await self.read([event_id])
        if self._known[event_id] is None:
            self._known[event_id] = source.digest
            self._new.append((event_id, source.event_type, source.digest))
            return True
        await self.compare(source, content)
        return False

    def _take(self) -> list[Rows]:
        taken, self._new = self._new, []
        return [Rows(booked_events.name, _COLUMNS, taken)]

    async def compare(self, source: Source, content: Mapping[str, Any], *, waiting: Source | None = None) -> None:
        if waiting is None and source.event_id not in self._known:
            await self.read([source.event_id])
        earlier = self._known[source.event_id] if waiting is None else waiting.digest
        if earlier in {None, source.digest}:
            DUPLICATES.labels(source.event_type).inc()
            return
        QUARANTINED.labels(source.event_type).inc()
        log.error("event_contradicts_earlier_one", event_id=str(source.event_id), event_type=source.event_type)
        payload = orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
        kept = upsert(quarantined_events).values(
            event_id=source.event_id, event_hash=source.digest, event_type=source.event_type, payload=payload
        )
        await self._work.connection.execute(kept.on_conflict_do_nothing())
