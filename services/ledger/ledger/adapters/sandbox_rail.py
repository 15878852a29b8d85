"""The sandbox bank: deterministic outcomes by the last two digits of the account, remembered like a bank's own book."""

from datetime import timedelta
from decimal import Decimal
from typing import Final

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as upsert

from chassis.database import Database
from ledger.adapters.tables.money import sandbox_transfers
from ledger.domain.payments import RailAnswer
from ledger.domain.records import PayeeAccount
from ledger.domain.transactions import RailStatus
from ledger.use_cases.payment_ports import RailUnsureError

SUCCEEDS: Final = "01"
SLOW: Final = "02"
FAILS: Final = "03"
TIMES_OUT: Final = "04"
IS_REVERSED: Final = "05"
SLOW_TAKES: Final = timedelta(seconds=5)
REVERSED_AFTER: Final = timedelta(seconds=2)
# The book is written while the caller waits, at most for the rail's timeout (60 s) and never after it.
LOST_AFTER: Final = timedelta(seconds=60)
# Returns come after two seconds.
WATCHED_FOR: Final = timedelta(seconds=10)


class SandboxRail:
    """Keeps `payment_ports.Rail`. Its book is committed on its own: what it accepted stays accepted."""

    name = "sandbox"
    lost_after = LOST_AFTER
    watched_for = WATCHED_FOR

    def __init__(self, database: Database) -> None:
        self._database = database

    async def prepare(self, account: PayeeAccount) -> str:
        return account.account_number

    async def send(self, reference: str, amount: Decimal, currency: str, destination: str) -> RailAnswer:
        return await self._accept(reference, amount, currency, destination[-2:])

    async def ask_donation(self, reference: str) -> RailAnswer:
        """Every donor pays at once."""
        del reference
        return RailAnswer(RailStatus.PAID)

    async def refund(self, reference: str, amount: Decimal, currency: str, *, donation: str) -> RailAnswer:
        del donation
        return await self._accept(reference, amount, currency, SUCCEEDS)

    async def ask_refund(self, reference: str, *, donation: str) -> RailAnswer:
        del donation
        return await self.ask(reference)

    async def _accept(self, reference: str, amount: Decimal, currency: str, behavior: str) -> RailAnswer:
        async with self._database.unit_of_work() as work:
            statement = upsert(sandbox_transfers).values(
                reference=reference, amount=amount, currency=currency, behavior=behavior, accepted_at=work.now
            )
            await work.connection.execute(statement.on_conflict_do_nothing())
        if behavior == TIMES_OUT:
            raise RailUnsureError("the bank accepted and then did not answer")
        return await self.ask(reference)

    async def ask(self, reference: str) -> RailAnswer:
        async with self._database.unit_of_work() as work:
            statement = select(sandbox_transfers).where(sandbox_transfers.c.reference == reference)
            row = (await work.connection.execute(statement)).one_or_none()
            if row is None:
                return RailAnswer(RailStatus.NOT_FOUND)
            age = work.now - row.accepted_at
        if row.behavior == FAILS:
            return RailAnswer(RailStatus.FAILED, row.amount, row.currency, "account_refused")
        if row.behavior == SLOW and age < SLOW_TAKES:
            return RailAnswer(RailStatus.PROCESSING, row.amount, row.currency)
        if row.behavior == IS_REVERSED and age >= REVERSED_AFTER:
            return RailAnswer(RailStatus.REVERSED, row.amount, row.currency, "returned_by_bank")
        return RailAnswer(RailStatus.PAID, row.amount, row.currency)
