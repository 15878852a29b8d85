"""A day's reconciliation as a treasurer signs it: what the bank says, what the books say, and every difference."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from hashlib import sha256
from itertools import product
from typing import Any, Final
from uuid import UUID

from ledger.domain import canonical
from ledger.domain.money import format_amount
from ledger.domain.reconciliation import Finding, Kind

_ZERO: Final = Decimal(0)
# A day on which none of 100,000 lines fits anything, twice over.
REPORT_BYTES_MAX: Final = 128 * 1024 * 1024
# Its two halves lie on different days: each day sees one of them.
OTHER_DAY: Final = "matched_other_day"
CLASSES: Final = (
    Kind.MATCHED.value,
    OTHER_DAY,
    Kind.DIFFERENT.value,
    Kind.MISSING.value,
    Kind.NOT_COVERED.value,
    Kind.EXTRA.value,
    Kind.DUPLICATE.value,
    Kind.REVERSAL_WITHOUT_PAYMENT.value,
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One finding as one day and account see it; an amount is zero where that side is on another day or missing."""

    kind: str
    reasons: tuple[str, ...]
    finding: Finding
    bank: Decimal
    books: Decimal

    @property
    def difference(self) -> Decimal:
        return self.bank - self.books


@dataclass(frozen=True, slots=True)
class Total:
    count: int
    bank: Decimal
    books: Decimal


@dataclass(frozen=True, slots=True)
class Evidence:
    """A statement that a report rests on, by its file."""

    file_id: UUID
    file_number: int
    sha256: str
    statement_number: str | None


@dataclass(frozen=True, slots=True)
class BankBalances:
    """What the bank's own statement says about the day's beginning and end."""

    opening: Decimal
    closing: Decimal

    @property
    def moved(self) -> Decimal:
        return self.closing - self.opening


def balances_of(parts: Sequence[BankBalances], moved: Decimal) -> BankBalances | None:
    """The day's balances out of what statements say of it or of parts of it, by what moved on it in all.

    One statement says it all, as a rule. Where each has a part, the day began with what none ends with, and ended with
    what none begins with. What contradicts the lines in every way is shown as the first one has it.
    """
    openings, closings = {part.opening for part in parts}, {part.closing for part in parts}
    ends = [BankBalances(*pair) for pair in product(openings - closings, closings - openings)]
    fitting = (each for each in [*parts, *ends] if each.moved == moved)
    return next(fitting, parts[0] if parts else None)


@dataclass(frozen=True, slots=True)
class Sheet:
    """One day of one account. `balances` is None where no statement has any."""

    account: str
    currency: str
    day: date
    balances: BankBalances | None
    evidence: tuple[Evidence, ...]
    entries: tuple[Entry, ...]

    @property
    def bank_movement(self) -> Decimal:
        return sum((entry.bank for entry in self.entries), _ZERO)

    @property
    def books_movement(self) -> Decimal:
        return sum((entry.books for entry in self.entries), _ZERO)

    @property
    def difference(self) -> Decimal:
        return self.bank_movement - self.books_movement

    @property
    def balances_agree(self) -> bool | None:
        """Whether the bank's balances and its lines of the day say the same."""
        return None if self.balances is None else self.balances.moved == self.bank_movement

    @property
    def totals(self) -> Mapping[str, Total]:
        """By class, in the order of CLASSES; together they are all lines and all movements of the day."""
        return {kind: _total(entry for entry in self.entries if entry.kind == kind) for kind in CLASSES}

    @property
    def unexplained(self) -> tuple[Entry, ...]:
        """What makes bank and books differ on this day; the differences sum to `difference`."""
        return tuple(entry for entry in self.entries if entry.kind != Kind.MATCHED.value)


def _total(entries: Iterable[Entry]) -> Total:
    found = list(entries)
    bank = sum((entry.bank for entry in found), _ZERO)
    return Total(len(found), bank, sum((entry.books for entry in found), _ZERO))


def entries_of(findings: Iterable[Finding], account: str, currency: str, day: date) -> tuple[Entry, ...]:
    """What of all findings belongs to a day of an account, by one half or both."""
    found = []
    for finding in findings:
        line, movement = finding.line, finding.movement
        here = line is not None and (line.account, line.currency, line.day) == (account, currency, day)
        booked = movement is not None and (movement.account, movement.currency, movement.day) == (
            account,
            currency,
            day,
        )
        if not here and not booked:
            continue
        bank = line.amount if here and line is not None else _ZERO
        books = movement.amount if booked and movement is not None else _ZERO
        is_split = finding.kind is Kind.MATCHED and here is not booked
        found.append(Entry(OTHER_DAY if is_split else finding.kind.value, finding.reasons, finding, bank, books))
    return tuple(sorted(found, key=_place))


def _place(entry: Entry) -> tuple[Any, ...]:
    line, movement = entry.finding.line, entry.finding.movement
    return (
        CLASSES.index(entry.kind),
        (line.file_number, line.file_row, line.identity) if line else (0, 0, b""),
        movement.block_index if movement else 0,
    )


@dataclass(frozen=True, slots=True)
class BooksPosition:
    """What the books hold at the bank at the day's beginning and end: all programme money, and what is on its way.

    `clearing_*` is the part of it in `bank:clearing`: sent, and not yet confirmed by the rail.
    """

    currency: str
    opening: Decimal
    closing: Decimal
    clearing_opening: Decimal
    clearing_closing: Decimal


@dataclass(frozen=True, slots=True)
class Report:
    """`height`: the blocks it speaks about. `unassigned`: movements of rails that have no account of ours."""

    day: date
    height: int
    checkpoint: tuple[int, str] | None
    window_days: int
    positions: Sequence[BooksPosition]
    sheets: Sequence[Sheet]
    unassigned: Mapping[str, Total]


def report_body(report: Report) -> dict[str, Any]:
    """The report as JSON; `sha256` is over everything else in it, and ties the PDF and the CSV to it."""
    body: dict[str, Any] = {
        "date": report.day.isoformat(),
        "height": report.height,
        "checkpoint": None
        if report.checkpoint is None
        else {"size": report.checkpoint[0], "root": report.checkpoint[1]},
        "window_days": report.window_days,
        "books": [_position_body(position) for position in report.positions],
        "accounts": [_sheet_body(sheet) for sheet in report.sheets],
        "unassigned": {
            currency: {"count": total.count, "amount": format_amount(total.books, currency)}
            for currency, total in sorted(report.unassigned.items())
        },
    }
    return body | {"sha256": sha256(canonical.encode(body, size_bytes_max=REPORT_BYTES_MAX)).hexdigest()}


def _position_body(position: BooksPosition) -> dict[str, Any]:
    names = ("opening", "closing", "clearing_opening", "clearing_closing")
    amounts = {name: format_amount(getattr(position, name), position.currency) for name in names}
    movement = format_amount(position.closing - position.opening, position.currency)
    return {"currency": position.currency, **amounts, "movement": movement}


def _sheet_body(sheet: Sheet) -> dict[str, Any]:
    def show(amount: Decimal | None) -> str | None:
        return None if amount is None else format_amount(amount, sheet.currency)

    return {
        "account": sheet.account,
        "currency": sheet.currency,
        "covered": bool(sheet.evidence),
        "opening": show(sheet.balances.opening if sheet.balances else None),
        "closing": show(sheet.balances.closing if sheet.balances else None),
        "balances_agree": sheet.balances_agree,
        "bank_movement": show(sheet.bank_movement),
        "books_movement": show(sheet.books_movement),
        "difference": show(sheet.difference),
        "totals": {
            kind: {
                "count": total.count,
                "bank": show(total.bank),
                "books": show(total.books),
                "difference": show(total.bank - total.books),
            }
            for kind, total in sheet.totals.items()
        },
        "differences": [entry_body(entry, sheet.currency) for entry in sheet.unexplained],
        "statements": [
            {
                "file_id": str(evidence.file_id),
                "file_number": evidence.file_number,
                "sha256": evidence.sha256,
                "statement_number": evidence.statement_number,
            }
            for evidence in sheet.evidence
        ],
    }


def entry_body(entry: Entry, currency: str) -> dict[str, Any]:
    """One finding: no text of the bank's, for that may name people."""
    line, movement = entry.finding.line, entry.finding.movement
    payment_id = movement.payment_id if movement else line.payment_id if line else None
    return {
        "class": entry.kind,
        "reasons": list(entry.reasons),
        "bank": format_amount(entry.bank, currency),
        "books": format_amount(entry.books, currency),
        "difference": format_amount(entry.difference, currency),
        "line": None
        if line is None
        else {
            "date": line.day.isoformat(),
            "amount": format_amount(line.amount, line.currency),
            "bank_reference": line.bank_reference or None,
            "file_number": line.file_number,
            "file_row": line.file_row,
        },
        "movement": None
        if movement is None
        else {
            "date": movement.day.isoformat(),
            "amount": format_amount(movement.amount, movement.currency),
            "block_index": movement.block_index,
            "reference": movement.reference,
        },
        "transaction_id": None if payment_id is None else str(payment_id),
    }
