"""Webhooks in PostgreSQL: what came in, what waits, and what became of it."""

from uuid import UUID

from sqlalchemy import delete, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert

from chassis.database import UnitOfWork
from ledger.adapters.tables.payments import webhook_deliveries, webhook_outcomes, webhooks_pending
from ledger.use_cases.payment_ports import Delivery, Notice


class PostgresWebhooks:
    """Keeps `payment_ports.Webhooks`."""

    def __init__(self, work: UnitOfWork) -> None:
        self._work = work

    async def add(self, provider: str, sha256: str, notice: Notice) -> bool:
        statement = (
            upsert(webhook_deliveries)
            .values(
                provider=provider,
                sha256=sha256,
                event=notice.event,
                kind=notice.kind,
                reference=notice.reference,
                status=notice.status,
                amount=notice.amount,
                currency=notice.currency,
            )
            .on_conflict_do_nothing(index_elements=["provider", "sha256"])
            .returning(webhook_deliveries.c.delivery_id)
        )
        delivery_id = await self._work.connection.scalar(statement)
        if delivery_id is None:
            return False
        await self._work.connection.execute(insert(webhooks_pending).values(delivery_id=delivery_id))
        return True

    async def next_pending(self) -> Delivery | None:
        first = (
            select(webhooks_pending.c.delivery_id)
            .order_by(webhooks_pending.c.delivery_id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        delivery_id = await self._work.connection.scalar(first)
        if delivery_id is None:
            return None
        statement = select(webhook_deliveries).where(webhook_deliveries.c.delivery_id == delivery_id)
        row = (await self._work.connection.execute(statement)).one()
        notice = Notice(row.event, row.kind, row.reference, row.status, row.amount, row.currency)
        return Delivery(row.delivery_id, row.provider, notice)

    async def record(self, delivery_id: int, outcome: str, transaction_id: UUID | None) -> None:
        await self._work.connection.execute(
            insert(webhook_outcomes).values(delivery_id=delivery_id, outcome=outcome, transaction_id=transaction_id)
        )
        await self._work.connection.execute(
            delete(webhooks_pending).where(webhooks_pending.c.delivery_id == delivery_id)
        )
