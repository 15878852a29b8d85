"""Payments in PostgreSQL: what is due with a rail, and what a row says about the money behind it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import case, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.sql import ColumnElement

from chassis.database import UnitOfWork
from chassis.personal_data import Vault
from ledger.adapters.dispute_books import PostgresDisputes
from ledger.adapters.manual_rail import PostgresManualTransfers
from ledger.adapters.people_books import open_snapshot
from ledger.adapters.tables.money import payments, transactions
from ledger.adapters.tables.payments import closed_awards, disputes
from ledger.adapters.webhook_books import PostgresWebhooks
from ledger.domain.drafts import AwardReference
from ledger.domain.payments import ASK_PAUSE_MAX
from ledger.domain.records import Disbursement, Donation, PayeeAccount, Refund
from ledger.domain.transactions import LIVE, Status, TransactionType
from ledger.use_cases.announce_donation import MANUAL, PAYSTACK
from ledger.use_cases.credit_donation import ASK_DONATION_PAUSE_MAX
from ledger.use_cases.payment_ports import Unsettled

_now = func.clock_timestamp()
_UNDER_WAY: Final = (Status.SUBMITTED, Status.UNKNOWN)
# One sweep takes this many further; the next one comes in a minute.
UNANSWERED_MAX: Final = 100

# Of one donation, in which a webhook may mean any; more have been asked for by nobody.
REFUNDS_MAX: Final = 20

# What a correction has in common with the transaction whose place it takes.
_CORRECTED: Final = (
    "transaction_type", "program_id", "application_id", "award_id", "tranche_id", "request_id", "donation_id",
    "donor_id", "beneficiary_id", "user_id", "amount", "currency", "requested_by", "approved_by",
)  # fmt: skip


class PostgresPayments:
    """Keeps `payment_ports.Payments`."""

    def __init__(self, work: UnitOfWork, vault: Vault) -> None:
        self._work = work
        self._vault = vault
        self.disputes = PostgresDisputes(work)
        self.webhooks = PostgresWebhooks(work)
        self.manual = PostgresManualTransfers(work)

    async def due_donations(self, at_most: int, *, only: UUID | None = None) -> Sequence[Donation]:
        due = (payments.c.direction == "in") & (payments.c.due_at <= self._work.now)
        if only is not None:
            due &= payments.c.transaction_id == only
        return await find_donations(self._work, due, at_most=at_most, skip_locked=True)

    async def next_due_disbursement(self) -> Disbursement | None:
        due = (payments.c.direction == "out") & (payments.c.due_at <= self._work.now)
        return await find_disbursement(self._work, due, skip_locked=True)

    async def confirm(self, transaction_id: UUID, confirmed_by: UUID) -> bool:
        first = (payments.c.transaction_id == transaction_id) & payments.c.confirmed_by.is_(None)
        said = {"confirmed_by": confirmed_by, "due_at": self._work.now, "updated_at": _now}
        done = await self._work.connection.execute(update(payments).where(first).values(**said))
        return done.rowcount == 1

    async def schedule(self, transaction_id: UUID, due_at: datetime | None, *, asked: int | None = None) -> None:
        count = {} if asked is None else {"asked": asked}
        await self._update(transaction_id, due_at=due_at, **count)

    async def settle(self, transaction_ids: Sequence[UUID]) -> None:
        those = payments.c.transaction_id.in_(transaction_ids)
        await self._work.connection.execute(update(payments).where(those).values(updated_at=_now, due_at=None))

    async def mark_called(self, transaction_id: UUID, due_at: datetime) -> None:
        await self._update(transaction_id, called_at=self._work.now, asked=0, due_at=due_at)

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

    async def people_of(self, transaction_id: UUID) -> frozenset[UUID]:
        columns = (transactions.c.requested_by, transactions.c.approved_by)
        row = (await self._work.connection.execute(select(*columns).where(transactions.c.id == transaction_id))).one()
        return frozenset(each for each in row if each is not None)

    async def find_by_reference(self, rail: str, reference: str, kind: str) -> Sequence[UUID]:
        named = (payments.c.rail == rail) & (payments.c.reference == reference.lower())
        named &= payments.c.direction == ("out" if kind == "transfer" else "in")
        if kind != "refund":
            return (await self._work.connection.scalars(select(payments.c.transaction_id).where(named))).all()
        donation = transactions.alias()
        # A refund is younger than its donation, and so are its id and place in the index of the programme's.
        its = (transactions.c.program_id == donation.c.program_id) & (transactions.c.id > donation.c.id)
        statement = (
            select(transactions.c.id)
            .select_from(payments.join(donation, donation.c.id == payments.c.transaction_id).join(transactions, its))
            .where(
                named,
                transactions.c.donation_id == donation.c.id,
                transactions.c.transaction_type == TransactionType.REFUND,
            )
            .order_by(transactions.c.id.desc())
            .limit(REFUNDS_MAX)
        )
        return (await self._work.connection.scalars(statement)).all()

    async def has_other_live(self, tranche_id: UUID, transaction_id: UUID) -> bool:
        statement = select(transactions.c.id).where(
            transactions.c.tranche_id == tranche_id,
            transactions.c.id != transaction_id,
            transactions.c.transaction_type == TransactionType.DISBURSEMENT,
            transactions.c.status.in_(LIVE),
        )
        return await self._work.connection.scalar(statement.limit(1)) is not None

    async def add_correction(self, corrected: Disbursement | Refund, correction_id: UUID) -> None:
        row = (
            (
                await self._work.connection.execute(
                    select(*(transactions.c[name] for name in _CORRECTED)).where(
                        transactions.c.id == corrected.transaction_id
                    )
                )
            )
            .mappings()
            .one()
        )
        await self._work.connection.execute(
            insert(transactions).values(
                **row,
                id=correction_id,
                status=Status.COMPLETED,
                code="correction",
                initiated_at=self._work.now,
                completed_at=self._work.now,
            )
        )

    async def close_award(self, award_id: UUID) -> None:
        await self._work.connection.execute(upsert(closed_awards).values(award_id=award_id).on_conflict_do_nothing())

    async def is_closed(self, award_id: UUID) -> bool:
        statement = select(closed_awards.c.award_id).where(closed_awards.c.award_id == award_id)
        return await self._work.connection.scalar(statement) is not None

    async def revive_forgotten(self) -> int:
        long_pauses = (payments.c.direction == "in") & (payments.c.rail == PAYSTACK)
        latest = case((long_pauses, _now + 2 * ASK_DONATION_PAUSE_MAX), else_=_now + 2 * ASK_PAUSE_MAX)
        # Whoever scheduled it so late had a clock ahead of the database's, which judges here: it is the same for all.
        is_put_off = payments.c.due_at > latest
        is_forgotten = payments.c.due_at.is_(None) & transactions.c.status.in_(_UNDER_WAY)
        revived = await self._work.connection.execute(
            update(payments)
            .where(
                payments.c.transaction_id == transactions.c.id,
                transactions.c.status.in_((Status.PENDING, *_UNDER_WAY)),
                is_forgotten | is_put_off,
            )
            .values(due_at=_now, updated_at=_now)
        )
        return revived.rowcount

    async def unanswered(self, called_before: datetime) -> Sequence[UUID]:
        statement = (
            select(payments.c.transaction_id)
            .join(transactions, transactions.c.id == payments.c.transaction_id)
            .where(
                transactions.c.status.in_(_UNDER_WAY),
                payments.c.called_at < called_before,
                payments.c.rail != MANUAL,
            )
            .limit(UNANSWERED_MAX)
        )
        return (await self._work.connection.scalars(statement)).all()

    async def unsettled(self) -> Sequence[Unsettled]:
        # Written as the index on what is unsettled is, for the planner to see that it fits.
        open_ones = text("status IN ('pending','submitted','unknown','disputed')")
        columns = (payments.c.direction, transactions.c.status)
        # A dispute is as old as itself: what came back after months has been contradicted since then, not for months.
        # And a refund is a payment once somebody has approved it, days after it was asked for perhaps.
        is_refund = transactions.c.transaction_type == TransactionType.REFUND
        begun = case((is_refund, payments.c.created_at), else_=transactions.c.initiated_at)
        since = func.coalesce(disputes.c.opened_at, begun)
        contradicted = (disputes.c.transaction_id == transactions.c.id) & disputes.c.closed_at.is_(None)
        statement = (
            select(*columns, func.count(), func.min(since))
            .select_from(transactions.join(payments, payments.c.transaction_id == transactions.c.id))
            .outerjoin(disputes, contradicted)
            .where(open_ones)
            .group_by(*columns)
        )
        return [Unsettled(*row) for row in (await self._work.connection.execute(statement)).all()]


async def _find(
    work: UnitOfWork, condition: ColumnElement[bool], *, skip_locked: bool, at_most: int = 1
) -> Sequence[Any]:
    """The first matching transactions with their payments, locked; they come in the order in which they are due."""
    statement = (
        select(transactions, payments)
        .join(payments, payments.c.transaction_id == transactions.c.id)
        .where(condition)
        .order_by(payments.c.due_at, payments.c.transaction_id)
        .limit(at_most)
        .with_for_update(skip_locked=skip_locked)
    )
    return (await work.connection.execute(statement)).mappings().all()


async def find_donation(work: UnitOfWork, condition: ColumnElement[bool]) -> Donation | None:
    found = await find_donations(work, condition, at_most=1)
    return found[0] if found else None


async def find_donations(
    work: UnitOfWork, condition: ColumnElement[bool], *, at_most: int, skip_locked: bool = False
) -> Sequence[Donation]:
    is_donation = transactions.c.transaction_type == TransactionType.DONATION
    rows = await _find(work, condition & is_donation, skip_locked=skip_locked, at_most=at_most)
    return [_donation(row) for row in rows]


def _donation(row: Any) -> Donation:
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
        reference=row["reference"],
        initiated_at=row["initiated_at"],
        asked=row["asked"],
    )


async def find_disbursement(
    work: UnitOfWork, condition: ColumnElement[bool], *, skip_locked: bool = False
) -> Disbursement | None:
    is_disbursement = transactions.c.transaction_type == TransactionType.DISBURSEMENT
    rows = await _find(work, condition & is_disbursement, skip_locked=skip_locked)
    if not rows:
        return None
    [row] = rows
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
