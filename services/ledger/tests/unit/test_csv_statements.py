"""Bank statements as CSV: read by a mapping, refused with the mistake named."""

from datetime import date
from decimal import Decimal

import pytest
from pydantic import ValidationError
from services.ledger.tests.statement_reading import FIRST, SECOND, read, refused
from services.ledger.tests.statement_samples import (
    ACCOUNT,
    NIGERIAN,
    STANDARD_HEADER,
    TWO_DAYS,
    standard,
)

from chassis.refusals import FieldRefusalError
from ledger.adapters.csv_statements import Period, read_csv
from ledger.adapters.statement_mappings import StatementMapping, load_mappings


def test_a_nigerian_export_is_read_by_its_mapping():
    [statement] = read(NIGERIAN, "csv", mapping="nigerian").statements
    assert [str(line.amount) for line in statement.lines] == ["250000.00", "-50.00", "-50.00", "-200000.00"]
    assert [line.payment_id for line in statement.lines] == [FIRST, None, None, SECOND]
    assert (statement.opening, statement.closing) == (Decimal("1000000.00"), Decimal("1049900.00"))
    assert (statement.covers_from, statement.covers_to) == (date(2026, 7, 1), date(2026, 7, 2))


def test_the_newest_line_may_come_first():
    mapping = load_mappings(None)["nigerian"].model_copy(update={"order": "newest_first"})
    header, *rows = NIGERIAN.splitlines(keepends=True)
    [statement] = read_csv("".join([header, *reversed(rows)]).encode(), mapping, ACCOUNT, Period())
    assert (statement.opening, statement.closing) == (Decimal("1000000.00"), Decimal("1049900.00"))


CELL = standard([("2026-07-01", "10.00", "R1", "one"), ("2026-07-02", "-4.00", "R2", "two")])


@pytest.mark.parametrize(
    ("change", "field", "rule"),
    [
        (("value_date", "valuta"), "line 1, value_date", "column_missing"),
        (("balance\n", "balance,surprise\n"), "line 1, column 8", "column_unknown"),
        (("value_date", "date"), "line 1, value_date", "column_missing"),
        (("10.00,NGN", "10.00,USD"), "line 3, currency", "currency_mixed"),
        (("NGN", "USD"), "line 1, currency", "currency_unsupported"),
        (("2026-07-02", "02/07/2026"), "line 3, date", "date_malformed"),
        (("2026-07-02", "2026-02-30"), "line 3, date", "date_malformed"),
        (("2026-07-02", "2036-07-02"), "line 1, date", "period_too_long"),
        (("10.00,NGN", "10.001,NGN"), "line 2, amount", "amount_malformed"),
        (("10.00,NGN", "1e1,NGN"), "line 2, amount", "amount_malformed"),
        (("10.00,NGN", "NaN,NGN"), "line 2, amount", "amount_malformed"),
        (("10.00,NGN", "\u0661\u0660,NGN"), "line 2, amount", "amount_malformed"),
        (("10.00,NGN", "+10.00,NGN"), "line 2, amount", "amount_malformed"),
        (("10.00,NGN", "0.00,NGN"), "line 2, amount", "amount_zero"),
        (("10.00,NGN", f"{'9' * 16},NGN"), "line 2, amount", "amount_malformed"),
        (("-4.00,NGN", "-4.01,NGN"), "line 3, balance", "balance_broken"),
        ((",R2,", ",R2,,"), "line 3, row", "cells_wrong"),
        ((",two,", ',"two,'), "line 4, text", "csv_malformed"),
        (("one", "o\x00e"), "line 2, text", "control_character"),
        (("one", "x" * 5_000), "line 2, text", "cell_too_long"),
    ],
)
def test_a_csv_file_with_one_mistake_is_refused_and_the_mistake_named(change, field, rule):
    assert change[0] in CELL
    count = -1 if change[0] == "NGN" else 1
    found = refused(CELL.replace(change[0], change[1], count), "csv")
    assert found[1] == rule
    assert found[0] == field or rule == "csv_malformed"


def test_every_mistake_is_named_up_to_fifty():
    rows = [("2026-07-01", "10.00", f"R{number}", "x") for number in range(80)]
    with pytest.raises(FieldRefusalError) as caught:
        read(standard(rows).replace("10.00,NGN", "ten,NGN"), "csv")
    assert len(caught.value.errors) == 50
    assert caught.value.errors[0][0] == "line 2, amount"
    assert "ten" not in str(caught.value.errors)


def test_a_line_that_is_there_twice_is_refused_unless_the_bank_gave_it_no_reference():
    twice = "2026-07-01,2026-07-01,10.00,NGN,R1,x,10.00\n"
    assert refused(f"{STANDARD_HEADER}\n{twice}{twice}", "csv")[1] == "line_twice"
    assert len(read(NIGERIAN, "csv", mapping="nigerian").statements[0].lines) == 4


def test_what_a_csv_covers_is_said_or_read_off_its_lines():
    [empty] = read(f"{STANDARD_HEADER}\n", "csv", covers_from=date(2026, 7, 1), covers_to=date(2026, 7, 3)).statements
    assert (empty.lines, empty.covers_to) == ((), date(2026, 7, 3))
    assert refused(f"{STANDARD_HEADER}\n", "csv")[1] == "period_unknown"
    assert refused(CELL, "csv", covers_to=date(2026, 7, 1))[1] == "date_outside_statement"
    assert refused(CELL, "csv", mapping="nobody")[1] == "mapping_unknown"
    assert refused(CELL, "csv", account="999")[1] == "account_unknown"
    assert refused(TWO_DAYS, "mt940", mapping="standard")[1] == "not_for_mt940"


@pytest.mark.parametrize(
    "changes",
    [
        {"columns": {"date": "d"}},
        {"columns": {"date": "d", "amount": "a", "debit": "b"}},
        {"columns": {"date": "d", "debit": "b"}},
        {"columns": {"date": "d", "debit": "b", "credit": "c", "mark": "m"}},
        {"columns": {"date": "a", "amount": "a"}},
        {"currency": None},
        {"currency_from": "c"},
        {"thousands": "."},
        {"date_format": "D/M/Y"},
        {"unknown": 1},
        {"delimiter": "x"},
    ],
)
def test_a_mapping_that_is_not_clear_is_refused_when_it_is_read(changes):
    good = {"columns": {"date": "d", "amount": "a"}, "date_format": "YYYY-MM-DD", "currency": "NGN"}
    assert StatementMapping.model_validate(good).columns.amount == "a"
    with pytest.raises(ValidationError):
        StatementMapping.model_validate(good | changes)


def test_signs_marks_and_separators_are_as_the_mapping_says():
    mapping = StatementMapping.model_validate(
        {
            "columns": {"date": "d", "amount": "a", "mark": "m"},
            "date_format": "DD.MM.YYYY",
            "currency": "NGN",
            "decimal": ",",
            "thousands": ".",
            "delimiter": ";",
            "preamble_lines": 2,
            "footer_lines": 1,
        }
    )
    text = "Bank\nStatement;of;July\nd;a;m\n01.07.2026;1.234,5;C\n02.07.2026;4,00;DR\nTotal;1.230,50;\n"
    [statement] = read_csv(text.encode(), mapping, ACCOUNT, Period())
    assert [str(line.amount) for line in statement.lines] == ["1234.50", "-4.00"]
    with pytest.raises(FieldRefusalError, match="refused as a whole"):
        read_csv(text.replace("1.234,5", "12.34,5").encode(), mapping, ACCOUNT, Period())
    inverted = mapping.model_copy(
        update={"positive": "debit", "columns": mapping.columns.model_copy(update={"mark": None})}
    )
    [statement] = read_csv(b"x\nx\nd;a\n01.07.2026;5,00\nx;x\n", inverted, ACCOUNT, Period())
    assert statement.lines[0].amount == Decimal(-5)
