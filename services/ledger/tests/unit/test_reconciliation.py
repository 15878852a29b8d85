"""Comparing a bank's lines with the books: nothing is left out, nothing counts twice, and the sums add up."""

from datetime import date, timedelta
from decimal import Decimal
from hashlib import sha256
from io import BytesIO
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfReader

from ledger.adapters.reconciliation_csv import render_csv, safe_cell
from ledger.adapters.reconciliation_document import ROWS_MAX, Renderer
from ledger.domain.reconciliation import BankLine, Finding, Kind, KnownPayment, Movement, reconcile
from ledger.domain.reconciliation_report import (
    BankBalances,
    BooksPosition,
    Evidence,
    Report,
    Sheet,
    Total,
    entries_of,
    report_body,
)

ACCOUNT = "0123456789"
DAY = date(2026, 7, 1)
WINDOW = 5
PAYMENT = UUID(int=1)
OUT, IN = KnownPayment(comes_in=False), KnownPayment(comes_in=True)


def line(amount, *, day=DAY, payment_id=PAYMENT, is_reversal=False, account=ACCOUNT, number=0):
    identity = sha256(f"{amount}{day}{payment_id}{is_reversal}{account}{number}".encode()).digest()
    return BankLine(identity, account, "NGN", day, Decimal(amount), is_reversal, payment_id, "BK1", 1, number)


def movement(amount, *, day=DAY, payment_id=PAYMENT, block=1, **more):
    return Movement(block, payment_id, more.pop("account", ACCOUNT), "NGN", day, Decimal(amount), **more)


def compare(lines, movements, known=None, *, covered=True):
    return reconcile(
        lines, movements, {PAYMENT: OUT} if known is None else known, covered=lambda *_: covered, window_days=WINDOW
    )


def kinds(findings):
    return sorted((finding.kind.value, *finding.reasons) for finding in findings)


@pytest.mark.parametrize(
    ("lines", "movements", "expected"),
    [
        ([line(-100)], [movement(-100)], [("matched",)]),
        ([line(-100, day=DAY + timedelta(days=5))], [movement(-100)], [("matched",)]),
        ([line(-100, day=DAY + timedelta(days=6))], [movement(-100)], [("different", "day")]),
        ([line(-99)], [movement(-100)], [("different", "amount")]),
        ([line(100)], [movement(-100)], [("different", "direction")]),
        ([line(-100, account="999999")], [movement(-100)], [("different", "account")]),
        ([line(-100, is_reversal=True)], [movement(-100)], [("different", "reversal_mark")]),
        ([], [movement(-100)], [("missing",)]),
        ([line(-100), line(-100, number=2)], [movement(-100)], [("duplicate", "second_line"), ("matched",)]),
        ([line(-99), line(-100)], [movement(-100)], [("duplicate", "second_line"), ("matched",)]),
        ([line(-100), line(100, number=2)], [movement(-100)], [("extra", "return_not_in_books"), ("matched",)]),
        (
            [line(-100), line(100)],
            [movement(-100), movement(100, block=2, is_return=True)],
            [("matched",), ("matched",)],
        ),
        (
            [line(-100), line(100, is_reversal=True), line(100, number=3)],
            [movement(-100), movement(100, block=2, is_return=True)],
            [("duplicate", "second_return"), ("matched",), ("matched",)],
        ),
        (
            [line(-90), line(90, number=1)],
            [movement(-100)],
            [("different", "amount"), ("extra", "return_not_in_books")],
        ),
        (
            [line(100, is_reversal=True)],
            [movement(-100)],
            [("missing",), ("reversal_without_payment", "payment_never_shown")],
        ),
        ([line(100)], [], [("reversal_without_payment", "payment_never_shown")]),
        ([line(-100)], [], [("extra", "payment_not_completed")]),
        ([line(0)], [movement(-100)], [("extra", "amount_zero"), ("missing",)]),
        ([line(5, payment_id=None)], [], [("extra", "no_known_reference")]),
        ([line(5, payment_id=UUID(int=9))], [], [("extra", "no_known_reference")]),
        (
            [line(5, payment_id=None, is_reversal=True)],
            [],
            [("reversal_without_payment", "no_known_reference")],
        ),
        (
            [line(-100, day=DAY - timedelta(days=30))],
            [movement(-100, is_correction=True)],
            [("matched",)],
        ),
    ],
)
def test_each_case_has_its_class(lines, movements, expected):
    assert kinds(compare(lines, movements)) == sorted(expected)
    assert kinds(compare(lines[::-1], movements[::-1])) == sorted(expected), "in whatever order they come"


def test_a_debit_of_a_payment_that_failed_is_said_to_be_one():
    failed = {PAYMENT: KnownPayment(comes_in=False, failed=True)}
    assert kinds(compare([line(-100)], [], failed)) == [("extra", "payment_failed")]


def test_a_donation_that_the_bank_takes_back_is_not_a_second_one():
    donation = {PAYMENT: IN}
    lines = [line(100), line(-100, is_reversal=True)]
    assert kinds(compare(lines, [movement(100)], donation)) == [("extra", "return_not_in_books"), ("matched",)]


def test_without_a_statement_of_the_day_nothing_is_missing():
    assert kinds(compare([], [movement(-100)], covered=False)) == [("not_covered",)]
    assert kinds(compare([], [movement(-100, account=None)])) == [("not_covered",)]


_PAYMENTS = st.integers(1, 4)
_DAYS = st.integers(0, 9).map(lambda days: DAY + timedelta(days=days))
_AMOUNTS = st.sampled_from([-200, -100, 0, 100, 200])


@st.composite
def worlds(draw):
    """Any lines, any movements, any knowledge of payments; amounts and days collide often."""
    lines = [
        line(
            draw(_AMOUNTS),
            day=draw(_DAYS),
            payment_id=draw(st.one_of(st.none(), _PAYMENTS.map(lambda number: UUID(int=number)))),
            is_reversal=draw(st.booleans()),
            account=draw(st.sampled_from([ACCOUNT, "999999"])),
            number=number,
        )
        for number in range(draw(st.integers(0, 8)))
    ]
    movements = [
        movement(
            draw(_AMOUNTS.filter(bool)),
            day=draw(_DAYS),
            payment_id=UUID(int=draw(_PAYMENTS)),
            block=block,
            account=draw(st.sampled_from([ACCOUNT, "999999", None])),
            is_return=draw(st.booleans()),
            is_correction=draw(st.booleans()),
        )
        for block in range(draw(st.integers(0, 8)))
    ]
    known = {UUID(int=number): draw(st.sampled_from([IN, OUT])) for number in range(1, draw(st.integers(1, 5)))}
    known |= {item.payment_id: draw(st.sampled_from([IN, OUT])) for item in movements}
    return lines, movements, known


@given(worlds(), st.randoms())
def test_every_line_and_every_movement_is_in_exactly_one_finding_whatever_their_order(world, random):
    lines, movements, known = world
    findings = compare(lines, movements, known)
    found_lines = [finding.line for finding in findings if finding.line]
    found_movements = [finding.movement for finding in findings if finding.movement]
    assert sorted(item.identity for item in found_lines) == sorted(item.identity for item in lines)
    assert sorted(item.block_index for item in found_movements) == sorted(item.block_index for item in movements)
    for finding in findings:
        paired = finding.kind in (Kind.MATCHED, Kind.DIFFERENT)
        assert (finding.line is not None and finding.movement is not None) is paired
        assert (finding.kind is Kind.MATCHED) is (paired and not finding.reasons)
    shuffled = random.sample(lines, len(lines)), random.sample(movements, len(movements))
    assert set(compare(*shuffled, known)) == set(findings)


@given(worlds())
def test_a_payment_is_found_to_be_the_same_alone_and_among_others(world):
    lines, movements, known = world
    together = {finding for finding in compare(lines, movements, known) if _about(finding) == PAYMENT}
    mine = [item for item in lines if item.payment_id == PAYMENT]
    moved = [item for item in movements if item.payment_id == PAYMENT]
    alone = {finding for finding in compare(mine, moved, known) if _about(finding) == PAYMENT}
    assert together == alone


def _about(finding: Finding):
    return finding.movement.payment_id if finding.movement else finding.line and finding.line.payment_id


@given(worlds())
def test_the_days_of_all_accounts_together_are_all_lines_and_movements_and_their_sums_add_up(world):
    lines, movements, known = world
    findings = compare(lines, movements, known)
    days = [DAY + timedelta(days=number) for number in range(10)]
    sheets = [
        Sheet(account, "NGN", day, None, (), entries_of(findings, account, "NGN", day))
        for account in (ACCOUNT, "999999")
        for day in days
    ]
    assert sum(sheet.bank_movement for sheet in sheets) == sum(item.amount for item in lines)
    booked = [item.amount for item in movements if item.account is not None]
    assert sum(sheet.books_movement for sheet in sheets) == sum(booked)
    for sheet in sheets:
        totals = sheet.totals.values()
        assert sum(total.count for total in totals) == len(sheet.entries)
        assert sum(total.bank for total in totals) == sheet.bank_movement
        assert sum(total.books for total in totals) == sheet.books_movement
        assert sum(entry.difference for entry in sheet.unexplained) == sheet.difference
        on_day = [item for item in lines if (item.account, item.day) == (sheet.account, sheet.day)]
        assert sheet.bank_movement == sum(item.amount for item in on_day)


def a_report(findings, day=DAY):
    evidence = Evidence(UUID(int=7), 3, "ab" * 32, "=182")
    sheet = Sheet(
        ACCOUNT,
        "NGN",
        day,
        BankBalances(Decimal(1000), Decimal(900)),
        (evidence,),
        entries_of(findings, ACCOUNT, "NGN", day),
    )
    position = BooksPosition("NGN", Decimal(1000), Decimal(900), Decimal(0), Decimal(50))
    unassigned = {"NGN": Total(1, Decimal(0), Decimal(10))}
    return Report(day, 42, (40, "cd" * 32), WINDOW, [position], [sheet], unassigned)


def test_a_report_is_the_same_bytes_whenever_it_is_made_and_has_a_place_to_sign():
    findings = compare([line(-100), line(-7, payment_id=None)], [movement(-100)])
    report = a_report(findings)
    document, table = Renderer().pdf(report), render_csv(report)
    assert (document, table) == (Renderer().pdf(a_report(findings)), render_csv(a_report(findings)))
    text = "\n".join(page.extract_text() for page in PdfReader(BytesIO(document)).pages)
    for expected in (
        "first 42 blocks",
        "40 blocks, root cdcd",
        report_body(report)["sha256"],
        "signature ____",
        "-7.00",
    ):
        assert expected in text
    assert report_body(report)["sha256"] in table.decode()
    assert table.decode().count("finding,") == 2


def test_a_report_without_anything_is_still_one():
    empty = Report(DAY, 1, None, WINDOW, [], [Sheet(ACCOUNT, "NGN", DAY, None, (), ())], {})
    assert report_body(empty)["accounts"][0]["covered"] is False
    assert "none yet" in PdfReader(BytesIO(Renderer().pdf(empty))).pages[0].extract_text()


def test_a_long_list_is_cut_on_paper_and_says_so():
    findings = compare([line(-1, payment_id=None, number=number) for number in range(ROWS_MAX + 3)], [])
    pages = PdfReader(BytesIO(Renderer().pdf(a_report(findings)))).pages
    assert "3 more: see the CSV" in "".join(page.extract_text() for page in pages[-2:])


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-cmd", "@SUM(A1)", "\t=1", "\r=1", "\uff1d1", "-1e5", "-"])
def test_no_cell_of_the_csv_is_a_formula(cell):
    assert safe_cell(cell).startswith("'")


@pytest.mark.parametrize("cell", ["-100.00", "5", "text", "", "0.00"])
def test_numbers_and_texts_stay_as_they_are(cell):
    assert safe_cell(cell) == cell


def test_a_formula_in_a_bank_reference_is_no_formula_in_the_csv():
    evil = BankLine(
        b"1" * 32, ACCOUNT, "NGN", DAY, Decimal(1), is_reversal=False, payment_id=None, bank_reference="=HYPERLINK(1)"
    )
    assert b",'=HYPERLINK(1)," in render_csv(a_report(compare([evil], [])))
