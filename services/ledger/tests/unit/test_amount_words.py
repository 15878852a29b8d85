"""Amounts in words and figures."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain.amount_words import amount_figures, amount_words, number_words
from ledger.domain.refusals import AmountInvalidError


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        ("0.01", "One kobo only"),
        ("0.50", "Fifty kobo only"),
        ("1.00", "One naira only"),
        ("19.99", "Nineteen naira and ninety-nine kobo"),
        ("21.00", "Twenty-one naira only"),
        ("100.00", "One hundred naira only"),
        ("115.05", "One hundred and fifteen naira and five kobo"),
        ("1005.00", "One thousand and five naira only"),
        ("1100.00", "One thousand, one hundred naira only"),
        ("300000.00", "Three hundred thousand naira only"),
        ("1000000.00", "One million naira only"),
        ("20000000000.07", "Twenty billion naira and seven kobo"),
        ("1000000001.00", "One billion and one naira only"),
    ],
)
def test_amounts_are_said_as_on_a_cheque(amount, words):
    assert amount_words(Decimal(amount), "NGN") == words


def test_the_largest_amount_there_is_has_words_and_figures():
    largest = Decimal("999999999999999999.99")
    assert amount_words(largest, "NGN").startswith("Nine hundred and ninety-nine quadrillion, ")
    assert amount_figures(largest, "NGN") == "₦999,999,999,999,999,999.99"


@pytest.mark.parametrize("number", [-1, 10**18])
def test_what_no_amount_can_be_has_no_words(number):
    with pytest.raises(AmountInvalidError):
        number_words(number)


@given(st.integers(0, 10**18 - 1), st.integers(0, 10**18 - 1))
def test_two_numbers_never_have_the_same_words(one, other):
    assert (number_words(one) == number_words(other)) == (one == other)


@given(st.decimals(min_value=Decimal("0.01"), max_value=Decimal("999999999999999999.99"), places=2))
def test_figures_are_the_amount_with_commas(amount):
    assert Decimal(amount_figures(amount, "NGN").removeprefix("₦").replace(",", "")) == amount
