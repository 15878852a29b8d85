"""Reads MT940 customer statements (SWIFT user handbook, category 9), strictly: what does not fit is refused by name."""

import re
from calendar import isleap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from mt940 import tags

from ledger.adapters.mt940_fields import Field, decode, messages
from ledger.domain.bank_statements import ReadLine, ReadStatement, refuse

# Only the field grammars of `mt-940` are used. Its reader of whole files skips what it does not know, writes the
# content of fields that do not fit into the log, and by default counts a reversed credit (RC) as money that came in.
_BALANCE: Final = tags.FinalOpeningBalance().re
_STATEMENT_LINE: Final = tags.Statement().re
_NUMBER: Final = re.compile(r"([0-9]{1,5})(?:/([0-9]{1,5}))?")
# 15d: at most 15 characters, with a comma, at least one digit before it.
_AMOUNT: Final = re.compile(r"[0-9]{1,12},[0-9]{0,2}")
# RC takes a credit back (money goes out), RD a debit (money comes back).
_SIGNS: Final = {"C": 1, "D": -1, "RC": -1, "RD": 1}
# The order of a message's fields, by the letters given to them here; :NS: and a second text are banks' own additions.
_LETTERS: Final = {
    "20": "a", "21": "b", "25": "c", "25P": "c", "28": "d", "28C": "d", "60F": "e", "60M": "e", "61": "f", "86": "g",
    "NS": "n", "62F": "h", "62M": "h", "64": "i", "65": "j",
}  # fmt: skip
_ORDER: Final = re.compile("ab?n*cn*dn*en*(?:fn*(?:gn*)?)*hn*i?j*(?:gn*)?")
_SHOWN: Final = ("20", "25", "28C", "60F", "62F")


@dataclass(frozen=True, slots=True)
class _Balance:
    kind: str
    row: int
    day: date
    currency: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class _Page:
    """One message: a statement, or one of its pages."""

    row: int
    account: str
    number: str
    page: int | None
    opening: _Balance
    closing: _Balance
    lines: tuple[ReadLine, ...]


def read_mt940(content: bytes) -> list[ReadStatement]:
    """The statements of a file, pages put together.

    Raises:
        FieldRefusalError: names line, field and rule; the file is then no evidence of anything.
    """
    pages = [_page(fields) for fields in messages(decode(content))]
    if not pages:
        refuse(1, "file", "statement_empty", "there is no statement in this file")
    return [_joined(group) for group in _statements(pages)]


def _page(fields: Sequence[Field]) -> _Page:
    _check_order(fields)
    by_tag = {found.tag[:2]: found for found in fields if found.tag not in ("61", "86")}
    opening, closing = _balance(by_tag["60"]), _balance(by_tag["62"])
    if opening.currency != closing.currency:
        refuse(closing.row, ":62:", "currency_mixed", "opening and closing balance are in different currencies")
    if opening.day > closing.day:
        refuse(closing.row, ":62:", "dates_reversed", "the closing balance is older than the opening balance")
    number = _NUMBER.fullmatch(by_tag["28"].value.strip())
    if number is None:
        refuse(by_tag["28"].row, f":{by_tag['28'].tag}:", "number_malformed", "a number, or number/page")
    account = by_tag["25"].value.strip()
    if not account or len(account) > 50:  # noqa: PLR2004 -- 35 characters, and a BIC in 25P
        refuse(by_tag["25"].row, ":25:", "account_malformed", "1 to 50 characters")
    return _Page(
        row=fields[0].row,
        account=account.partition("\n")[0],
        number=number[1],
        page=int(number[2]) if number[2] else None,
        opening=opening,
        closing=closing,
        lines=tuple(_lines(fields, opening.day, closing.day)),
    )


def _check_order(fields: Sequence[Field]) -> None:
    for found in fields:
        if found.tag not in _LETTERS:
            refuse(found.row, f":{found.tag}:", "field_unknown", "this field is in no MT940 statement")
    letters = "".join(_LETTERS[found.tag] for found in fields)
    if _ORDER.fullmatch(letters):
        return
    for tag in _SHOWN:
        if _LETTERS[tag] not in letters:
            refuse(fields[0].row, f":{tag}:", "field_missing", "every MT940 statement has this field")
    refuse(fields[0].row, "message", "fields_out_of_order", "the fields are not in the order of an MT940 statement")


def _day(row: int, name: str, year: int, month: str, day: str) -> date:
    try:
        return date(year, int(month), int(day))
    except ValueError:
        refuse(row, name, "date_malformed", "no such day")


def _amount(row: int, name: str, text: str) -> Decimal:
    if not _AMOUNT.fullmatch(text):
        refuse(row, name, "amount_malformed", "1 to 12 digits, a comma, and at most two digits")
    return Decimal(text.replace(",", ".") + ("0" if text.endswith(",") else "")).quantize(Decimal("0.01"))


def _balance(found: Field) -> _Balance:
    name = f":{found.tag}:"
    match = _BALANCE.fullmatch(found.value.strip())
    if match is None or not match["currency"].isalpha() or match["status"] not in _SIGNS:
        refuse(found.row, name, "balance_malformed", "C or D, YYMMDD, currency, amount")
    day = _day(found.row, name, 2000 + int(match["year"]), match["month"], match["day"])
    amount = _amount(found.row, name, match["amount"]) * _SIGNS[match["status"]]
    return _Balance(found.tag[2:], found.row, day, match["currency"], amount)


def _lines(fields: Sequence[Field], opens: date, closes: date) -> Iterator[ReadLine]:
    for index, found in enumerate(fields):
        if found.tag != "61":
            continue
        following = fields[index + 1 : index + 3]
        texts = [item.value for item in following[: _texts(following)]]
        yield _line(found, texts, opens, closes)


def _texts(following: Sequence[Field]) -> int:
    """How many of the fields after a :61: belong to it: its :86:, its :NS:, or both."""
    count = 0
    while count < len(following) and following[count].tag in ("86", "NS"):
        count += 1
    return count


def _line(found: Field, texts: Sequence[str], opens: date, closes: date) -> ReadLine:
    row = found.row
    # The pattern cuts references at SWIFT's length and takes what is left of them for the details on the line below: it
    # sees the first line alone, but where a bank breaks it before the amount.
    match = _STATEMENT_LINE.fullmatch(found.lines[0]) or _STATEMENT_LINE.fullmatch(found.value)
    written, _, details = found.value[match.start("customer_reference") if match else 0 :].partition("\n")
    if match is None or match["status"] not in _SIGNS or not match["id"] or "\n" in details:
        refuse(row, ":61:", "line_malformed", "YYMMDD, MMDD, C, D, RC or RD, amount, type and reference")
    value_date = _day(row, ":61: value date", 2000 + int(match["year"]), match["month"], match["day"])
    own_reference, _, bank_reference = written.partition("//")
    return ReadLine(
        row=row,
        entry_date=_entry_date(row, match["entry_month"], match["entry_day"], value_date, (opens, closes)),
        value_date=value_date,
        amount=_amount(row, ":61: amount", match["amount"]) * _SIGNS[match["status"]],
        is_reversal=match["status"] in ("RC", "RD"),
        bank_reference=bank_reference or own_reference,
        texts=[part for part in (own_reference, details, *texts) if part],
    )


def _entry_date(row: int, month: str | None, day: str | None, value_date: date, period: tuple[date, date]) -> date:
    """MMDD of the year in which the statement has that day, else of the one nearest to the value date.

    Interest and corrections are valued up to a year or more away from their entry. Without MMDD it is the value date,
    as far as it lies within the statement.
    """
    if month is None or day is None or not (month + day).strip():
        return min(value_date, period[1]) if value_date >= period[0] else _begins(*period)
    years = {*range(period[0].year, period[1].year + 1), *(value_date.year + offset for offset in (-1, 0, 1))}
    if (month, day) == ("02", "29"):
        years = {year for year in years if isleap(year)}
        if not years:
            refuse(row, ":61: entry date", "date_malformed", "no such day")
    candidates = [_day(row, ":61: entry date", year, month, day) for year in sorted(years)]
    within = [candidate for candidate in candidates if period[0] <= candidate <= period[1]]
    return min(within or candidates, key=lambda candidate: abs((candidate - value_date).days))


def _begins(opens: date, closes: date) -> date:
    """The first day that is surely covered: the opening balance is of the evening before, or of the same morning."""
    return opens if opens == closes else opens + timedelta(days=1)


def _statements(pages: Sequence[_Page]) -> Iterator[list[_Page]]:
    """Groups pages: F opens and closes a statement, M stands between two of its pages."""
    group: list[_Page] = []
    for page in pages:
        if page.opening.kind == "M":
            if not group:
                refuse(page.row, ":60M:", "page_missing", "the statement's first page is not in this file")
            _check_follows(group[-1], page)
        elif group:
            refuse(page.row, ":60F:", "page_missing", "the statement before this one has no last page in this file")
        group.append(page)
        if page.closing.kind == "F":
            yield group
            group = []
    if group:
        refuse(group[-1].closing.row, ":62M:", "page_missing", "the statement's last page is not in this file")


def _check_follows(before: _Page, page: _Page) -> None:
    if (page.account, page.number) != (before.account, before.number):
        refuse(page.row, ":28C:", "page_missing", "a page of another statement stands in between")
    if before.page is not None and page.page is not None and page.page != before.page + 1:
        refuse(page.row, ":28C:", "page_missing", f"page {before.page + 1} is missing")
    if (page.opening.amount, page.opening.currency) != (before.closing.amount, before.closing.currency):
        refuse(page.opening.row, ":60M:", "balance_broken", "not the balance that the page before ended with")


def _joined(pages: Sequence[_Page]) -> ReadStatement:
    first, last = pages[0], pages[-1]
    lines = [line for page in pages for line in page.lines]
    opens, closes = first.opening.day, last.closing.day
    begins = _begins(opens, closes)
    earliest = min((line.entry_date for line in lines), default=begins)
    for page in pages:
        moved = sum((line.amount for line in page.lines), page.opening.amount)
        if moved != page.closing.amount:
            message = f"opening balance and lines make {moved:.2f}, the closing balance is {page.closing.amount:.2f}"
            refuse(page.closing.row, f":62{page.closing.kind}:", "balance_broken", message)
    return ReadStatement(
        row=first.row,
        account=first.account,
        currency=first.opening.currency,
        number=first.number,
        covers_from=earliest if opens <= earliest < begins else begins,
        covers_to=closes,
        opening=first.opening.amount,
        closing=last.closing.amount,
        lines=lines,
    )
