"""Submissions, decisions and appeals in PostgreSQL."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.engine import Row

from applications.adapters.sealing import seal_or_forget
from applications.adapters.tables import appeals, decisions, submissions
from applications.domain.application import Application
from applications.domain.decision import Appeal, Decision, DecisionState
from applications.domain.refusals import AppealExistsError
from applications.domain.submission import Submission
from chassis.database import UnitOfWork
from chassis.ids import new_id
from chassis.personal_data import Vault

SNAPSHOT: Final = "submissions.snapshot"
REASON: Final = "decisions.reason"
APPEAL_REASON: Final = "appeals.reason"
OUTCOME_REASON: Final = "appeals.outcome_reason"


class SubmissionRepository:
    """Keeps the promises of `use_cases.ports.Submissions`."""

    def __init__(self, work: UnitOfWork, vault: Vault) -> None:
        self._work = work
        self._vault = vault

    async def add(self, application: Application, submission: Submission) -> None:
        connection = self._work.connection
        sealed = await self._vault.seal(connection, application.user_id, submission.snapshot, SNAPSHOT)
        await connection.execute(
            insert(submissions).values(
                id=new_id(),
                application_id=application.id,
                sealed_snapshot=sealed,
                sha256=submission.sha256,
                submitted_at=self._work.now,
            )
        )

    async def find_sha256(self, application_id: UUID) -> str | None:
        statement = select(submissions.c.sha256).where(submissions.c.application_id == application_id)
        found: str | None = await self._work.connection.scalar(statement)
        return found

    async def sha256_of(self, application_ids: Sequence[UUID]) -> Mapping[UUID, str]:
        statement = select(submissions.c.application_id, submissions.c.sha256).where(
            submissions.c.application_id.in_(application_ids)
        )
        return {row.application_id: row.sha256 for row in await self._work.connection.execute(statement)}


class DecisionRepository:
    """Keeps the promises of `use_cases.ports.Decisions`."""

    def __init__(self, work: UnitOfWork, vault: Vault) -> None:
        self._work = work
        self._connection = work.connection
        self._vault = vault

    async def add(self, application: Application, decision: Decision) -> None:
        sealed = await self._vault.seal(self._connection, application.user_id, decision.reason, REASON)
        await self._connection.execute(
            insert(decisions).values(
                id=decision.id,
                application_id=application.id,
                outcome=decision.outcome,
                state=decision.state,
                decider_id=decision.decider_id,
                executive_id=decision.executive_id,
                sealed_reason=sealed,
                final_score=decision.final_score,
                reviews=decision.reviews,
                decided_at=decision.decided_at,
            )
        )

    async def find_last(self, application: Application) -> Decision | None:
        statement = select(decisions).where(decisions.c.application_id == application.id)
        row = (await self._connection.execute(statement.order_by(decisions.c.id.desc()).limit(1))).first()
        return None if row is None else await self._read(application, row)

    async def settle(self, decision_id: UUID, state: DecisionState, refusal_code: str | None = None) -> None:
        values = {"state": state, "refusal_code": refusal_code, "settled_at": self._work.now}
        await self._connection.execute(update(decisions).where(decisions.c.id == decision_id).values(values))

    async def lapse(self, application_id: UUID) -> None:
        statement = update(decisions).where(
            decisions.c.application_id == application_id, decisions.c.state == "reserving"
        )
        await self._connection.execute(statement.values(state="lapsed", settled_at=self._work.now))

    async def _read(self, application: Application, row: Row[Any]) -> Decision:
        reason = await self._vault.find(self._connection, application.user_id, row.sealed_reason, REASON)
        return Decision(
            id=row.id,
            application_id=row.application_id,
            outcome=row.outcome,
            state=row.state,
            decider_id=row.decider_id,
            executive_id=row.executive_id,
            reason=reason or "",
            final_score=row.final_score,
            reviews=row.reviews,
            decided_at=row.decided_at,
            refusal_code=row.refusal_code,
        )


class AppealRepository:
    """Keeps the promises of `use_cases.ports.Appeals`."""

    def __init__(self, work: UnitOfWork, vault: Vault) -> None:
        self._connection = work.connection
        self._vault = vault

    async def add(self, application: Application, appeal: Appeal) -> None:
        sealed = await self._vault.seal(self._connection, application.user_id, appeal.reason, APPEAL_REASON)
        statement = upsert(appeals).values(
            id=appeal.id,
            application_id=application.id,
            decision_id=appeal.decision_id,
            sealed_reason=sealed,
            opened_at=appeal.opened_at,
        )
        statement = statement.on_conflict_do_nothing(index_elements=["decision_id"])
        if await self._connection.scalar(statement.returning(appeals.c.id)) is None:
            raise AppealExistsError

    async def find_application_id(self, appeal_id: UUID) -> UUID | None:
        statement = select(appeals.c.application_id).where(appeals.c.id == appeal_id)
        found: UUID | None = await self._connection.scalar(statement)
        return found

    async def of(self, application: Application) -> list[Appeal]:
        statement = select(appeals).where(appeals.c.application_id == application.id).order_by(appeals.c.id)
        return [await self._read(application, row) for row in await self._connection.execute(statement)]

    async def save(self, application: Application, appeal: Appeal) -> None:
        subject, reason = application.user_id, appeal.outcome_reason
        sealed = await seal_or_forget(self._vault, self._connection, subject, reason, OUTCOME_REASON)
        values = {
            "outcome": appeal.outcome,
            "decided_by": appeal.decided_by,
            "decided_at": appeal.decided_at,
            "sealed_outcome_reason": sealed,
        }
        await self._connection.execute(update(appeals).where(appeals.c.id == appeal.id).values(values))

    async def _read(self, application: Application, row: Row[Any]) -> Appeal:
        subject = application.user_id
        reason = await self._vault.find(self._connection, subject, row.sealed_reason, APPEAL_REASON)
        outcome_reason = await self._vault.find(self._connection, subject, row.sealed_outcome_reason, OUTCOME_REASON)
        return Appeal(
            id=row.id,
            application_id=row.application_id,
            decision_id=row.decision_id,
            reason=reason or "",
            opened_at=row.opened_at,
            outcome=row.outcome,
            outcome_reason=outcome_reason,
            decided_by=row.decided_by,
            decided_at=row.decided_at,
        )
