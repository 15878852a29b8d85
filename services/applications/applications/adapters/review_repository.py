"""Reviews and recusals in PostgreSQL: what they say about an applicant is sealed under the applicant's key."""

from decimal import Decimal
from typing import Final
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.dialects.postgresql import insert as upsert

from applications.adapters.tables import recusals, review_revisions, reviews
from applications.domain.application import Application
from applications.domain.program import Seat
from applications.domain.review import Review
from chassis.database import UnitOfWork
from chassis.ids import new_id
from chassis.personal_data import Vault
from chassis.tables import user_standings

NOTES: Final = "reviews.notes"
RECUSAL: Final = "recusals.reason"


class ReviewRepository:
    """Keeps the promises of `use_cases.ports.Reviews`."""

    def __init__(self, work: UnitOfWork, vault: Vault) -> None:
        self._work = work
        self._connection = work.connection
        self._vault = vault

    async def of(self, application: Application) -> list[Review]:
        statement = select(reviews).where(reviews.c.application_id == application.id).order_by(reviews.c.id)
        found = []
        for row in await self._connection.execute(statement):
            notes = await self._vault.find(self._connection, application.user_id, row.sealed_notes, NOTES)
            found.append(
                Review(
                    id=row.id,
                    application_id=row.application_id,
                    executive_id=row.executive_id,
                    reviewer_id=row.reviewer_id,
                    revision=row.revision,
                    scores={UUID(key): Decimal(value) for key, value in row.scores.items()},
                    total_score=row.total_score,
                    notes=notes or "",
                    recommendation=row.recommendation,
                    reviewed_at=row.reviewed_at,
                )
            )
        return found

    async def save(self, application: Application, review: Review) -> None:
        sealed = await self._vault.seal(self._connection, application.user_id, review.notes, NOTES)
        values = {
            "revision": review.revision,
            "scores": {str(key): str(value) for key, value in review.scores.items()},
            "total_score": review.total_score,
            "sealed_notes": sealed,
            "recommendation": review.recommendation,
            "reviewed_at": review.reviewed_at,
        }
        changing = {**values, "executive_id": review.executive_id, "updated_at": self._work.now}
        statement = upsert(reviews).values(
            id=review.id, application_id=application.id, reviewer_id=review.reviewer_id, **changing
        )
        await self._connection.execute(
            statement.on_conflict_do_update(index_elements=["application_id", "reviewer_id"], set_=changing)
        )
        # Every version stays, the present one too: a revision hides nothing.
        await self._connection.execute(insert(review_revisions).values(id=new_id(), review_id=review.id, **values))

    async def recused(self, application_id: UUID) -> set[UUID]:
        statement = select(recusals.c.user_id).where(recusals.c.application_id == application_id)
        return set((await self._connection.scalars(statement)).all())

    async def recuse(self, application: Application, seat: Seat, reason: str) -> bool:
        sealed = await self._vault.seal(self._connection, application.user_id, reason, RECUSAL)
        statement = upsert(recusals).values(
            id=new_id(),
            application_id=application.id,
            executive_id=seat.executive_id,
            user_id=seat.user_id,
            sealed_reason=sealed,
            recused_at=self._work.now,
        )
        inserted = await self._connection.scalar(statement.on_conflict_do_nothing().returning(recusals.c.id))
        return inserted is not None

    async def no_executives(self, user_ids: set[UUID]) -> set[UUID]:
        standing = user_standings.c
        statement = select(standing.user_id).where(
            standing.user_id.in_(user_ids), (standing.role != "executive") | standing.suspended | standing.erased
        )
        return set((await self._connection.scalars(statement)).all())
