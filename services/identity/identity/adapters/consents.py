"""Consents in PostgreSQL: a growing record, of which the newest row counts."""

from uuid import UUID

from sqlalchemy import insert, select

from chassis.database import UnitOfWork
from chassis.ids import new_id
from identity.adapters.tables import consent_records as records
from identity.domain.consents import Consent


class PostgresConsents:
    """`ports.Consents` within one unit of work."""

    def __init__(self, work: UnitOfWork) -> None:
        self._work = work

    async def of(self, user_id: UUID) -> dict[str, Consent]:
        return {consent.consent: consent for consent in await self.history(user_id)}

    async def record(self, user_id: UUID, consent: Consent) -> None:
        await self._work.connection.execute(
            insert(records).values(
                record_id=new_id(),
                user_id=user_id,
                consent=consent.consent,
                version=consent.version,
                given=consent.given,
                recorded_at=consent.changed_at,
            )
        )

    async def history(self, user_id: UUID) -> list[Consent]:
        """Every word on every consent, the oldest first."""
        statement = select(records).where(records.c.user_id == user_id).order_by(records.c.record_id)
        rows = (await self._work.connection.execute(statement)).all()
        return [Consent(row.consent, row.version, given=row.given, changed_at=row.recorded_at) for row in rows]
