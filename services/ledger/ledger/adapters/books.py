"""One unit of work as the use cases see it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

from chassis.database import Database, UnitOfWork
from chassis.personal_data import Vault
from ledger.adapters.announcements import OutboxAnnouncements
from ledger.adapters.booked_events import PostgresEventRegister
from ledger.adapters.chain import PostgresChain, Writer
from ledger.adapters.foresight import Acquaintances, foresee
from ledger.adapters.lot_books import PostgresLots
from ledger.adapters.money_books import PostgresAwards, PostgresPrograms
from ledger.adapters.payment_books import PostgresPayments
from ledger.adapters.people_books import PostgresPeople
from ledger.adapters.refund_books import PostgresRefunds
from ledger.adapters.tables.people import beneficiaries, deciders
from ledger.adapters.transaction_books import PostgresTransactions
from ledger.adapters.write_behind import WriteBehind
from ledger.use_cases.events import Needs


class PostgresBooks:
    """Keeps `ports.Books`, one per unit of work: what it knows is in memory, what it is asked is durable at the end."""

    def __init__(self, work: UnitOfWork, vault: Vault, writer: Writer, acquaintances: Acquaintances) -> None:
        self._work = work
        self._acquaintances = acquaintances
        pending = WriteBehind(work)
        self.chain = PostgresChain(work, writer)
        self.programs = PostgresPrograms(work, pending)
        self.awards = PostgresAwards(work, pending)
        self.lots = PostgresLots(work, pending)
        self.transactions = PostgresTransactions(work, pending)
        self.register = PostgresEventRegister(work)
        self.payments = PostgresPayments(work, vault)
        self.refunds = PostgresRefunds(work)
        self.people = PostgresPeople(work, vault, pending)
        self.announce = OutboxAnnouncements(work)

    async def foresee(self, event_ids: Sequence[UUID], needs: Needs) -> None:
        """Take the chain and read what a batch will ask for, in a few statements for all of it."""
        found = await foresee(
            self.chain,
            event_ids=event_ids,
            program_ids=needs.programs,
            application_ids=needs.applications,
            decided_by=needs.deciders,
        )
        self._acquaintances.meet(needs.deciders, found.deciders)
        self.register.learn(event_ids, found.event_hashes)
        self.programs.learn(needs.programs, found.currencies)
        own_ids = {beneficiaries.name: found.beneficiaries, deciders.name: found.deciders}
        self.people.learn(needs.applications, needs.deciders, own_ids)
        if needs.awards or needs.purposes:
            known = await self.awards.read(needs.awards)
            await self.lots.read(known, [*needs.purposes, *found.beneficiaries.values()])

    def assume(self, event_id: UUID, needs: Needs) -> bool:
        """Do as if the chain were where we left it and the event new, where no money moves; whether that can be done.

        The conditions are gathered with what is written.
        """
        deciders_known = self._acquaintances.among(needs.deciders)
        if needs.programs or needs.awards or needs.applications or needs.purposes or deciders_known is None:
            return False
        if not self.chain.assume():
            return False
        self.register.learn([event_id], {})
        self.people.assume(deciders_known)
        return True

    def mistaken(self) -> None:
        """What was assumed is not so."""
        self.chain.mistaken()

    @property
    def now(self) -> datetime:
        return self._work.now


class PostgresBooksOpener:
    """Keeps `ports.BooksOpener`."""

    def __init__(self, database: Database, vault: Vault, writer: Writer) -> None:
        self._database = database
        self._vault = vault
        self._writer = writer
        self._acquaintances = Acquaintances()

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[PostgresBooks]:
        # Timers open them, and tick again.
        async with self._database.unit_of_work(is_repeatable=True) as work:
            yield self.within(work)

    def within(self, work: UnitOfWork) -> PostgresBooks:
        def open_books() -> PostgresBooks:
            return PostgresBooks(work, self._vault, self._writer, self._acquaintances)

        return work.share(PostgresBooks, open_books)
