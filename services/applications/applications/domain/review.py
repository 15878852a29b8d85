"""Scorecards: how scores become a total, and when there are enough of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Literal
from uuid import UUID

from applications.domain.program import Criterion, Seat
from applications.domain.refusals import FieldRefusalError

Recommendation = Literal["approve", "reject", "revise"]


@dataclass(slots=True)
class Review:
    """One executive's scorecard. `total_score`: 0.00 to 100.00."""

    id: UUID
    application_id: UUID
    executive_id: UUID
    reviewer_id: UUID
    revision: int
    scores: dict[UUID, Decimal]
    total_score: Decimal
    notes: str
    recommendation: Recommendation
    reviewed_at: datetime


def _half_even(value: Fraction) -> Decimal:
    # `round` of a Fraction is exact and rounds halves to even.
    return Decimal(round(value * 100)).scaleb(-2)


def total_of(criteria: Sequence[Criterion], scores: Mapping[UUID, Decimal]) -> Decimal:
    """Sum of score / max_score x weight, in hundredths, half-even.

    Raises:
        FieldRefusalError: a criterion without a score, a score without a criterion, or one outside 0..max_score.
    """
    errors = [
        (f"scores.{criterion.id}", "missing", f"`{criterion.name}` must be scored")
        for criterion in criteria
        if criterion.id not in scores
    ]
    known = {criterion.id: criterion for criterion in criteria}
    for criterion_id, score in scores.items():
        if criterion_id not in known:
            errors.append((f"scores.{criterion_id}", "unknown", "the programme has no such criterion"))
        elif not 0 <= score <= known[criterion_id].max_score:
            errors.append((f"scores.{criterion_id}", "out_of_range", f"must be 0 to {known[criterion_id].max_score}"))
    if errors:
        raise FieldRefusalError(errors)
    total = sum(
        (Fraction(scores[each.id]) / each.max_score * Fraction(each.weight) for each in criteria), start=Fraction(0)
    )
    return _half_even(total)


def mean_of(totals: Sequence[Decimal]) -> Decimal:
    """The final score: the mean of the counted totals, half-even."""
    return _half_even(sum((Fraction(total) for total in totals), start=Fraction(0)) / len(totals))


def counted(reviews: Iterable[Review], board: Iterable[Seat], excluded: Iterable[UUID]) -> list[Review]:
    """Reviews that count: by people who sit on the board now and are not excluded (recused, or no executive now)."""
    present = {seat.user_id for seat in board} - set(excluded)
    return [review for review in reviews if review.reviewer_id in present]
