"""One unit of work as the use cases see it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

from chassis.database import Database, UnitOfWork
from chassis.personal_data import Vault
from ledger.adapters.announcements import OutboxAnnouncements
from ledger.adapters.booked_events import PostgresEventRegister
from ledger.adapters.chain import PostgresChain, Writer
from ledger.adapters.lot_books import PostgresLots
from ledger.adapters.money_books import PostgresAwards, PostgresPrograms
from ledger.adapters.payment_books import PostgresPayments
from ledger.adapters.people_books import PostgresPeople
from ledger.adapters.refund_books import PostgresRefunds
from ledger.adapters.transaction_books import PostgresTransactions
from ledger.adapters.write_behind import WriteBehind


class PostgresBooks:
    """Keeps `ports.Books`, one per unit of work: what it knows is in memory, what it is asked is durable at the end."""

    def __init__(self, work: UnitOfWork, vault: Vault, writer: Writer) -> None:
        self._work = work
        pending = WriteBehind(work)
        self.chain = PostgresChain(work, writer)
        self.programs = PostgresPrograms(work, pending)
        self.awards = PostgresAwards(work, pending)
        self.lots = PostgresLots(work, pending)
        self.transactions = PostgresTransactions(work, pending)
        self.register = PostgresEventRegister(work, pending)
        self.payments = PostgresPayments(work, vault)
        self.refunds = PostgresRefunds(work)
        self.people = PostgresPeople(work, vault, pending)
        self.announce = OutboxAnnouncements(work)

    @property
    def now(self) -> datetime:
        return self._work.now


class PostgresBooksOpener:
    """Keeps `ports.BooksOpener`."""

    def __init__(self, database: Database, vault: Vault, writer: Writer) -> None:
        self._database = database
        self._vault = vault
        self._writer = writer

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[PostgresBooks]:
        async with self._database.unit_of_work() as work:
            yield self.within(work)

    def within(self, work: UnitOfWork) -> PostgresBooks:
        return work.share(PostgresBooks, lambda: PostgresBooks(work, self._vault, self._writer))
