"""Totals, means, quorums."""

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from applications.domain.decision import require_decider
from applications.domain.program import Criterion, Seat
from applications.domain.refusals import FieldRefusalError, NotTheDeciderError
from applications.domain.review import Review, counted, mean_of, total_of
from chassis.ids import new_id


def _criteria(*pairs: tuple[int, str]) -> list[Criterion]:
    return [Criterion(new_id(), f"c{number}", top, Decimal(weight)) for number, (top, weight) in enumerate(pairs)]


def test_the_example_of_the_contract_is_76() -> None:
    criteria = _criteria((10, "60.00"), (10, "40.00"))
    scores = dict(zip((each.id for each in criteria), (Decimal(8), Decimal(7)), strict=True))
    assert total_of(criteria, scores) == Decimal("76.00")


@pytest.mark.parametrize(
    ("totals", "mean"),
    [
        (["76.00", "76.01"], "76.00"),  # 76.005: to the even cent
        (["76.01", "76.02"], "76.02"),  # 76.015: to the even cent
        (["10.00", "10.00", "10.01"], "10.00"),
        (["0.00"], "0.00"),
        (["100.00", "100.00"], "100.00"),
    ],
)
def test_a_mean_is_rounded_half_to_even(totals: list[str], mean: str) -> None:
    assert mean_of([Decimal(total) for total in totals]) == Decimal(mean)


@given(st.lists(st.tuples(st.integers(1, 1000), st.integers(0, 1000)), min_size=1, max_size=10))
def test_a_total_lies_between_0_and_100_and_within_half_a_cent_of_the_exact_sum(pairs: list[tuple[int, int]]) -> None:
    count = len(pairs)
    shares = [Decimal(100 * 100 // count).scaleb(-2)] * count
    shares[0] += 100 - sum(shares)
    criteria = [Criterion(new_id(), "c", top, share) for (top, _), share in zip(pairs, shares, strict=True)]
    scores = {each.id: Decimal(min(given_, each.max_score)) for each, (_, given_) in zip(criteria, pairs, strict=True)}

    total = total_of(criteria, scores)

    exact = sum(
        (Fraction(scores[each.id]) / each.max_score * Fraction(each.weight) for each in criteria), start=Fraction(0)
    )
    assert 0 <= total <= 100
    assert abs(Fraction(total) - exact) <= Fraction(1, 200)


def test_every_wrong_score_is_named_at_once() -> None:
    [first, second] = _criteria((10, "60.00"), (10, "40.00"))
    with pytest.raises(FieldRefusalError) as refused:
        total_of([first, second], {first.id: Decimal("10.01"), new_id(): Decimal(1)})
    assert sorted(code for _, code, _ in refused.value.errors) == ["missing", "out_of_range", "unknown"]


def _review(reviewer: UUID) -> Review:
    now = datetime(2026, 5, 1, tzinfo=UTC)
    return Review(new_id(), new_id(), new_id(), reviewer, 1, {}, Decimal("50.00"), "", "approve", now)


def _board(*users: UUID, chair: UUID | None = None) -> list[Seat]:
    return [Seat(new_id(), new_id(), user, is_chair=user == chair) for user in users]


def test_only_reviews_of_present_members_without_a_conflict_count() -> None:
    seated, recused, gone = new_id(), new_id(), new_id()
    reviews = [_review(each) for each in (seated, recused, gone)]
    assert [each.reviewer_id for each in counted(reviews, _board(seated, recused), {recused})] == [seated]


def test_the_chair_decides_and_when_the_chair_is_recused_whoever_has_reviewed() -> None:
    chair, second, third = new_id(), new_id(), new_id()
    board = _board(chair, second, third, chair=chair)
    reviews = [_review(second)]
    require_decider(board[0], board, reviews, set())
    for seat in board[1:]:
        with pytest.raises(NotTheDeciderError):
            require_decider(seat, board, reviews, set())
    require_decider(board[1], board, reviews, {chair})
    with pytest.raises(NotTheDeciderError):
        require_decider(board[2], board, reviews, {chair})
