"""The bodies of requests about applications (09-bodies)."""

from decimal import Decimal
from math import isfinite
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from chassis.api.values import Body, CurrencyCode, PositiveMoney, RequiredText, SaneDate, Text

# More fields than any form asks for; the body's own cap of 1 MiB bounds what is in them.
ANSWERS_MAX = 500
# An award is paid in months, not days: as the event's schema has it.
TRANCHES_MAX = 60
CRITERIA_MAX = 50


# Integers that every JSON reader holds exactly (RFC 8259, section 6).
INTEGER_MAX = 2**53 - 1


def _number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise PydanticCustomError("number_expected", "must be a number")
    return value


def _portable(value: Any) -> Any:
    """Numbers that cannot be written as JSON and read back the same are refused."""
    if isinstance(value, dict):
        for item in value.values():
            _portable(item)
    elif isinstance(value, list):
        for item in value:
            _portable(item)
    elif isinstance(value, float) and not isfinite(value):
        raise PydanticCustomError("number_out_of_range", "holds a number that is too large")
    elif isinstance(value, int) and abs(value) > INTEGER_MAX:
        raise PydanticCustomError("number_out_of_range", "holds an integer beyond 2^53 - 1")
    return value


Answers = Annotated[
    dict[str, Any], Field(max_length=ANSWERS_MAX, description="The form's fields."), AfterValidator(_portable)
]
Score = Annotated[Decimal, BeforeValidator(_number), Field(ge=0, le=1000, decimal_places=2)]


class ApplyBody(Body):
    answers: Answers = Field(default_factory=dict)


class DraftBody(Body):
    answers: Answers


class OptionalReason(Body):
    """Why, if one wants to say."""

    reason: Text | None = None


class ScoreBody(Body):
    scores: Annotated[dict[UUID, Score], Field(min_length=1, max_length=CRITERIA_MAX)]
    notes: Text = ""
    recommendation: Literal["approve", "reject", "revise"]


class TrancheBody(Body):
    amount: PositiveMoney
    due_on: SaneDate
    condition: Annotated[str, StringConstraints(max_length=500)] = ""


class ApproveBody(Body):
    amount: PositiveMoney
    currency: CurrencyCode
    tranches: Annotated[list[TrancheBody], Field(max_length=TRANCHES_MAX)] = Field(default_factory=list)
    reason: RequiredText


class DisbursementBody(Body):
    tranche_id: UUID


class AppealDecisionBody(Body):
    outcome: Literal["upheld", "dismissed"]
    reason: RequiredText
