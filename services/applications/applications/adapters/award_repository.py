"""Awards, tranches and disbursement requests in PostgreSQL."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import insert, select, update
from sqlalchemy.engine import Row

from applications.adapters.sealing import seal_or_forget
from applications.adapters.tables import applications, awards, disbursement_requests, tranches
from applications.domain.application import Application
from applications.domain.award import Award, DisbursementRequest, Tranche
from chassis.database import UnitOfWork
from chassis.personal_data import Vault

CANCEL_REASON: Final = "awards.cancel_reason"


class AwardRepository:
    """Keeps the promises of `use_cases.ports.Awards`."""

    def __init__(self, work: UnitOfWork, vault: Vault) -> None:
        self._work = work
        self._connection = work.connection
        self._vault = vault

    async def add(self, award: Award) -> None:
        await self._connection.execute(
            insert(awards).values(
                id=award.id,
                application_id=award.application_id,
                decision_id=award.decision_id,
                amount=award.amount,
                currency=award.currency,
                state=award.state,
                created_at=award.created_at,
                updated_at=award.created_at,
            )
        )
        rows = [
            {
                "id": each.id,
                "award_id": award.id,
                "position": each.position,
                "amount": each.amount,
                "due_on": each.due_on,
                "condition": each.condition,
                "state": each.state,
            }
            for each in award.tranches
        ]
        await self._connection.execute(insert(tranches), rows)

    async def save(self, award: Award) -> None:
        now = self._work.now
        values: dict[str, Any] = {"state": award.state, "refusal_code": award.refusal_code, "updated_at": now}
        await self._connection.execute(update(awards).where(awards.c.id == award.id).values(values))
        for each in award.tranches:
            changed = (tranches.c.state != each.state) | tranches.c.paid_at.is_distinct_from(each.paid_at)
            statement = update(tranches).where(tranches.c.id == each.id, changed)
            await self._connection.execute(statement.values(state=each.state, paid_at=each.paid_at, updated_at=now))

    async def explain_cancellation(self, application: Application, award: Award, by: UUID, reason: str) -> None:
        sealed = await seal_or_forget(self._vault, self._connection, application.user_id, reason, CANCEL_REASON)
        statement = update(awards).where(awards.c.id == award.id)
        await self._connection.execute(statement.values(cancelled_by=by, sealed_cancel_reason=sealed))

    async def find_application_id(self, award_id: UUID) -> UUID | None:
        found: UUID | None = await self._connection.scalar(
            select(awards.c.application_id).where(awards.c.id == award_id)
        )
        return found

    async def find(self, award_id: UUID) -> Award | None:
        found = await self._read(awards.c.id == award_id)
        return found[0] if found else None

    async def last_of(self, application_ids: Sequence[UUID]) -> Mapping[UUID, Award]:
        # In the order they were made, so that the last one of an application wins.
        return {award.application_id: award for award in await self._read(awards.c.application_id.in_(application_ids))}

    async def forget_words(self, user_id: UUID) -> None:
        theirs = select(applications.c.id).where(applications.c.user_id == user_id)
        planned = tranches.c.award_id.in_(select(awards.c.id).where(awards.c.application_id.in_(theirs)))
        statement = update(tranches).where(planned).values(condition="", updated_at=self._work.now)
        await self._connection.execute(statement)
        asked = update(disbursement_requests).where(disbursement_requests.c.application_id.in_(theirs))
        await self._connection.execute(asked.values(reason=None))

    async def _read(self, condition: Any) -> list[Award]:
        found = {
            row.id: Award(
                id=row.id,
                application_id=row.application_id,
                decision_id=row.decision_id,
                amount=row.amount,
                currency=row.currency,
                state=row.state,
                created_at=row.created_at,
                refusal_code=row.refusal_code,
            )
            for row in await self._connection.execute(select(awards).where(condition).order_by(awards.c.id))
        }
        if found:
            statement = select(tranches).where(tranches.c.award_id.in_(found)).order_by(tranches.c.position)
            for row in await self._connection.execute(statement):
                found[row.award_id].tranches.append(
                    Tranche(row.id, row.position, row.amount, row.due_on, row.condition, row.state, row.paid_at)
                )
        return list(found.values())


class DisbursementRepository:
    """Keeps the promises of `use_cases.ports.Disbursements`."""

    def __init__(self, work: UnitOfWork) -> None:
        self._connection = work.connection

    async def add(self, request: DisbursementRequest) -> None:
        await self._connection.execute(
            insert(disbursement_requests).values(
                id=request.id,
                tranche_id=request.tranche_id,
                award_id=request.award_id,
                application_id=request.application_id,
                payee_id=request.payee_id,
                amount=request.amount,
                currency=request.currency,
                status=request.status,
                requested_by=request.requested_by,
                requested_at=request.requested_at,
            )
        )

    async def save(self, request: DisbursementRequest) -> None:
        values = {
            "status": request.status,
            "decided_by": request.decided_by,
            "decided_at": request.decided_at,
            "settled_at": request.settled_at,
            "reason": request.reason,
            "transaction_id": request.transaction_id,
            "failure_code": request.failure_code,
        }
        statement = update(disbursement_requests).where(disbursement_requests.c.id == request.id)
        await self._connection.execute(statement.values(values))

    async def find(self, request_id: UUID) -> DisbursementRequest | None:
        statement = select(disbursement_requests).where(disbursement_requests.c.id == request_id)
        row = (await self._connection.execute(statement)).first()
        return None if row is None else _request(row)

    async def open_of(self, award_id: UUID) -> list[DisbursementRequest]:
        statement = select(disbursement_requests).where(
            disbursement_requests.c.award_id == award_id, disbursement_requests.c.status == "requested"
        )
        return [_request(row) for row in await self._connection.execute(statement)]

    async def live_of(self, tranche_id: UUID) -> list[DisbursementRequest]:
        statement = select(disbursement_requests).where(
            disbursement_requests.c.tranche_id == tranche_id,
            disbursement_requests.c.status.in_(("requested", "approved", "paid")),
        )
        return [_request(row) for row in await self._connection.execute(statement)]

    async def page(
        self, *, application_id: UUID | None, status: str | None, before: UUID | None, limit: int
    ) -> list[DisbursementRequest]:
        table = disbursement_requests
        statement = select(table)
        if application_id is not None:
            statement = statement.where(table.c.application_id == application_id)
        if status is not None:
            statement = statement.where(table.c.status == status)
        if before is not None:
            statement = statement.where(table.c.id < before)
        rows = await self._connection.execute(statement.order_by(table.c.id.desc()).limit(limit + 1))
        return [_request(row) for row in rows]


def _request(row: Row[Any]) -> DisbursementRequest:
    return DisbursementRequest(
        id=row.id,
        tranche_id=row.tranche_id,
        award_id=row.award_id,
        application_id=row.application_id,
        payee_id=row.payee_id,
        amount=row.amount,
        currency=row.currency,
        status=row.status,
        requested_by=row.requested_by,
        requested_at=row.requested_at,
        decided_by=row.decided_by,
        decided_at=row.decided_at,
        settled_at=row.settled_at,
        reason=row.reason,
        transaction_id=row.transaction_id,
        failure_code=row.failure_code,
    )
