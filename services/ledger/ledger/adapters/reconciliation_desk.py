"""Runs reconciliations: reports on one view of the database, and the worker's own, which count, measure and alert."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date, timedelta
from itertools import product
from typing import Final
from uuid import UUID

import structlog
from prometheus_client import Gauge
from sqlalchemy import select

from chassis.database import Database, UnitOfWork
from chassis.personal_data import destroy_subject_key
from chassis.tables import subject_keys
from ledger.adapters.arrays import among
from ledger.adapters.reconciliation_book import OPEN_FINDINGS, PostgresReconciliationBook
from ledger.adapters.reconciliation_reading import PostgresReconciliationReading
from ledger.domain.bank_accounts import BankAccount, bank_day
from ledger.domain.reconciliation import Finding
from ledger.domain.reconciliation_report import Report
from ledger.use_cases.reconcile_day import compare_day, days_of_payments, project_day, report_day
from ledger.use_cases.statement_ports import DayCounts

log = structlog.get_logger(__name__)

OPEN: Final = Gauge(
    "impactnet_ledger_reconciliation_open", "Findings that nobody has explained.", ["account", "finding"]
)
LAST_RUN: Final = Gauge("impactnet_ledger_reconciliation_last_run_seconds", "When the daily run was done, Unix time.")
# A finding stays open until somebody acts: a daily run looks at this many of the newest such days again.
OPEN_DAYS_MAX: Final = 400


class ReconciliationDesk:
    """`window_days`: how far apart a bank's day and ours may be; `text_days`: how long banks' texts can be read."""

    def __init__(
        self, database: Database, accounts: Sequence[BankAccount], *, window_days: int, text_days: int
    ) -> None:
        self._database = database
        self._accounts = tuple(accounts)
        self._masked = {account.number: account.masked for account in accounts}
        self._window_days = window_days
        self._text_days = text_days

    @property
    def accounts(self) -> Sequence[BankAccount]:
        return self._accounts

    async def report(self, day: date, height: int | None) -> Report:
        """See `report_day`."""
        async with self._snapshot() as reading:
            return await report_day(reading, day, height=height, window_days=self._window_days)

    async def findings(self, day: date, height: int) -> list[Finding]:
        """Everything that was compared for a day's report, what matched among it."""
        async with self._snapshot() as reading:
            found, _ = await compare_day(reading, day, height, window_days=self._window_days)
        return found

    @asynccontextmanager
    async def _snapshot(self) -> AsyncIterator[PostgresReconciliationReading]:
        async with self._database.engine.connect() as connection:
            await connection.execution_options(isolation_level="REPEATABLE READ")
            yield PostgresReconciliationReading(connection, self._accounts)
            await connection.rollback()

    async def run(self) -> bool:
        """One step of the worker: a file that came or went, or yesterday; True when there may be more."""
        if not self._accounts:
            return False
        return await self._run_file() or await self._run_daily()

    async def _run_file(self) -> bool:
        async with self._turn() as (work, book):
            found = None if book is None else await book.next_file()
            if book is None or found is None:
                return False
            file_id, withdrawn = found
            periods, days = await book.days_of_file(file_id)
            reading = PostgresReconciliationReading(work.connection, self._accounts)
            payments = await book.payments_of_file(file_id)
            days |= await days_of_payments(reading, payments, await reading.height())
            if withdrawn:
                await book.forget_matches_of(file_id)
        days.update(_days(periods))
        if not await self._project(sorted(days)):
            return False
        async with self._turn() as (_, book):
            if book is None:
                return False
            await book.finish_file(file_id, withdrawn=withdrawn)
        await self._measure()
        return True

    async def _run_daily(self) -> bool:
        """Yesterday, the days whose windows are open, and what is not explained yet; once for every day."""
        yesterday = bank_day(self._database.clock.now()) - timedelta(days=1)
        async with self._turn() as (_, book):
            if book is None or await book.has_run(yesterday):
                return False
            days = await book.open_days(OPEN_DAYS_MAX)
        days |= {yesterday - timedelta(days=back) for back in range(self._window_days + 1)}
        if not await self._project(sorted(days)):
            return False
        async with self._turn() as (work, book):
            if book is None:
                return False
            height = await PostgresReconciliationReading(work.connection, self._accounts).height()
            await book.finish_run(yesterday, height=height, days=len(days))
            await self._forget_texts(work, book)
        LAST_RUN.set(self._database.clock.now().timestamp())
        await self._measure()
        return False

    async def _project(self, days: Sequence[date]) -> bool:
        """A unit of work for each day: a crash in between leaves whole days, and the run is done again.

        False when another worker took the turn: then nothing is said to be done.
        """
        for day in days:
            async with self._turn() as (work, book):
                if book is None:
                    return False
                reading = PostgresReconciliationReading(work.connection, self._accounts)
                for counts in await project_day(reading, book, day, window_days=self._window_days):
                    self._alert(counts)
        return True

    def _alert(self, counts: DayCounts) -> None:
        overdue = counts.day + timedelta(days=self._window_days) < bank_day(self._database.clock.now())
        found = {
            "missing": counts.missing if overdue else 0,
            "extra": counts.extra,
            "different": counts.different,
            "duplicate": counts.duplicate,
            "reversal_without_payment": counts.reversal_without_payment,
        }
        if any(found.values()):
            account = self._masked.get(counts.account, "***")
            log.warning("reconciliation_open", account=account, day=counts.day.isoformat(), **found)

    async def _measure(self) -> None:
        today = bank_day(self._database.clock.now())
        # Also of accounts without any day left: what was open is not, once its file was withdrawn.
        found = dict.fromkeys(product(self._masked.values(), OPEN_FINDINGS), 0)
        async with self._database.unit_of_work() as work:
            for account, counts in await PostgresReconciliationBook(work, self._accounts).open_counts(today):
                for name, count in counts.items():
                    place = (self._masked.get(account, "***"), name)
                    found[place] = found.get(place, 0) + count
        for (masked, name), count in found.items():
            OPEN.labels(masked, name).set(count)

    async def _forget_texts(self, work: UnitOfWork, book: PostgresReconciliationBook) -> None:
        """Past their retention, what banks wrote becomes unreadable; amounts, days and references stay."""
        old = await book.files_with_texts_before(work.now - timedelta(days=self._text_days))
        readable = select(subject_keys.c.subject_id).where(
            among(subject_keys.c.subject_id, old), subject_keys.c.wrapped_key.is_not(None)
        )
        found: list[UUID] = list(await work.connection.scalars(readable))
        for file_id in found:
            await destroy_subject_key(work.connection, file_id)

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[tuple[UnitOfWork, PostgresReconciliationBook | None]]:
        """A unit of work in which only one worker reconciles; None for all others."""
        async with self._database.unit_of_work() as work:
            book = PostgresReconciliationBook(work, self._accounts)
            yield work, book if await book.take_turn() else None


def _days(periods: Sequence[tuple[date, date]]) -> set[date]:
    return {first + timedelta(days=offset) for first, last in periods for offset in range((last - first).days + 1)}
