"""Transactions and payments in PostgreSQL."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, insert, select, update
from sqlalchemy.sql import ColumnElement

from chassis.database import UnitOfWork
from chassis.ids import new_id
from chassis.personal_data import Vault
from ledger.adapters.people_books import open_snapshot
from ledger.adapters.tables.money import payments, transactions
from ledger.adapters.write_behind import Row, WriteBehind
from ledger.domain.block import Block
from ledger.domain.drafts import AwardReference
from ledger.domain.records import Award, Disbursement, Donation, PayeeAccount
from ledger.domain.transactions import LIVE, Status, TransactionType, check_move

_now = func.clock_timestamp()
_NOT_BOOKED: Final = {"blockchain_hash": None, "previous_block_hash": None, "block_index": None}
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
        block: Block | None = None,
    ) -> None:
        check_move(current, following)
        values: dict[str, Any] = {"status": following}
        if following in _DONE:
            values["completed_at"] = self._work.now
        if code is not None:
            values["code"] = code
        await self._update(transaction_id, values | (_booked(block) if block else {}))

    async def book(self, transaction_id: UUID, block: Block) -> None:
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

    async def find_donation_locked(self, transaction_id: UUID) -> Donation | None:
        return await _find_donation(self._work, transactions.c.id == transaction_id)

    async def find_disbursement_locked(self, transaction_id: UUID) -> Disbursement | None:
        return await _find_disbursement(self._work, transactions.c.id == transaction_id)

    async def has_live_payment(self, tranche_id: UUID) -> bool:
        if tranche_id in self._live_tranches:
            return True
        statement = select(transactions.c.id).where(
            transactions.c.tranche_id == tranche_id,
            transactions.c.transaction_type == TransactionType.DISBURSEMENT,
            transactions.c.status.in_(LIVE),
        )
        return await self._work.connection.scalar(statement.limit(1)) is not None


class PostgresPayments:
    def __init__(self, work: UnitOfWork, vault: Vault) -> None:
        self._work = work
        self._vault = vault

    async def next_due_donation(self) -> Donation | None:
        confirmed = (payments.c.direction == "in") & (payments.c.due_at <= self._work.now)
        return await _find_donation(self._work, confirmed, skip_locked=True)

    async def next_due_disbursement(self) -> Disbursement | None:
        due = (payments.c.direction == "out") & (payments.c.due_at <= self._work.now)
        return await _find_disbursement(self._work, due, skip_locked=True)

    async def confirm(self, transaction_id: UUID, confirmed_by: UUID) -> None:
        await self._update(transaction_id, confirmed_by=confirmed_by, due_at=self._work.now)

    async def mark_called(self, transaction_id: UUID) -> None:
        await self._update(transaction_id, called_at=self._work.now)

    async def ask_again(self, transaction_id: UUID, due_at: datetime | None) -> None:
        await self._update(transaction_id, due_at=due_at, asked=payments.c.asked + 1)

    async def _update(self, transaction_id: UUID, **values: Any) -> None:
        await self._work.connection.execute(
            update(payments).where(payments.c.transaction_id == transaction_id).values(updated_at=_now, **values)
        )

    async def account_of(self, disbursement: Disbursement) -> PayeeAccount | None:
        statement = select(payments.c.sealed_account).where(payments.c.transaction_id == disbursement.transaction_id)
        sealed = await self._work.connection.scalar(statement)
        if disbursement.user_id is None:
            return None
        return await open_snapshot(self._work, self._vault, disbursement.user_id, sealed)


def _booked(block: Block) -> dict[str, Any]:
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


async def _find(work: UnitOfWork, condition: ColumnElement[bool], *, skip_locked: bool) -> Any:
    """The first matching transaction with its payment, locked; payments come in the order in which they are due."""
    statement = (
        select(transactions, payments)
        .join(payments, payments.c.transaction_id == transactions.c.id)
        .where(condition)
        .order_by(payments.c.due_at)
        .limit(1)
        .with_for_update(skip_locked=skip_locked)
    )
    return (await work.connection.execute(statement)).mappings().one_or_none()


async def _find_donation(
    work: UnitOfWork, condition: ColumnElement[bool], *, skip_locked: bool = False
) -> Donation | None:
    is_donation = transactions.c.transaction_type == TransactionType.DONATION
    row = await _find(work, condition & is_donation, skip_locked=skip_locked)
    if row is None:
        return None
    return Donation(
        transaction_id=row["id"],
        program_id=row["program_id"],
        donor_id=row["donor_id"],
        user_id=row["user_id"],
        requested_by=row["requested_by"],
        amount=row["amount"],
        currency=row["currency"],
        earmark=row["earmark"],
        status=Status(row["status"]),
        rail=row["rail"],
    )


async def _find_disbursement(
    work: UnitOfWork, condition: ColumnElement[bool], *, skip_locked: bool = False
) -> Disbursement | None:
    is_disbursement = transactions.c.transaction_type == TransactionType.DISBURSEMENT
    row = await _find(work, condition & is_disbursement, skip_locked=skip_locked)
    if row is None:
        return None
    return Disbursement(
        transaction_id=row["id"],
        request_id=row["request_id"],
        status=Status(row["status"]),
        award=AwardReference(row["award_id"], row["program_id"], row["beneficiary_id"]),
        application_id=row["application_id"],
        tranche_id=row["tranche_id"],
        user_id=row["user_id"],
        amount=row["amount"],
        currency=row["currency"],
        payee_commitment=row["payee_commitment"],
        rail=row["rail"],
        reference=row["reference"],
        called_at=row["called_at"],
        asked=row["asked"],
    )
