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
from ledger.use_cases.ports import RailUnsureError

SUCCEEDS: Final = "01"
SLOW: Final = "02"
FAILS: Final = "03"
TIMES_OUT: Final = "04"
IS_REVERSED: Final = "05"
SLOW_TAKES: Final = timedelta(seconds=5)
REVERSED_AFTER: Final = timedelta(seconds=2)


class SandboxRail:
    """Keeps `ports.Rail`. Its book is committed on its own: what a bank accepted stays accepted, whatever we do."""

    name = "sandbox"

    def __init__(self, database: Database) -> None:
        self._database = database

    async def send(self, reference: str, amount: Decimal, currency: str, account: PayeeAccount) -> RailAnswer:
        return await self._accept(reference, amount, currency, account.account_number[-2:])

    async def refund(self, reference: str, amount: Decimal, currency: str) -> RailAnswer:
        return await self._accept(reference, amount, currency, SUCCEEDS)

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
