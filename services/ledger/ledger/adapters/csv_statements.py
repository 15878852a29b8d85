"""Reads a bank's CSV by a mapping, strictly: every mistake is named by line, column and rule, and nothing is kept."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from ledger.adapters.statement_mappings import StatementMapping
from ledger.domain.bank_statements import (
    LINES_MAX,
    MISTAKES_MAX,
    ROWS_MAX,
    Mistake,
    ReadLine,
    ReadStatement,
    mistake,
    refuse,
    refuse_all,
)

# Characters of one cell: a description, not a document.
CELL_CHARACTERS_MAX: Final = 4_000
# A dozen cells, one of them as long as a cell may be.
LINE_CHARACTERS_MAX: Final = 16_000
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_MONTHS: Final = {
    name: number
    for number, name in enumerate(
        ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"), 1
    )
}
_TOKENS: Final = {
    "YYYY": "(?P<year>[0-9]{4})",
    "YY": "(?P<short>[0-9]{2})",
    "MMM": "(?P<name>[A-Za-z]{3})",
    "MM": "(?P<month>[0-9]{2})",
    "DD": "(?P<day>[0-9]{2})",
}
# What banks write into the other column of a debit/credit pair.
_NOTHING: Final = re.compile(r"-?|0+([.,]0+)?")
# numeric(20,2) in the database, less three digits: no bank account holds more.
_WHOLE_DIGITS: Final = 15


@dataclass(frozen=True, slots=True)
class Period:
    """The days that the person who imports says the file covers; a CSV does not say it itself."""

    covers_from: date | None = None
    covers_to: date | None = None


class _CellError(Exception):
    def __init__(self, column: str, code: str, message: str) -> None:
        self.what = (column, code, message)
        super().__init__(code)


def read_csv(content: bytes, mapping: StatementMapping, account: str, period: Period) -> list[ReadStatement]:
    """The one statement of a CSV file.

    Raises:
        FieldRefusalError: names up to 50 mistakes.
    """
    rows = list(_rows(_decode(content, mapping), mapping))
    if not rows:
        refuse(1, "file", "statement_empty", "there is no header line in this file")
    (header_row, header), cells = rows[0], rows[1 : len(rows) - mapping.footer_lines]
    _check_header(header_row, header, mapping)
    lines, mistakes = _lines(header, cells, mapping)
    if mistakes:
        refuse_all(mistakes)
    if mapping.order == "newest_first":
        lines.reverse()
    read = [line for line, _ in lines]
    opening, closing = _balances(lines)
    days = [line.entry_date for line in read]
    first, last = period.covers_from or min(days, default=None), period.covers_to or max(days, default=None)
    if first is None or last is None:
        refuse(header_row, "date", "period_unknown", "a file without lines needs `covers_from` and `covers_to`")
    return [
        ReadStatement(header_row, account, _currency(header, cells, mapping), None, first, last, opening, closing, read)
    ]


def _decode(content: bytes, mapping: StatementMapping) -> str:
    encoding = "utf-8-sig" if mapping.encoding == "utf-8" else mapping.encoding
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        row = content.count(b"\n", 0, error.start) + 1
        refuse(row, "text", "encoding_wrong", f"the mapping says {mapping.encoding}, and this is not")
    found = _CONTROL.search(text)
    if found is not None:
        row = text.count("\n", 0, found.start()) + 1
        refuse(row, "text", "control_character", "control characters (NUL among them) are in no statement")
    return text


def _rows(text: str, mapping: StatementMapping) -> Iterator[tuple[int, list[str]]]:
    lines = _PhysicalLines(text)
    reader = csv.reader(lines, delimiter=mapping.delimiter, strict=True)
    count = 0
    try:
        for cells in reader:
            lines.begin_row()
            if reader.line_num <= mapping.preamble_lines or not any(cell.strip() for cell in cells):
                continue
            count += 1
            if count > LINES_MAX + 1 + mapping.footer_lines:
                refuse(reader.line_num, "file", "too_many_lines", f"a file has at most {LINES_MAX} lines")
            if any(len(cell) > CELL_CHARACTERS_MAX for cell in cells):
                refuse(reader.line_num, "text", "cell_too_long", f"a cell has at most {CELL_CHARACTERS_MAX} characters")
            yield reader.line_num, [cell.strip() for cell in cells]
    except csv.Error:
        refuse(
            max(reader.line_num, 1),
            "text",
            "csv_malformed",
            "a quote that is not closed or not alone, or an endless cell",
        )


class _PhysicalLines:
    """One at a time, and none longer than a row can be: a line of commas alone would become millions of cells.

    A row's lines count together, for what stands in quotes may have line ends in it.
    """

    def __init__(self, text: str) -> None:
        self._lines = enumerate(io.StringIO(text, newline=""), 1)
        self._size = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def begin_row(self) -> None:
        self._size = 0

    def __next__(self) -> str:
        row, line = next(self._lines)
        self._size += len(line)
        if row > ROWS_MAX:
            refuse(row, "file", "too_many_lines", f"a file has at most {ROWS_MAX} lines of text")
        if self._size > LINE_CHARACTERS_MAX:
            refuse(row, "row", "line_too_long", f"a row has at most {LINE_CHARACTERS_MAX} characters")
        return line


def _check_header(row: int, header: Sequence[str], mapping: StatementMapping) -> None:
    expected = mapping.all_columns
    mistakes = [
        mistake(row, name, "column_missing", "the mapping expects this column")
        for name in expected
        if name not in header and name not in mapping.ignore
    ]
    for position, name in enumerate(header, 1):
        # The name itself may be anything at all: what a person sees is its place.
        if name not in expected:
            mistakes.append(
                mistake(row, f"column {position}", "column_unknown", "the mapping neither uses nor ignores it")
            )
        elif header.count(name) > 1:
            mistakes.append(mistake(row, name, "column_twice", "there are two columns of this name"))
        if len(mistakes) >= MISTAKES_MAX:
            break
    if mistakes:
        refuse_all(mistakes)


class _Reader:
    """Reads one row's cells by the mapping."""

    def __init__(self, header: Sequence[str], mapping: StatementMapping) -> None:
        self._place = {name: position for position, name in enumerate(header)}
        self._mapping = mapping
        self._date = re.compile(
            re.sub("YYYY|YY|MMM|MM|DD", lambda token: _TOKENS[token[0]], re.escape(mapping.date_format))
        )
        point, group = re.escape(mapping.decimal), re.escape(mapping.thousands)
        whole = (
            f"(?:[0-9]{{1,3}}(?:{group}[0-9]{{3}}){{1,4}}|[0-9]{{1,{_WHOLE_DIGITS}}})"
            if group
            else f"[0-9]{{1,{_WHOLE_DIGITS}}}"
        )
        self._amount = re.compile(f"(-?)({whole})(?:{point}([0-9]{{1,2}}))?")

    def read(self, row: int, cells: Sequence[str]) -> tuple[ReadLine, Decimal | None]:
        columns = self._mapping.columns
        entry_date = self._day(cells, columns.date)
        reference = self._cell(cells, columns.reference)
        line = ReadLine(
            row=row,
            entry_date=entry_date,
            value_date=self._day(cells, columns.value_date) if self._cell(cells, columns.value_date) else entry_date,
            amount=self._moved(cells),
            is_reversal=False,
            bank_reference=reference,
            texts=tuple(self._cell(cells, name) for name in columns.description),
        )
        return line, None if columns.balance is None else self._money(cells, columns.balance)

    def _cell(self, cells: Sequence[str], column: str | None) -> str:
        return "" if column is None else cells[self._place[column]]

    def _day(self, cells: Sequence[str], column: str | None) -> date:
        malformed = _CellError(column or "date", "date_malformed", f"a day written {self._mapping.date_format}")
        match = self._date.fullmatch(self._cell(cells, column))
        if match is None:
            raise malformed
        parts = match.groupdict()
        year = parts.get("year") or f"20{parts['short']}"
        month = parts.get("month") or _MONTHS.get((parts.get("name") or "").upper(), 0)
        try:
            return date(int(year), int(month), int(parts["day"]))
        except ValueError as error:  # written like one, and there is none, as a 30th of February
            raise malformed from error

    def _money(self, cells: Sequence[str], column: str) -> Decimal:
        match = self._amount.fullmatch(self._cell(cells, column))
        if match is None:
            raise _CellError(
                column, "amount_malformed", f"an amount with `{self._mapping.decimal}` and at most two digits after it"
            )
        sign, whole, fraction = match.groups()
        if self._mapping.thousands:
            whole = whole.replace(self._mapping.thousands, "")
        return Decimal(f"{sign}{whole}.{fraction or '00'}").quantize(Decimal("0.01"))

    def _moved(self, cells: Sequence[str]) -> Decimal:
        """The signed amount: more than zero came in."""
        columns = self._mapping.columns
        if columns.amount is None:
            return self._of_pair(cells, columns.debit or "", columns.credit or "")
        amount = self._money(cells, columns.amount)
        if amount == 0:
            raise _CellError(columns.amount, "amount_zero", "an entry moves money")
        if columns.mark is None:
            return amount if self._mapping.positive == "credit" else -amount
        mark = self._cell(cells, columns.mark)
        if amount < 0:
            raise _CellError(columns.amount, "amount_negative", "the mark says which way it went")
        if mark not in (*self._mapping.credit_marks, *self._mapping.debit_marks):
            raise _CellError(columns.mark, "mark_unknown", "neither a credit nor a debit by the mapping")
        return amount if mark in self._mapping.credit_marks else -amount

    def _of_pair(self, cells: Sequence[str], debit: str, credit: str) -> Decimal:
        filled = [name for name in (debit, credit) if not _NOTHING.fullmatch(self._cell(cells, name))]
        if len(filled) != 1:
            raise _CellError(debit, "amount_ambiguous", "exactly one of debit and credit has an amount")
        amount = self._money(cells, filled[0])
        if amount < 0:
            raise _CellError(filled[0], "amount_negative", "the column says which way it went")
        return amount if filled[0] == credit else -amount


def _lines(
    header: Sequence[str], rows: Sequence[tuple[int, list[str]]], mapping: StatementMapping
) -> tuple[list[tuple[ReadLine, Decimal | None]], list[Mistake]]:
    reader = _Reader(header, mapping)
    found: list[tuple[ReadLine, Decimal | None]] = []
    mistakes: list[Mistake] = []
    seen: set[tuple[str, ...]] = set()
    for row, cells in rows:
        if len(mistakes) >= MISTAKES_MAX:
            break
        if len(cells) != len(header):
            mistakes.append(mistake(row, "row", "cells_wrong", f"{len(cells)} cells, the header has {len(header)}"))
            continue
        try:
            line, balance = reader.read(row, cells)
        except _CellError as error:
            mistakes.append(mistake(row, *error.what))
            continue
        if line.bank_reference and tuple(cells) in seen:
            mistakes.append(
                mistake(row, "row", "line_twice", "this file has the same line, with its reference, before")
            )
        seen.add(tuple(cells))
        found.append((line, balance))
    return found, mistakes


def _balances(lines: Sequence[tuple[ReadLine, Decimal | None]]) -> tuple[Decimal | None, Decimal | None]:
    """Opening and closing balance, after checking that each line leads from one balance to the next."""
    opening = closing = None
    for line, balance in lines:
        if balance is None:
            continue
        if closing is not None and closing + line.amount != balance:
            message = f"{closing:.2f} and this line make {closing + line.amount:.2f}, the balance is {balance:.2f}"
            refuse(line.row, "balance", "balance_broken", message)
        if opening is None:
            opening = balance - line.amount
        closing = balance
    return opening, closing


def _currency(header: Sequence[str], rows: Sequence[tuple[int, list[str]]], mapping: StatementMapping) -> str:
    if mapping.currency_from is None:
        return mapping.currency or ""
    place = header.index(mapping.currency_from)
    currency = rows[0][1][place] if rows else ""
    for row, cells in rows:
        if cells[place] != currency:
            refuse(row, mapping.currency_from, "currency_mixed", "a statement is in one currency")
    return currency
