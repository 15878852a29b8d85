"""Bank transfers that people make: the rail says what a person has recorded about them, and nothing before."""

from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.dialects.postgresql import insert as upsert

from chassis.database import Database, UnitOfWork
from ledger.adapters.erasure import actor_of, words_about
from ledger.adapters.tables.money import payments, transactions
from ledger.adapters.tables.payments import manual_transfer_notes, manual_transfers
from ledger.domain.payments import RailAnswer
from ledger.domain.records import PayeeAccount
from ledger.domain.transactions import RailStatus
from ledger.use_cases.payment_ports import ManualRecord


class ManualRail:
    """Keeps `payment_ports.Rail` by what was recorded; `send` only asks people to make the transfer."""

    name = "manual"
    # Its memory is our own database: a reference is known from the start.
    lost_after = timedelta(0)
    # A return is recorded by a person too, and makes the payment due.
    watched_for = timedelta(0)

    def __init__(self, database: Database) -> None:
        self._database = database

    async def prepare(self, account: PayeeAccount) -> str:
        return account.account_number

    async def send(self, reference: str, amount: Decimal, currency: str, destination: str) -> RailAnswer:
        del reference, destination
        return RailAnswer(RailStatus.PROCESSING, amount, currency)

    async def ask(self, reference: str) -> RailAnswer:
        statement = (
            select(manual_transfers.c.outcome, manual_transfers.c.amount, transactions.c.currency)
            .join(payments, payments.c.transaction_id == manual_transfers.c.transaction_id)
            .join(transactions, transactions.c.id == manual_transfers.c.transaction_id)
            .where(payments.c.reference == reference)
            .order_by(manual_transfers.c.id.desc())
            .limit(1)
        )
        async with self._database.reading() as connection:
            row = (await connection.execute(statement)).one_or_none()
        if row is None:
            return RailAnswer(RailStatus.PROCESSING)
        code = {"failed": "transfer_failed", "reversed": "returned_by_bank"}.get(row.outcome)
        return RailAnswer(RailStatus(row.outcome), row.amount, row.currency, code)

    async def ask_donation(self, reference: str) -> RailAnswer:
        """Due only once a second person has confirmed that it arrived."""
        del reference
        return RailAnswer(RailStatus.PAID)

    async def refund(self, reference: str, amount: Decimal, currency: str, *, donation: str) -> RailAnswer:
        """Whoever approves, with a fresh step-up, says that the transfer was made."""
        del reference, donation
        return RailAnswer(RailStatus.PAID, amount, currency)

    async def ask_refund(self, reference: str, *, donation: str) -> RailAnswer:
        """The approval was the confirmation."""
        del reference, donation
        return RailAnswer(RailStatus.PAID)


class PostgresManualTransfers:
    """Keeps `payment_ports.ManualTransfers`."""

    def __init__(self, work: UnitOfWork) -> None:
        self._work = work

    async def add(self, transaction_id: UUID, record: ManualRecord) -> bool:
        # Two people at the same time: the unique index lets one of them wait for the other, and see it.
        transfer_id = await self._work.connection.scalar(
            upsert(manual_transfers)
            .values(
                transaction_id=transaction_id,
                outcome=record.outcome,
                amount=record.amount,
                bank_reference=record.bank_reference,
                proof_sha256=record.proof_sha256,
                recorded_by=await actor_of(self._work.connection, record.recorded_by),
                recorded_at=self._work.now,
            )
            .on_conflict_do_nothing()
            .returning(manual_transfers.c.id)
        )
        if transfer_id is None:
            return False
        note = await words_about(self._work.connection, transaction_id, record.note)
        if note is not None:
            await self._work.connection.execute(
                insert(manual_transfer_notes).values(transfer_id=transfer_id, note=note)
            )
        return True

    async def latest(self, transaction_id: UUID) -> RailStatus | None:
        statement = (
            select(manual_transfers.c.outcome)
            .where(manual_transfers.c.transaction_id == transaction_id)
            .order_by(manual_transfers.c.id.desc())
            .limit(1)
        )
        found = await self._work.connection.scalar(statement)
        return None if found is None else RailStatus(found)
