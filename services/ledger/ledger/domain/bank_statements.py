"""A bank statement: what a bank says happened on an account of ours. Kept whole, or refused whole."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Final, NoReturn
from uuid import UUID

from chassis.refusals import FieldRefusalError
from ledger.domain.bank_accounts import BankAccount
from ledger.domain.bank_references import find_payments, normalized
from ledger.domain.money import CURRENCIES

# A year of a busy account in one file; bounds what one request may cost.
LINES_MAX: Final = 100_000
# Lines of text: an entry takes ten at most (:61: with details, six of :86:), and empty ones cost time as well.
ROWS_MAX: Final = 1_000_000
# 100,000 lines of MT940 with their descriptions.
STATEMENT_BYTES_MAX: Final = 32 * 1024 * 1024
# Banks give yearly statements; anything longer is a wrong date.
DAYS_MAX: Final = 366
# A bank whose clock is ahead of ours may be a day ahead.
_AHEAD: Final = timedelta(days=1)
_EARLIEST: Final = date(2000, 1, 1)

# How many mistakes one refusal names: more than anyone mends at a time.
MISTAKES_MAX: Final = 50
Mistake = tuple[str, str, str]


def mistake(line: int, field: str, code: str, message: str) -> Mistake:
    """One thing that is wrong, by line and field; never with the cell's content, for it may name people."""
    return (f"line {line}, {field}", code, message)


def refuse_all(mistakes: Sequence[Mistake]) -> NoReturn:
    raise FieldRefusalError(list(mistakes), "The statement is refused as a whole; nothing of it was kept.")


def refuse(line: int, field: str, code: str, message: str) -> NoReturn:
    """Refuses the statement for one mistake.

    Raises:
        FieldRefusalError
    """
    refuse_all([mistake(line, field, code, message)])


@dataclass(frozen=True, slots=True)
class ReadLine:
    """A line as a format's reader gives it. `amount`: more than zero came in, less went out, as the bank sees it.

    `row` is its line in the file, `texts` everything the bank wrote about it, field by field (personal), `is_reversal`
    the bank's own mark for taking an entry back.
    """

    row: int
    entry_date: date
    value_date: date
    amount: Decimal
    is_reversal: bool
    bank_reference: str
    texts: Sequence[str]


@dataclass(frozen=True, slots=True)
class ReadStatement:
    """A statement as a reader gives it. `row` is where it starts.

    Balances are None, and the currency empty, where a file does not say.
    """

    row: int
    account: str
    currency: str
    number: str | None
    covers_from: date
    covers_to: date
    opening: Decimal | None
    closing: Decimal | None
    lines: Sequence[ReadLine]


@dataclass(frozen=True, slots=True)
class Line:
    """A line as it is kept. The same movement has the same `identity` in every statement that shows it.

    `alike`: the same for lines that only their order tells apart.
    """

    position: int
    row: int
    alike: bytes
    identity: bytes
    entry_date: date
    value_date: date
    amount: Decimal
    is_reversal: bool
    bank_reference: str
    payment_id: UUID | None
    text: str


@dataclass(frozen=True, slots=True)
class Statement:
    account: BankAccount
    number: str | None
    covers_from: date
    covers_to: date
    opening: Decimal | None
    closing: Decimal | None
    lines: tuple[Line, ...]


def complete(read: Sequence[ReadStatement], accounts: Iterable[BankAccount], *, today: date) -> tuple[Statement, ...]:
    """Checks what every format has to keep, and gives every line its identity and the payment it names.

    Raises:
        FieldRefusalError: an account that is not ours, another currency, dates or balances that do not fit, the same
            lines in two statements.
    """
    known = tuple(accounts)
    seen: Counter[bytes] = Counter()
    found = tuple(_complete(statement, known, today, seen) for statement in read)
    _check_overlaps(found, [statement.row for statement in read])
    return found


def _complete(read: ReadStatement, accounts: Sequence[BankAccount], today: date, seen: Counter[bytes]) -> Statement:
    account = next((account for account in accounts if account.is_meant_by(read.account)), None)
    if account is None:
        refuse(read.row, "account", "account_unknown", "this is none of the accounts in IMPACTNET_LEDGER_BANK_ACCOUNTS")
    if read.currency not in ("", account.currency):
        rule = "currency_mixed" if read.currency in CURRENCIES else "currency_unsupported"
        refuse(read.row, "currency", rule, f"the account is kept in {account.currency}")
    _check_dates(read, today)
    if read.opening is not None and read.closing is not None:
        total = sum((line.amount for line in read.lines), read.opening)
        if total != read.closing:
            message = f"opening balance and lines make {total:.2f}, the closing balance is {read.closing:.2f}"
            refuse(read.row, "closing balance", "balance_broken", message)
    lines = tuple(_line(account, line, position, seen) for position, line in enumerate(read.lines))
    return Statement(account, read.number, read.covers_from, read.covers_to, read.opening, read.closing, lines)


def _check_dates(read: ReadStatement, today: date) -> None:
    if read.covers_from > read.covers_to:
        refuse(read.row, "date", "dates_reversed", "the statement ends before it begins")
    if read.covers_to - read.covers_from >= timedelta(days=DAYS_MAX):
        refuse(read.row, "date", "period_too_long", f"a statement covers at most {DAYS_MAX} days")
    if read.covers_to > today + _AHEAD:
        refuse(read.row, "date", "date_in_future", "no bank knows what happens after today")
    if read.covers_from < _EARLIEST:
        refuse(read.row, "date", "date_out_of_range", "before the year 2000")
    for line in read.lines:
        if not read.covers_from <= line.entry_date <= read.covers_to:
            refuse(line.row, "entry date", "date_outside_statement", "not within the days that the statement covers")


def _check_overlaps(statements: Sequence[Statement], rows: Sequence[int]) -> None:
    """Lines of one day are in one statement, or in several of which each continues the one before.

    Within a file equal lines are told apart by their order: a statement that shows again what another shows would make
    two movements of each. In a file of its own it counts once.
    """
    shown: dict[tuple[str, date], Statement] = {}
    for statement, row in zip(statements, rows, strict=True):
        days = {(statement.account.number, line.entry_date) for line in statement.lines}
        if not all(_continues(shown[day], statement) for day in days if day in shown):
            message = "shows days of another statement in this file and does not continue it: bring it in its own file"
            refuse(row, "statement", "statements_overlap", message)
        shown.update(dict.fromkeys(days, statement))


def _continues(one: Statement, other: Statement) -> bool:
    """Whether one begins with the balance that the other ended with, in whatever order a file has them."""
    if one.closing == other.opening == one.opening == other.closing:  # what moves nothing in sum follows itself
        return [line.alike for line in one.lines] != [line.alike for line in other.lines]
    return one.closing == other.opening or other.closing == one.opening


def _line(account: BankAccount, read: ReadLine, position: int, seen: Counter[bytes]) -> Line:
    reference = normalized(read.bank_reference)
    # Lines that say the same are told apart by their order: two equal fees on one day are two fees.
    alike = _digest(account.number, account.currency, read.entry_date.isoformat(), f"{read.amount:.2f}", reference)
    seen[alike] += 1
    named = find_payments(read.bank_reference, *read.texts)
    return Line(
        position=position,
        row=read.row,
        alike=alike,
        identity=_digest(alike.hex(), str(seen[alike])),
        entry_date=read.entry_date,
        value_date=read.value_date,
        amount=read.amount,
        is_reversal=read.is_reversal,
        bank_reference=reference,
        # A line about several payments matches none by itself: a person has to look.
        payment_id=next(iter(named)) if len(named) == 1 else None,
        text="\n".join(read.texts),
    )


def _digest(*parts: str) -> bytes:
    return sha256("\n".join(parts).encode()).digest()
