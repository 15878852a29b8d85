"""Money is exact, entries balance, lots pay to the last kobo, states move one way."""

from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain import accounts, lots, money, transactions
from ledger.domain.moves import accounts_of
from ledger.domain.refusals import (
    AmountInvalidError,
    CurrencyUnsupportedError,
    DonationDisputedError,
    IllegalStateError,
    InsufficientFundsError,
    UnbalancedError,
)
from ledger.domain.transactions import Status

AMOUNTS = st.decimals(Decimal("0.01"), Decimal("999999999999999999.99"), places=2)


@given(AMOUNTS)
def test_an_amount_survives_its_text(amount):
    text = money.format_amount(amount, "NGN")
    assert money.parse_amount(text, "NGN") == amount
    assert text.rpartition(".")[2].isdigit()
    assert len(text.rpartition(".")[2]) == 2


@pytest.mark.parametrize(
    "text",
    ["", "1,000.00", "1e3", "NaN", "Infinity", "0x10", "01.00", "1.", ".5", "1.001", " 1", "+1", "9" * 19, "\u0661"],
)
def test_what_is_not_a_plain_amount_is_refused(text):
    with pytest.raises(AmountInvalidError):
        money.parse_amount(text, "NGN")


def test_nothing_and_less_than_nothing_are_not_amounts_to_pay():
    for text in ("0", "0.00", "-1.00"):
        with pytest.raises(AmountInvalidError):
            money.parse_positive(text, "NGN")
    assert money.parse_positive("0.01", "NGN") == Decimal("0.01")


def test_a_fraction_of_a_kobo_is_never_rounded_and_zero_has_no_sign():
    with pytest.raises(AmountInvalidError):
        money.format_amount(Decimal("0.001"), "NGN")
    assert money.format_amount(Decimal("-0.00"), "NGN") == "0.00"
    with pytest.raises(CurrencyUnsupportedError):
        money.parse_amount("1.00", "USD")


@pytest.mark.parametrize(
    "postings",
    [
        [],
        [accounts.Posting("a", Decimal(1))],
        [accounts.Posting("a", Decimal(1)), accounts.Posting("b", Decimal(-2))],
        [accounts.Posting("a", Decimal(0)), accounts.Posting("b", Decimal(0))],
    ],
)
def test_an_entry_that_does_not_balance_is_refused(postings):
    with pytest.raises(UnbalancedError):
        accounts.Entry("NGN", tuple(postings))


def test_accounts_are_named_as_the_contract_says():
    ids = {"donor_id": "d", "program_id": "p", "award_id": "a", "beneficiary_id": "b"}
    donor, available, committed = "external:donor:d", "program:p:available", "program:p:committed:a"
    beneficiary, clearing = "beneficiary:b", "bank:clearing"
    assert accounts_of("donation", ids) == (donor, available)
    assert accounts_of("commitment", ids) == (available, committed)
    assert accounts_of("decommitment", ids) == (committed, available)
    assert accounts_of("reversal", ids) == (beneficiary, committed)
    for kind, held, paid in (("disbursement", committed, beneficiary), ("refund", available, donor)):
        assert accounts_of(kind, ids | {"step": "sent"}) == (held, clearing)
        assert accounts_of(kind, ids | {"step": "completed"}) == (clearing, paid)
        assert accounts_of(kind, ids | {"step": "failed"}) == (clearing, held)
    assert accounts.BANK_CLEARING == "bank:clearing"
    assert accounts.never_negative("program:p:available")
    assert not accounts.never_negative("external:donor:d")


LOTS = st.lists(
    st.builds(
        lots.Lot,
        id=st.uuids().map(str),
        received=st.integers(0, 1000),
        remaining=st.decimals(0, 1000, places=2),
        earmark=st.sampled_from([None, None, "school", "clinic"]),
        is_disputed=st.just(False),
    ),
    max_size=8,
    unique_by=(lambda lot: lot.id, lambda lot: lot.received),
)


@given(LOTS, st.decimals(Decimal("0.01"), 3000, places=2))
def test_allocations_sum_exactly_earmarked_first_then_first_in_first_out(held, amount):
    usable = [lot for lot in held if lot.earmark in {None, "school"}]
    if sum((lot.remaining for lot in usable), Decimal(0)) < amount:
        with pytest.raises(InsufficientFundsError):
            lots.allocate(held, amount, {"school"})
        return
    taken = lots.allocate(held, amount, {"school"})
    assert sum((part.amount for part in taken), Decimal(0)) == amount
    by_id = {lot.id: lot for lot in held}
    order = [(by_id[part.lot_id].earmark is None, by_id[part.lot_id].received) for part in taken]
    assert order == sorted(order)
    assert all(Decimal(0) < part.amount <= by_id[part.lot_id].remaining for part in taken)
    assert all(by_id[part.lot_id].earmark != "clinic" for part in taken)
    for earlier, _ in pairwise(taken):  # only the last lot may be left with something
        assert earlier.amount == by_id[earlier.lot_id].remaining


@given(LOTS, st.decimals(Decimal("0.01"), 3000, places=2), st.sets(st.integers(0, 7)))
def test_a_dispute_of_a_lot_changes_nothing_but_that_its_turn_is_refused(held, amount, disputed):
    known = [lot._replace(is_disputed=place in disputed) for place, lot in enumerate(held)]
    try:
        taken = lots.allocate(held, amount, {"school"})
    except InsufficientFundsError:
        with pytest.raises(InsufficientFundsError):
            lots.allocate(known, amount, {"school"})
        return
    if {part.lot_id for part in taken} & {lot.id for lot in known if lot.is_disputed}:
        with pytest.raises(DonationDisputedError):
            lots.allocate(known, amount, {"school"})
    else:
        assert lots.allocate(known, amount, {"school"}) == taken


def test_only_the_allowed_moves_are_possible():
    transactions.check_move(Status.PENDING, Status.SUBMITTED)
    transactions.check_move(Status.SUBMITTED, Status.UNKNOWN)
    transactions.check_move(Status.UNKNOWN, Status.COMPLETED)
    transactions.check_move(Status.COMPLETED, Status.REVERSED)
    for settled in (Status.COMPLETED, Status.FAILED, Status.REVERSED):  # two people decide what really happened
        transactions.check_move(Status.DISPUTED, settled)
    for current, following in [
        (Status.PENDING, Status.COMPLETED),  # never completed without having been submitted
        (Status.UNKNOWN, Status.SUBMITTED),  # never sent again
        (Status.FAILED, Status.COMPLETED),
        (Status.COMPLETED, Status.FAILED),
        (Status.REVERSED, Status.COMPLETED),
        (Status.DISPUTED, Status.SUBMITTED),
    ]:
        with pytest.raises(IllegalStateError) as refused:
            transactions.check_move(current, following)
        assert refused.value.facts["state"] == current.value
    assert Status.FAILED not in transactions.LIVE
    assert Status.UNKNOWN in transactions.LIVE
