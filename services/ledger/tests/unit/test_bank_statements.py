"""Reading statements: what banks write is understood, and whatever does not fit is refused by line, field and rule."""

import contextlib
import time
import tracemalloc
import warnings
from datetime import date
from decimal import Decimal

import mt940
import pytest
from hypothesis import given
from hypothesis import strategies as st
from services.ledger.tests.statement_reading import FIRST, SECOND, read, refused
from services.ledger.tests.statement_samples import (
    ACCOUNT,
    NIGERIAN,
    STANDARD_HEADER,
    TWO_DAYS,
    TWO_PAGES,
    day_in_parts,
    standard,
)

from chassis.refusals import FieldRefusalError
from ledger.adapters.mt940_statements import read_mt940
from ledger.domain.bank_accounts import parse_bank_accounts
from ledger.domain.bank_references import find_payments, normalized
from ledger.domain.bank_statements import STATEMENT_BYTES_MAX


def test_pages_in_blocks_are_one_statement():
    [statement] = read(TWO_PAGES).statements
    assert (statement.account.number, statement.number) == (ACCOUNT, "182")
    assert (statement.opening, statement.closing) == (Decimal("1000000.00"), Decimal("1248949.50"))
    assert [str(line.amount) for line in statement.lines] == [
        "250000.00", "-50.00", "-200000.00", "200000.00", "-1000.50",
    ]  # fmt: skip
    assert [line.is_reversal for line in statement.lines] == [False, False, False, True, True]
    assert [line.payment_id for line in statement.lines] == [FIRST, None, SECOND, SECOND, None]
    assert [line.bank_reference for line in statement.lines] == ["BK0001", "BK0002", "BK0003", "BK0004", "BK0005"]
    assert (statement.covers_from, statement.covers_to) == (date(2026, 7, 1), date(2026, 7, 1))
    assert statement.lines[3].entry_date == date(2026, 7, 1), "a value date before the statement is no entry date"
    assert "ACME FOUNDATION" in statement.lines[0].text


def test_several_days_are_several_statements_and_equal_lines_are_two():
    first, second = read(TWO_DAYS).statements
    assert (first.closing, second.opening, second.closing) == (Decimal(100), Decimal(100), Decimal("100.02"))
    assert second.covers_from == date(2026, 7, 2), "the opening balance is that of the evening before"
    assert len({line.identity for line in second.lines}) == 2
    again = read(TWO_DAYS).statements[1]
    assert [line.identity for line in again.lines] == [line.identity for line in second.lines]


def test_a_line_that_says_only_an_old_value_date_is_on_a_day_that_its_statement_covers():
    """On the evening before, whose balance it begins with, the line would break that day's own statement."""
    evening = TWO_DAYS.replace("260701NGN0,00", "260630NGN0,00")
    [first, _] = read(evening.replace(":61:2607010701C100", ":61:260628C100")).statements
    assert (first.lines[0].entry_date, first.lines[0].value_date) == (date(2026, 7, 1), date(2026, 6, 28))
    assert (first.covers_from, first.covers_to) == (date(2026, 7, 1), date(2026, 7, 1))


@pytest.mark.parametrize(
    ("period", "line", "entered"),
    [
        # Interest of the whole year, and a cheque valued long before or after it was entered.
        (("251230", "251231"), ":61:2503011231C", date(2025, 12, 31)),
        (("251231", "260102"), ":61:2501150102C", date(2026, 1, 2)),
        (("260101", "260105"), ":61:2612310104C", date(2026, 1, 4)),
        (("240228", "240229"), ":61:2309010229C", date(2024, 2, 29)),
        # The turn of the year within one statement, each day on its own side of it.
        (("251229", "260105"), ":61:2601021231C", date(2025, 12, 31)),
        (("251229", "260105"), ":61:2512310102C", date(2026, 1, 2)),
    ],
)
def test_an_entry_is_of_the_year_that_its_statement_covers_however_far_away_its_value_is(period, line, entered):
    text = TWO_DAYS[: TWO_DAYS.index(":20:DAY2")].replace(":61:2607010701C", line)
    for field, day in zip(("60F", "62F"), period, strict=True):
        text = text.replace(f":{field}:C260701", f":{field}:C{day}")
    [statement] = read(text).statements
    assert [found.entry_date for found in statement.lines] == [entered]
    assert statement.covers_from <= entered <= statement.covers_to


def test_parts_of_a_day_that_continue_each_other_are_counted_together():
    parts = [("1", "1,00", "0,99"), ("2", "0,99", "0,98"), ("3", "0,98", "0,97")]
    for text in (day_in_parts(*parts), day_in_parts(*reversed(parts))):
        identities = {line.identity for statement in read(text).statements for line in statement.lines}
        assert len(identities) == 3, "three equal fees are three"


def test_a_file_that_shows_the_same_lines_twice_is_refused():
    """Equal lines are told apart by their order, so that each of them would count twice."""
    assert refused(TWO_DAYS + TWO_DAYS) == ("line 16, statement", "statements_overlap")
    both = TWO_DAYS.replace(":62F:C260701NGN100,00", ":61:2607010701D100,NMSCNONREF\n:62F:C260701NGN0,00")
    first = both[: both.index(":20:DAY2")]
    assert refused(first + first)[1] == "statements_overlap", "nothing moved in sum, and it is still the same statement"
    weekly = TWO_DAYS.replace("260701NGN0,00", "260630NGN0,00").replace(":62F:C260701NGN100,00\n-\n", "")
    weekly = weekly.replace(":20:DAY2\n:25:0123456789NGN\n:28C:2\n:60F:C260701NGN100,00\n", "")
    assert refused(TWO_DAYS + weekly)[1] == "statements_overlap"
    idle = f":20:IDLE\n:25:{ACCOUNT}\n:28C:3\n:60F:C260702NGN100,02\n:62F:C260702NGN100,02\n-\n"
    assert len(read(TWO_DAYS + idle + idle).statements) == 4, "what shows no line shows none twice"


def test_the_library_s_own_reader_sees_the_same_amounts():
    """Only its field grammars are used; its reader of whole files is the second opinion here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = mt940.parse(TWO_DAYS.replace("\n-\n", "\n"))
    ours = [line.amount for statement in read_mt940(TWO_DAYS.encode()) for line in statement.lines]
    assert [found.data["amount"].amount for found in theirs if "amount" in found.data] == ours


@pytest.mark.parametrize(
    ("change", "field", "rule"),
    [
        (("C100,NMSC", "C101,NMSC"), "line 6, :62F:", "balance_broken"),
        ((":61:2607010701C100,", ":61:2607010701X100,"), "line 5, :61:", "line_malformed"),
        ((":61:2607010701C100,", ":61:2607010701c100,"), "line 5, :61:", "line_malformed"),
        (("C100,NMSCNONREF", "C100,"), "line 5, :61:", "line_malformed"),
        ((":61:2607010701C100,", ":61:2607010701C100"), "line 5, :61: amount", "amount_malformed"),
        ((":61:2607010701C100,", ":61:2607010701C1,00,00"), "line 5, :61: amount", "amount_malformed"),
        ((":61:2607010701C100,", ":61:2607010701C100,001"), "line 5, :61: amount", "amount_malformed"),
        ((":61:2607010701C100,", f":61:2607010701C{'9' * 1_000_000},"), "line 5, :61:", "field_too_long"),
        ((":61:2607010701C", ":61:2607310732C"), "line 5, :61: entry date", "date_malformed"),
        ((":61:2607010701C", ":61:2613010701C"), "line 5, :61: value date", "date_malformed"),
        ((":61:2607010701C", ":61:2607010703C"), "line 5, entry date", "date_outside_statement"),
        ((":25:0123456789\n", ":25:9999999999\n"), "line 1, account", "account_unknown"),
        (("C260701NGN0,00", "C260701USD0,00"), "line 6, :62:", "currency_mixed"),
        ((":60F:C260701NGN0,00\n", ""), "line 1, :60F:", "field_missing"),
        ((":28C:1\n", ":28C:one\n"), "line 3, :28C:", "number_malformed"),
        ((":28C:1\n", ":28C:1\n:99X:what\n"), "line 4, :99X:", "field_unknown"),
        ((":25:0123456789\n:28C:1\n", ":28C:1\n:25:0123456789\n"), "line 1, message", "fields_out_of_order"),
        ((":20:DAY1", "hello\n:20:DAY1"), "line 1, text", "text_outside_field"),
        ((":60F:C260701NGN0", ":60M:C260701NGN0"), "line 1, :60M:", "page_missing"),
        ((":62F:C260701NGN100", ":62M:C260701NGN100"), "line 8, :60F:", "page_missing"),
        (("NGN0,00", "NGN0\x00,00"), "line 4, text", "control_character"),
        ((":60F:C260701", ":60F:C260702"), "line 6, :62:", "dates_reversed"),
        ((":62F:C260702NGN100,02", ":62F:C270702NGN100,02"), "line 8, date", "date_in_future"),
    ],
)
def test_an_mt940_file_with_one_mistake_is_refused_and_the_mistake_named(change, field, rule):
    assert change[0] in TWO_DAYS
    assert refused(TWO_DAYS.replace(change[0], change[1], 1)) == (field, rule)


@pytest.mark.parametrize(
    ("change", "field", "rule"),
    [
        (("-}{5:{CHK:123456789ABC}}\n", ""), "line 13, message", "message_not_ended"),
        ((":64:C260701NGN1248949,50\n:86:CLOSING TEXT\n-}\n", ""), "line 21, message", "message_not_ended"),
        ((":28C:182/2", ":28C:182/3"), "line 14, :28C:", "page_missing"),
        ((":28C:182/2", ":28C:183/2"), "line 14, :28C:", "page_missing"),
        ((":60M:C260701NGN1249950,00", ":60M:C260701NGN1249950,01"), "line 17, :60M:", "balance_broken"),
    ],
)
def test_pages_that_do_not_follow_each_other_are_refused(change, field, rule):
    found = refused(TWO_PAGES.replace(change[0], change[1], 1))
    assert found[1] == rule
    assert found[0].split(", ")[1] == field.split(", ")[1]


@pytest.mark.parametrize(
    ("written", "reference", "text"),
    [
        ("NONREF//000013260701120000123456789012", "000013260701120000123456789012", "NONREF"),
        ("NONREF//000013260701120000123456789012\nInward", "000013260701120000123456789012", "Inward"),
        ("A-CUSTOMER-S-REFERENCE//BK1", "BK1", "A-CUSTOMER-S-REFERENCE"),
        ("REF//BK1\nInward", "BK1", "Inward"),
        ("REF", "REF", "REF"),
        ("REF//BK1\nInward", "BK1", "REF"),
        # Details may name people; what is kept in clear is the reference.
        ("REF\nAMINA//KANO", "REF", "AMINA//KANO"),
    ],
)
def test_a_reference_longer_than_swift_allows_is_read_to_its_end(written, reference, text):
    statement = read(TWO_DAYS.replace("C100,NMSCNONREF", f"C100,NMSC{written}")).statements[0]
    assert statement.lines[0].bank_reference == reference
    assert text in statement.lines[0].text.split("\n")


def test_old_encodings_are_read_and_an_empty_file_is_none():
    [statement] = read(TWO_PAGES.replace("COMMISSION", "COMISSÃO").encode("latin-1")).statements
    assert "COMISSÃO" in statement.lines[1].text
    assert refused(b"") == ("line 1, file", "statement_empty")
    assert refused(b"\xef\xbb\xbf\r\n\r\n")[1] == "statement_empty"
    assert read(TWO_DAYS.replace("\n", "\r\n")).statements == read(TWO_DAYS).statements


@given(st.binary(max_size=400))
def test_no_bytes_at_all_bring_a_reader_down(content):
    for file_format in ("mt940", "csv"):
        with pytest.raises(FieldRefusalError):
            read(content, file_format)


@given(st.data())
def test_no_damage_to_a_good_file_brings_a_reader_down(data):
    for file_format, text in (("mt940", TWO_PAGES), ("csv", NIGERIAN)):
        place = data.draw(st.integers(0, len(text) - 1))
        damaged = text[:place] + data.draw(st.text(max_size=3)) + text[place + data.draw(st.integers(0, 3)) :]
        mapping = {} if file_format == "mt940" else {"mapping": "nigerian"}
        # A refusal is an answer; anything else is a fault.
        with contextlib.suppress(FieldRefusalError):
            assert read(damaged.encode("utf-8", "replace"), file_format, **mapping).statements


def test_a_hundred_thousand_lines_take_seconds_and_one_more_is_refused():
    rows = [("2026-07-01", "0.01", f"R{number}", "d") for number in range(100_000)]
    started = time.monotonic()
    [statement] = read(standard(rows), "csv").statements
    fields = "".join(f":61:2607010701C0,01NMSCNONREF//R{number}\n:86:text\n" for number in range(100_000))
    text = f":20:A\n:25:{ACCOUNT}\n:28C:1\n:60F:C260701NGN0,00\n{fields}:62F:C260701NGN1000,00\n-\n"
    [same] = read(text).statements
    assert time.monotonic() - started < 60, "ten times what a busy machine needs"
    assert len(statement.lines) == len(same.lines) == 100_000
    assert {line.identity for line in statement.lines} == {line.identity for line in same.lines}
    assert refused(standard([*rows, rows[0]]), "csv")[1] == "too_many_lines"


@pytest.mark.parametrize(
    "unit",
    [",", "\n", "\r\n", "a", "ab\n", '"', '","', "1\n", "\u2028", ":61:\n", "{1:", "{1:}", "{3:{", "-}\n", "\x00"],
)
@pytest.mark.parametrize("file_format", ["mt940", "csv"])
def test_a_bomb_is_refused_and_takes_no_memory(unit, file_format):
    content = f"{STANDARD_HEADER}\n".encode() if file_format == "csv" else b":20:A\n"
    content += unit.encode() * (1024 * 1024 // len(unit.encode()))
    tracemalloc.start()
    try:
        assert refused(content, file_format)
        assert tracemalloc.get_traced_memory()[1] < 100 * len(content)
    finally:
        tracemalloc.stop()


def test_a_row_is_no_longer_for_having_its_line_ends_in_quotes():
    """Each line is short enough, and all of them together are one row of millions of cells."""
    content = f'{STANDARD_HEADER}\n"\n' + f'",{"," * 15_000}"\n' * 100 + '"'
    assert refused(content, "csv") == ("line 4, row", "line_too_long")
    described = standard([("2026-07-01", "1.00", "R", '"' + "to\n" * 500 + '"')])
    assert len(read(described, "csv").statements[0].lines) == 1


@pytest.mark.parametrize(("file_format", "unit"), [("mt940", ":61:\n"), ("mt940", "\n"), ("csv", "\n")])
def test_a_file_of_millions_of_empty_lines_is_refused_in_seconds(file_format, unit):
    content = f"{STANDARD_HEADER}\n" if file_format == "csv" else ":20:A\n"
    started = time.monotonic()
    assert refused(content + unit * 5_000_000, file_format)[1] == "too_many_lines"
    assert time.monotonic() - started < 60, "ten times what a busy machine needs"


def test_long_references_and_details_take_no_time():
    lines = f":61:2607010701C1,00NTRF{'a' * 1_900}\n{'b' * 1_900}\n" * 2_000
    text = f":20:A\n:25:{ACCOUNT}\n:28C:1\n:60F:C260701NGN0,00\n{lines}:62F:C260701NGN2000,00\n-\n"
    started = time.monotonic()
    assert len(read(text).statements[0].lines) == 2_000
    assert time.monotonic() - started < 10, "ten times what a busy machine needs"


def test_a_file_over_the_cap_is_refused_before_it_is_looked_at():
    assert refused(b" " * (STATEMENT_BYTES_MAX + 1))[1] == "file_too_large"


@pytest.mark.parametrize(
    "text",
    [
        "impact-0198c0de000070008000000000000001",
        "NIP/IMPACT-0198C0DE000070008000000000000001/X",
        "IMPACT 0198C0DE 00007000 80000000 00000001 2026",
        "?20IMPACT-0198C0DE00007?21000?228000000000000001?32ACME",
        "impact-0198c0de-0000-7000-8000-000000000001",
    ],
)
def test_our_reference_is_found_however_a_bank_writes_it(text):
    assert find_payments(text) == {FIRST}


def test_half_a_reference_in_one_field_is_not_completed_by_the_digits_of_the_next():
    """SWIFT's sixteen characters leave half of ours in :61:, and a NIP session's thirty digits often begin :86:."""
    described = ":86:000013260701120000123456789012/IMPACT-0198C0DE0000700080\n00000000000001/ACME\n"
    text = TWO_DAYS.replace("C100,NMSCNONREF\n", f"C100,NTRFIMPACT-0198C0DE0//BK1\n{described}")
    assert read(text).statements[0].lines[0].payment_id == FIRST
    assert find_payments("impact-0198c0de0000", "70008000000000000001 is ours") == {FIRST}, "in no field alone"


def test_half_a_reference_names_nothing_and_two_name_two():
    assert find_payments("impact-0198c0de0000") == frozenset()
    both = f"impact-{FIRST.hex} impact-{SECOND.hex}"
    assert find_payments(both) == {FIRST, SECOND}
    [statement] = read(standard([("2026-07-01", "1.00", "R", both)]), "csv").statements
    assert statement.lines[0].payment_id is None
    assert (normalized(" bk 1 "), normalized("NONREF")) == ("BK1", "")


@pytest.mark.parametrize(
    "texts",
    [["1"], ["0123456789:NGN"], ["0123456789:XXX:manual"], ["0123456789:NGN:"], ["01-2!:NGN:manual"],
     ["0123456789:NGN:manual", "0123456789:NGN:paystack"], ["0123456789:NGN:manual", "0123456780:NGN:manual"]],
)  # fmt: skip
def test_accounts_that_are_not_clear_are_refused_by_the_settings(texts):
    with pytest.raises(ValueError, match=r"account|books|rail"):
        parse_bank_accounts(texts)
