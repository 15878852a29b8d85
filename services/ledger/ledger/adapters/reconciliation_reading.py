"""Reads what is compared: lines of the statements that count, and movements of the books as blocks say them."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Select, String, any_, bindparam, func, or_, select
from sqlalchemy.dialects.postgresql import ARRAY, distinct_on
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.adapters.arrays import among
from ledger.adapters.bank_position import positions_between
from ledger.adapters.tables.chain import blocks, checkpoints, head
from ledger.adapters.tables.money import payments
from ledger.adapters.tables.payments import disputes, manual_transfers
from ledger.adapters.tables.statements import (
    bank_statements,
    statement_files,
    statement_lines,
    statement_withdrawals,
)
from ledger.domain.bank_accounts import BankAccount, bank_day, day_starts
from ledger.domain.bank_references import BANK_REFERENCE_CHARACTERS_MAX
from ledger.domain.reconciliation import BankLine, KnownPayment, Movement
from ledger.domain.reconciliation_report import BankBalances, BooksPosition, Evidence
from ledger.domain.transactions import RailStatus, TransactionType

_T: Final = TransactionType
# Blocks that say that money moved at the bank: what was received, paid, given back, or came back.
_MOVED: Final = or_(
    blocks.c.transaction_type.in_((_T.DONATION, _T.REVERSAL)),
    blocks.c.transaction_type.in_((_T.DISBURSEMENT, _T.REFUND)) & (blocks.c.data["step"].astext == "completed"),
)
# What people recorded of transfers, by references as `bank_references.normalized` has them.
AS_STATED: Final = func.left(
    func.upper(func.replace(manual_transfers.c.bank_reference, " ", "")), BANK_REFERENCE_CHARACTERS_MAX
)
PROVES: Final = manual_transfers.c.outcome.in_((RailStatus.PAID, RailStatus.REVERSED))
_COMES_IN: Final = frozenset({_T.DONATION, _T.REVERSAL})


class PostgresReconciliationReading:
    """Keeps `statement_ports.ReconciliationReading`."""

    def __init__(self, connection: AsyncConnection, accounts: Sequence[BankAccount]) -> None:
        self._connection = connection
        self._accounts = tuple(accounts)
        self._account_of = {(rail, account.currency): account.number for account in accounts for rail in account.rails}

    @property
    def accounts(self) -> Sequence[BankAccount]:
        return self._accounts

    async def height(self) -> int:
        return int(await self._connection.scalar(select(head.c.size)) or 0)

    async def checkpoint(self, height: int) -> tuple[int, str] | None:
        statement = select(checkpoints.c.size, checkpoints.c.root).where(checkpoints.c.size <= height)
        row = (await self._connection.execute(statement.order_by(checkpoints.c.size.desc()).limit(1))).one_or_none()
        return None if row is None else (row.size, row.root.hex())

    async def lines_on(self, day: date) -> list[BankLine]:
        return await self._lines(statement_lines.c.entry_date == day)

    async def lines_of(self, payment_ids: Collection[UUID], height: int) -> list[BankLine]:
        """Those that name one of the payments, or carry the bank reference that proves one."""
        if not payment_ids:
            return []
        mine = select(AS_STATED).where(PROVES, among(manual_transfers.c.transaction_id, payment_ids))
        proofs = await self._proofs(set(await self._connection.scalars(mine)), height)
        proofs = {reference: payment_id for reference, payment_id in proofs.items() if payment_id in payment_ids}
        by_text = among(statement_lines.c.payment_id, payment_ids)
        by_proof = statement_lines.c.payment_id.is_(None) & _any(statement_lines.c.bank_reference, proofs)
        found = await self._lines(or_(by_text, by_proof) if proofs else by_text)
        return [replace(line, payment_id=line.payment_id or proofs.get(line.bank_reference)) for line in found]

    async def payments_named(self, lines: Collection[BankLine], height: int) -> list[BankLine]:
        proofs = await self._proofs({line.bank_reference for line in lines if line.payment_id is None}, height)
        return [replace(line, payment_id=line.payment_id or proofs.get(line.bank_reference)) for line in lines]

    async def _proofs(self, references: Collection[str], height: int) -> dict[str, UUID]:
        """Bank references by which people proved transfers and returns that are in the blocks, as banks write them.

        What is not booked yet proves nothing, so that a report of a height stays as it is. A return's reference may
        stand for several payments: then it names none.
        """
        sought = {reference for reference in references if reference}
        if not sought:
            return {}
        # As people typed them; few, for a person typed each.
        statement = select(
            AS_STATED.label("reference"), manual_transfers.c.transaction_id, manual_transfers.c.outcome
        ).where(PROVES, _any(AS_STATED, sought))
        rows = (await self._connection.execute(statement)).all()
        moved = await self.movements_of({row.transaction_id for row in rows}, height)
        booked = {(movement.payment_id, movement.is_return) for movement in moved}
        named: dict[bool, dict[str, set[UUID]]] = {True: defaultdict(set), False: defaultdict(set)}
        for row in rows:
            is_return = row.outcome == RailStatus.REVERSED
            if (row.transaction_id, is_return) in booked:
                named[is_return][row.reference].add(row.transaction_id)
        together = named[True] | named[False]
        return {reference: next(iter(ids)) for reference, ids in together.items() if len(ids) == 1}

    async def _lines(self, condition: ColumnElement[bool]) -> list[BankLine]:
        """Each movement at the bank once: overlapping statements show it more than once."""
        statement = (
            _live(statement_lines.c, bank_statements.c.account, bank_statements.c.currency, statement_files.c.number)
            .join(statement_lines, statement_lines.c.statement_id == bank_statements.c.statement_id)
            .where(condition)
            .ext(distinct_on(statement_lines.c.identity))
            .order_by(statement_lines.c.identity, statement_files.c.number, statement_lines.c.file_row)
        )
        return [_bank_line(row) for row in await self._connection.execute(statement)]

    async def movements_on(self, day: date, height: int) -> list[Movement]:
        first = await self._first_block(day_starts(day), height)
        end = await self._first_block(day_starts(day + timedelta(days=1)), height)
        within = (blocks.c.block_index >= first) & (blocks.c.block_index < end)
        return await self._movements(within)

    async def movements_of(self, payment_ids: Collection[UUID], height: int) -> list[Movement]:
        if not payment_ids:
            return []
        corrected = await self._corrections(among(disputes.c.transaction_id, payment_ids))
        names = [
            name
            for transaction_id in {*payment_ids, *corrected}
            for name in (str(transaction_id), f"{transaction_id}:completed", f"{transaction_id}:reversed")
        ]
        return await self._movements(_any(blocks.c.transaction_id, names) & (blocks.c.block_index < height))

    async def _first_block(self, at: datetime, height: int) -> int:
        """The first block not before an instant, by halving: time rises with every block."""
        low, high = 0, height
        while low < high:
            middle = (low + high) // 2
            made = await self._connection.scalar(select(blocks.c.timestamp).where(blocks.c.block_index == middle))
            if made is not None and made < at:
                low = middle + 1
            else:
                high = middle
        return low

    async def _movements(self, condition: ColumnElement[bool]) -> list[Movement]:
        statement = select(
            blocks.c.block_index, blocks.c.timestamp, blocks.c.transaction_type, blocks.c.transaction_id, blocks.c.data
        ).where(condition, _MOVED)
        rows = [(row, _transaction_of(row)) for row in await self._connection.execute(statement)]
        ids = {transaction_id for _, transaction_id in rows}
        corrects = await self._corrections(among(disputes.c.correction_id, ids)) if ids else {}
        known = await self._payments({corrects.get(transaction_id, transaction_id) for transaction_id in ids})
        return [self._movement(row, transaction_id, corrects, known) for row, transaction_id in rows]

    def _movement(
        self, row: Any, transaction_id: UUID, corrects: Mapping[UUID, UUID], known: Mapping[UUID, Any]
    ) -> Movement:
        payment_id = corrects.get(transaction_id, transaction_id)
        payment = known.get(payment_id)
        amount, currency = Decimal(row.data["amount"]), row.data["currency"]
        return Movement(
            block_index=row.block_index,
            payment_id=payment_id,
            account=None if payment is None else self._account_of.get((payment.rail, currency)),
            currency=currency,
            day=bank_day(row.timestamp),
            amount=amount if row.transaction_type in _COMES_IN else -amount,
            # A refund in the place of a donation is what the donor's bank took back of it.
            is_return=row.transaction_type == _T.REVERSAL
            or (row.transaction_type == _T.REFUND and payment is not None and payment.direction == "in"),
            is_correction=transaction_id in corrects,
            reference="" if payment is None else payment.reference,
        )

    async def _corrections(self, condition: ColumnElement[bool]) -> dict[UUID, UUID]:
        """Transactions that two people booked in the place of others: which for which."""
        statement = select(disputes.c.correction_id, disputes.c.transaction_id).where(
            condition, disputes.c.correction_id.is_not(None)
        )
        return {row.correction_id: row.transaction_id for row in await self._connection.execute(statement)}

    async def _payments(self, ids: Collection[UUID]) -> dict[UUID, Any]:
        if not ids:
            return {}
        statement = select(
            payments.c.transaction_id, payments.c.rail, payments.c.reference, payments.c.direction
        ).where(among(payments.c.transaction_id, ids))
        return {row.transaction_id: row for row in await self._connection.execute(statement)}

    async def known(self, payment_ids: Collection[UUID], height: int) -> Mapping[UUID, KnownPayment]:
        rows = await self._payments(payment_ids)
        failed = await self._connection.scalars(
            select(blocks.c.transaction_id).where(
                _any(blocks.c.transaction_id, [f"{payment_id}:failed" for payment_id in rows]),
                blocks.c.block_index < height,
            )
        )
        down = {UUID(name.partition(":")[0]) for name in failed}
        return {
            payment_id: KnownPayment(comes_in=row.direction == "in", failed=payment_id in down)
            for payment_id, row in rows.items()
        }

    async def coverage(self) -> Mapping[str, Sequence[tuple[date, date]]]:
        statement = _live(bank_statements.c.account, bank_statements.c.covers_from, bank_statements.c.covers_to)
        found: dict[str, list[tuple[date, date]]] = {}
        for row in await self._connection.execute(statement.distinct()):
            found.setdefault(row.account, []).append((row.covers_from, row.covers_to))
        return found

    async def balances(self, account: BankAccount, day: date) -> tuple[list[BankBalances], tuple[Evidence, ...]]:
        """By each statement that has balances, the shortest first: its opening, and its own lines up to the day."""
        before = func.coalesce(
            func.sum(statement_lines.c.amount).filter(statement_lines.c.entry_date < day), Decimal(0)
        )
        until = func.coalesce(
            func.sum(statement_lines.c.amount).filter(statement_lines.c.entry_date <= day), Decimal(0)
        )
        statement = (
            _live(bank_statements, statement_files.c.number, statement_files.c.sha256, before.label("before"),
                  until.label("until"))
            .join(statement_lines, statement_lines.c.statement_id == bank_statements.c.statement_id, isouter=True)
            .where(
                bank_statements.c.account == account.number,
                bank_statements.c.currency == account.currency,
                bank_statements.c.covers_from <= day,
                bank_statements.c.covers_to >= day,
            )
            .group_by(bank_statements.c.statement_id, statement_files.c.number, statement_files.c.sha256)
            .order_by(statement_files.c.number, bank_statements.c.ordinal)
        )  # fmt: skip
        rows = (await self._connection.execute(statement)).all()
        evidence = tuple(Evidence(row.file_id, row.number, row.sha256, row.statement_number) for row in rows)
        with_balances = sorted(
            (row for row in rows if row.opening is not None), key=lambda row: row.covers_to - row.covers_from
        )
        return [BankBalances(row.opening + row.before, row.opening + row.until) for row in with_balances], evidence

    async def positions(self, day: date, height: int) -> list[BooksPosition]:
        first = await self._first_block(day_starts(day), height)
        end = await self._first_block(day_starts(day + timedelta(days=1)), height)
        return await positions_between(self._connection, first, end)


def _any(column: Any, values: Collection[str]) -> ColumnElement[bool]:
    given: ColumnElement[bool] = column == any_(bindparam(None, sorted(values), type_=ARRAY(String), unique=True))
    return given


def _live(*columns: Any) -> Select[Any]:
    """Of statements whose file was not withdrawn."""
    gone = statement_withdrawals
    return (
        select(*columns)
        .select_from(bank_statements)
        .join(statement_files, statement_files.c.file_id == bank_statements.c.file_id)
        .join(gone, gone.c.file_id == statement_files.c.file_id, isouter=True)
        .where(gone.c.file_id.is_(None))
    )


def _bank_line(row: Any) -> BankLine:
    return BankLine(
        identity=row.identity,
        account=row.account,
        currency=row.currency,
        day=row.entry_date,
        amount=row.amount,
        is_reversal=row.is_reversal,
        payment_id=row.payment_id,
        bank_reference=row.bank_reference or "",
        file_number=row.number,
        file_row=row.file_row,
    )


def _transaction_of(row: Any) -> UUID:
    data = row.data
    return UUID(data.get("transaction_id") or data.get("disbursement_id") or row.transaction_id)
