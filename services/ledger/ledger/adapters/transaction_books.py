"""Transactions in PostgreSQL."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import BigInteger, Text, Uuid, bindparam, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY

from chassis.database import UnitOfWork
from chassis.ids import new_id
from ledger.adapters.payment_books import find_disbursement, find_donation, find_donations
from ledger.adapters.tables.money import payments, transactions
from ledger.adapters.write_behind import Row, WriteBehind
from ledger.domain.block import Sealed
from ledger.domain.records import Award, Disbursement, Donation
from ledger.domain.transactions import LIVE, Status, TransactionType, check_move

_now = func.clock_timestamp()
_NOT_BOOKED: Final = {"blockchain_hash": None, "previous_block_hash": None, "block_index": None}
_COMPLETE: Final = text(
    "UPDATE transactions SET status = 'completed', completed_at = :now, blockchain_hash = booked.hash,"
    " previous_block_hash = booked.previous, block_index = booked.index, version = version + 1,"
    " updated_at = clock_timestamp()"
    " FROM unnest(:ids, :hashes, :previous, :indexes) AS booked(id, hash, previous, index)"
    " WHERE transactions.id = booked.id"
).bindparams(
    bindparam("ids", type_=ARRAY(Uuid)),
    bindparam("hashes", type_=ARRAY(Text)),
    bindparam("previous", type_=ARRAY(Text)),
    bindparam("indexes", type_=ARRAY(BigInteger)),
)
_DONE: Final = frozenset({Status.COMPLETED, Status.FAILED})


class PostgresTransactions:
    def __init__(self, work: UnitOfWork, pending: WriteBehind) -> None:
        self._work = work
        self._pending = pending
        # Rows that are not written yet, and the tranches they pay.
        self._new: dict[UUID, Row] = {}
        self._live_tranches: set[UUID] = set()
        pending.then(self._forget_new)

    async def add_donation(self, donation: Donation, reference: str, due_at: datetime | None) -> None:
        await self._insert(
            id=donation.transaction_id,
            transaction_type=TransactionType.DONATION,
            status=donation.status,
            program_id=donation.program_id,
            donor_id=donation.donor_id,
            user_id=donation.user_id,
            requested_by=donation.requested_by,
            amount=donation.amount,
            currency=donation.currency,
            earmark=donation.earmark,
        )
        await self._work.connection.execute(
            insert(payments).values(
                transaction_id=donation.transaction_id,
                direction="in",
                rail=donation.rail,
                reference=reference,
                due_at=due_at,
            )
        )

    async def add_commitment(self, kind: TransactionType, event_id: UUID, award: Award, amount: Decimal) -> None:
        self._gather(
            id=event_id,
            transaction_type=kind,
            status=Status.COMPLETED,
            program_id=award.program_id,
            application_id=award.application_id,
            award_id=award.award_id,
            beneficiary_id=award.beneficiary_id,
            user_id=award.user_id,
            amount=amount,
            currency=award.currency,
            completed_at=self._work.now,
        )

    async def add_disbursement(
        self, disbursement: Disbursement, sealed: bytes, *, requested_by: UUID, approved_by: UUID
    ) -> None:
        self._gather(**_disbursement_values(disbursement), requested_by=requested_by, approved_by=approved_by)
        self._live_tranches.add(disbursement.tranche_id)
        self._pending.add(
            payments,
            {
                "transaction_id": disbursement.transaction_id,
                "direction": "out",
                "rail": disbursement.rail,
                "reference": disbursement.reference,
                "sealed_account": sealed,
                "payee_commitment": disbursement.payee_commitment,
                "due_at": self._work.now,
            },
        )

    async def add_refused_disbursement(
        self, disbursement: Disbursement, code: str, *, requested_by: UUID, approved_by: UUID
    ) -> None:
        values = _disbursement_values(disbursement) | {"status": Status.FAILED, "code": code}
        self._gather(**values, requested_by=requested_by, approved_by=approved_by, completed_at=self._work.now)

    async def add_reversal(self, disbursement: Disbursement, code: str) -> UUID:
        reversal_id = new_id()
        values = _disbursement_values(disbursement) | {
            "id": reversal_id,
            "transaction_type": TransactionType.REVERSAL,
            "status": Status.COMPLETED,
            "code": code,
            "completed_at": self._work.now,
        }
        self._gather(**values)
        return reversal_id

    def _gather(self, *, id: UUID, **values: Any) -> None:  # noqa: A002 -- the column's name
        # The columns of its block are there from the start, so that all rows of a kind have the same columns.
        row = {"id": id, "initiated_at": self._work.now, **values, **_NOT_BOOKED}
        self._new[id] = self._pending.add(transactions, row)

    async def _forget_new(self) -> None:
        self._new.clear()

    async def _insert(self, **values: Any) -> None:
        await self._work.connection.execute(insert(transactions).values(initiated_at=self._work.now, **values))

    async def move(
        self,
        transaction_id: UUID,
        current: Status,
        following: Status,
        *,
        code: str | None = None,
        block: Sealed | None = None,
    ) -> None:
        check_move(current, following)
        values: dict[str, Any] = {"status": following}
        if following in _DONE:
            values["completed_at"] = self._work.now
        if code is not None:
            values["code"] = code
        await self._update(transaction_id, values | (_booked(block) if block else {}))

    async def book(self, transaction_id: UUID, block: Sealed) -> None:
        gathered = self._new.get(transaction_id)
        if gathered is not None:
            gathered.update(_booked(block))
            return
        await self._update(transaction_id, _booked(block))

    async def _update(self, transaction_id: UUID, values: Mapping[str, Any]) -> None:
        await self._work.connection.execute(
            update(transactions)
            .where(transactions.c.id == transaction_id)
            .values(version=transactions.c.version + 1, updated_at=_now, **values)
        )

    async def complete_donations(self, received: Sequence[tuple[Donation, Sealed]]) -> None:
        for current, following in ((Status.PENDING, Status.SUBMITTED), (Status.SUBMITTED, Status.COMPLETED)):
            check_move(current, following)
        ids = [donation.transaction_id for donation, _ in received]
        bumped: dict[str, Any] = {"version": transactions.c.version + 1, "updated_at": _now}
        # Two steps: money that was never submitted to a rail is never completed.
        submitted = update(transactions).where(transactions.c.id.in_(ids)).values(status=Status.SUBMITTED, **bumped)
        await self._work.connection.execute(submitted)
        booked = {
            "ids": ids,
            "hashes": [block.hash for _, block in received],
            "previous": [block.previous_hash for _, block in received],
            "indexes": [block.block_index for _, block in received],
        }
        await self._work.connection.execute(_COMPLETE, booked | {"now": self._work.now})

    async def find_donation_locked(self, transaction_id: UUID) -> Donation | None:
        return await find_donation(self._work, transactions.c.id == transaction_id)

    async def find_donations_locked(self, transaction_ids: Sequence[UUID]) -> Sequence[Donation]:
        those = transactions.c.id.in_(transaction_ids)
        return await find_donations(self._work, those, at_most=len(transaction_ids))

    async def find_disbursement_locked(self, transaction_id: UUID) -> Disbursement | None:
        return await find_disbursement(self._work, transactions.c.id == transaction_id)

    async def has_live_payment(self, tranche_id: UUID) -> bool:
        if tranche_id in self._live_tranches:
            return True
        statement = select(transactions.c.id).where(
            transactions.c.tranche_id == tranche_id,
            transactions.c.transaction_type == TransactionType.DISBURSEMENT,
            transactions.c.status.in_(LIVE),
        )
        return await self._work.connection.scalar(statement.limit(1)) is not None


def _booked(block: Sealed) -> dict[str, Any]:
    return {
        "blockchain_hash": block.hash,
        "previous_block_hash": block.previous_hash,
        "block_index": block.block_index,
    }


def _disbursement_values(disbursement: Disbursement) -> dict[str, Any]:
    return {
        "id": disbursement.transaction_id,
        "transaction_type": TransactionType.DISBURSEMENT,
        "status": disbursement.status,
        "program_id": disbursement.award.program_id,
        "application_id": disbursement.application_id,
        "award_id": disbursement.award.award_id,
        "tranche_id": disbursement.tranche_id,
        "request_id": disbursement.request_id,
        "beneficiary_id": disbursement.award.beneficiary_id,
        "user_id": disbursement.user_id,
        "amount": disbursement.amount,
        "currency": disbursement.currency,
    }
