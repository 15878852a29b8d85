"""The projections of reconciliation in PostgreSQL: matches and days; made anew, never evidence by themselves."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import BigInteger, Date, LargeBinary, any_, bindparam, cast, delete, func, or_, select, union
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql import ColumnElement

from chassis.database import UnitOfWork
from chassis.inserting import Rows
from ledger.adapters.reconciliation_reading import AS_STATED, PROVES
from ledger.adapters.tables.chain import blocks
from ledger.adapters.tables.payments import manual_transfers
from ledger.adapters.tables.statements import (
    bank_statements,
    reconciled_days,
    reconciled_files,
    reconciliation_runs,
    statement_files,
    statement_lines,
    statement_matches,
    statement_withdrawals,
)
from ledger.domain.bank_accounts import BankAccount, bank_day
from ledger.domain.reconciliation import Finding, Kind
from ledger.use_cases.statement_ports import DayCounts

# Any constant: whoever holds it writes the projections; the other workers do something else meanwhile.
_TURN: Final = 7_312_004
# What somebody has to explain, by the columns that count it.
OPEN_FINDINGS: Final = ("different", "missing", "extra", "duplicate", "reversal_without_payment")
_PAIRS: Final = (Kind.MATCHED, Kind.DIFFERENT)
_OPEN_SUM: Final = (
    reconciled_days.c.different
    + reconciled_days.c.missing
    + reconciled_days.c.extra
    + reconciled_days.c.duplicate
    + reconciled_days.c.reversal_without_payment
)


def _ours(accounts: Iterable[BankAccount]) -> ColumnElement[bool]:
    """Days of these accounts. Of one that is in the settings no more, what was open is nobody's to explain."""
    return reconciled_days.c.account.in_([account.number for account in accounts])


def _any(column: Any, values: Collection[Any], kind: Any) -> Any:
    return column == any_(bindparam(None, sorted(values), type_=ARRAY(kind), unique=True))


class PostgresReconciliationBook:
    """Keeps `statement_ports.ReconciliationBook`, and what the daily run remembers."""

    def __init__(self, work: UnitOfWork, accounts: Sequence[BankAccount]) -> None:
        self._work = work
        self._accounts = accounts

    @property
    def _connection(self) -> AsyncConnection:
        return self._work.connection

    async def take_turn(self) -> bool:
        """Until the unit of work ends; False while another worker has it."""
        return bool(await self._connection.scalar(select(func.pg_try_advisory_xact_lock(_TURN))))

    async def replace_matches(self, findings: Sequence[Finding]) -> None:
        lines = {finding.line.identity for finding in findings if finding.line is not None}
        movements = {finding.movement.block_index for finding in findings if finding.movement is not None}
        await self._connection.execute(
            delete(statement_matches).where(
                or_(
                    _any(statement_matches.c.identity, lines, LargeBinary),
                    _any(statement_matches.c.block_index, movements, BigInteger),
                )
            )
        )
        pairs = [
            (finding.line.identity, finding.movement.block_index, finding.kind.value)
            for finding in findings
            if finding.kind in _PAIRS and finding.line is not None and finding.movement is not None
        ]
        if pairs:
            await self._work.insert(Rows(statement_matches.name, ("identity", "block_index", "kind"), pairs))

    async def put_day(self, counts: DayCounts, *, overdue_on: date, height: int) -> None:
        values = asdict(counts) | {"overdue_on": overdue_on, "height": height}
        statement = upsert(reconciled_days).values(**values)
        changed = {name: statement.excluded[name] for name in values} | {"reconciled_at": func.clock_timestamp()}
        await self._connection.execute(
            statement.on_conflict_do_update(index_elements=reconciled_days.primary_key.columns, set_=changed)
        )

    async def forget_day(self, account: BankAccount, day: date) -> None:
        await self._connection.execute(
            delete(reconciled_days).where(
                reconciled_days.c.account == account.number,
                reconciled_days.c.currency == account.currency,
                reconciled_days.c.day == day,
            )
        )

    async def next_file(self) -> tuple[UUID, bool] | None:
        """A file whose coming (False) or going (True) has not been compared yet."""
        gone, done = statement_withdrawals, reconciled_files
        withdrawn = gone.c.file_id.is_not(None)
        statement = (
            select(statement_files.c.file_id, withdrawn.label("withdrawn"))
            .join(gone, gone.c.file_id == statement_files.c.file_id, isouter=True)
            .join(done, (done.c.file_id == statement_files.c.file_id) & (done.c.withdrawn == withdrawn), isouter=True)
            .where(done.c.file_id.is_(None))
            .order_by(statement_files.c.number)
            .limit(1)
        )
        row = (await self._connection.execute(statement)).one_or_none()
        return None if row is None else (row.file_id, row.withdrawn)

    async def finish_file(self, file_id: UUID, *, withdrawn: bool) -> None:
        statement = upsert(reconciled_files).values(file_id=file_id, withdrawn=withdrawn)
        await self._connection.execute(statement.on_conflict_do_nothing())

    async def days_of_file(self, file_id: UUID) -> tuple[list[tuple[date, date]], set[date]]:
        """The periods that the file covers, and the days of the blocks that its lines were matched with."""
        periods = await self._connection.execute(
            select(bank_statements.c.covers_from, bank_statements.c.covers_to).where(
                bank_statements.c.file_id == file_id
            )
        )
        made = await self._connection.scalars(
            select(blocks.c.timestamp)
            .distinct()
            .join(statement_matches, statement_matches.c.block_index == blocks.c.block_index)
            .where(statement_matches.c.identity.in_(_identities(file_id)))
        )
        return [(row.covers_from, row.covers_to) for row in periods], {bank_day(at) for at in made}

    async def payments_of_file(self, file_id: UUID) -> set[UUID]:
        """Those that its lines name, or may prove by the bank's reference."""
        lines = (
            select(statement_lines)
            .join(bank_statements, bank_statements.c.statement_id == statement_lines.c.statement_id)
            .where(bank_statements.c.file_id == file_id)
            .subquery()
        )
        named = select(lines.c.payment_id).where(lines.c.payment_id.is_not(None))
        proved = select(manual_transfers.c.transaction_id).join(lines, lines.c.bank_reference == AS_STATED)
        return set(await self._connection.scalars(union(named, proved.where(PROVES))))

    async def forget_matches_of(self, file_id: UUID) -> None:
        """Before its days are compared again: what no file shows any more matches nothing."""
        await self._connection.execute(
            delete(statement_matches).where(statement_matches.c.identity.in_(_identities(file_id)))
        )

    async def has_run(self, day: date) -> bool:
        statement = select(reconciliation_runs.c.day).where(reconciliation_runs.c.day == day)
        return await self._connection.scalar(statement) is not None

    async def finish_run(self, day: date, *, height: int, days: int) -> None:
        statement = upsert(reconciliation_runs).values(day=day, height=height, days=days)
        await self._connection.execute(statement.on_conflict_do_nothing())

    async def open_days(self, limit: int) -> set[date]:
        """Days that have something to explain, the newest first."""
        statement = select(reconciled_days.c.day).where(_OPEN_SUM > 0, _ours(self._accounts)).distinct()
        newest = statement.order_by(reconciled_days.c.day.desc()).limit(limit)
        return set(await self._connection.scalars(newest))

    async def open_counts(self, today: date) -> list[tuple[str, dict[str, int]]]:
        """What is open of each account over all days; what is missing only once its window has passed."""
        overdue = reconciled_days.c.overdue_on <= today
        sums = [
            func.coalesce(
                func.sum(reconciled_days.c[name]).filter(overdue)
                if name == "missing"
                else func.sum(reconciled_days.c[name]),
                0,
            ).label(name)
            for name in OPEN_FINDINGS
        ]
        statement = select(reconciled_days.c.account, *sums).where(_ours(self._accounts))
        statement = statement.group_by(reconciled_days.c.account)
        rows = await self._connection.execute(statement)
        return [(row.account, {name: int(getattr(row, name)) for name in OPEN_FINDINGS}) for row in rows]

    async def files_with_texts_before(self, moment: Any) -> list[UUID]:
        """Files older than the retention of what banks wrote."""
        statement = select(statement_files.c.file_id).where(statement_files.c.imported_at < moment)
        return list(await self._connection.scalars(statement))


def _identities(file_id: UUID) -> Any:
    return (
        select(statement_lines.c.identity)
        .join(bank_statements, bank_statements.c.statement_id == statement_lines.c.statement_id)
        .where(bank_statements.c.file_id == file_id)
    )


async def count_overdue(connection: AsyncConnection, accounts: Sequence[BankAccount]) -> int:
    """Movements that no line matches although a statement covers their day and the window has passed."""
    # WAT is an hour ahead of UTC; the database's clock, for this is asked by everybody and often.
    today = cast(func.timezone(timedelta(hours=1), func.clock_timestamp()), Date)
    overdue = func.sum(reconciled_days.c.missing + reconciled_days.c.different)
    statement = select(func.coalesce(overdue, 0)).where(
        reconciled_days.c.overdue_on <= today, _OPEN_SUM > 0, _ours(accounts)
    )
    return int(await connection.scalar(statement) or 0)


__all__ = ["OPEN_FINDINGS", "PostgresReconciliationBook", "count_overdue"]
