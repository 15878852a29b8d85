"""What programs accepts: bodies and queries, each field with its limit."""

import json
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, Final, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from chassis.api.pages import PageQuery
from chassis.api.values import Body, CurrencyCode, Name, PositiveMoney, RequiredText, SaneDate, ShortText, Text
from chassis.ids import new_id
from programs.domain.parts import Benefit, Criterion, Part, Qualification, Requirement, TimelinePhase
from programs.domain.program import Details

# Lists of a programme; more than a person can read.
ITEMS_MAX: Final = 50
RULE_VALUES_MAX: Final = 50
# The years in which a phase can lie, as for dates.
YEAR_MIN, YEAR_MAX = 1900, 2999
# IANA names are at most 14 + 1 + 14 characters so far.
TIME_ZONE_CHARACTERS_MAX: Final = 64
_DAY_AND_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]")


def _time_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError) as error:
        raise PydanticCustomError("time_zone_unknown", "must be an IANA time zone such as Africa/Lagos") from error
    return value


def _rfc_3339(value: Any) -> Any:
    # Not in figures either: pydantic would take them for seconds since 1970.
    if not isinstance(value, str) or not _DAY_AND_TIME.match(value):
        raise PydanticCustomError("time_malformed", "must be a string as in RFC 3339: 2026-01-31T09:00:00Z")
    return value


def _utc(value: datetime) -> datetime:
    if not YEAR_MIN <= value.year <= YEAR_MAX:
        raise PydanticCustomError("time_out_of_range", f"must lie between {YEAR_MIN} and {YEAR_MAX}")
    return value.astimezone(UTC)


def _weight(value: str) -> str:
    if not 0 < Decimal(value) <= 100:  # noqa: PLR2004 -- a share in percent
        raise PydanticCustomError("weight_out_of_range", "must be more than 0.00 and at most 100.00")
    return value


Category = Annotated[Name, StringConstraints(max_length=100)]
TimeZone = Annotated[str, StringConstraints(max_length=TIME_ZONE_CHARACTERS_MAX), AfterValidator(_time_zone)]
Moment = Annotated[AwareDatetime, BeforeValidator(_rfc_3339), AfterValidator(_utc)]
# A percentage as a decimal string with at most two decimals: weights of three criteria must still sum to 100 exactly.
Weight = Annotated[PositiveMoney, AfterValidator(_weight)]
Slots = Annotated[int, Field(strict=True, ge=1, le=1_000_000)]
Quorum = Annotated[int, Field(strict=True, ge=1, le=100)]
# Absent from a PATCH; never a value, for defaults are not validated.
_UNCHANGED: Any = None


class ProgramBody(Body):
    """A new programme, whole but for its parts."""

    title: Name
    summary: Text
    description: Text = ""
    category: Category
    funder: Name
    budget: PositiveMoney
    currency: CurrencyCode = "NGN"
    award_min: PositiveMoney
    award_max: PositiveMoney
    slots: Slots
    location: ShortText | None = None
    open_date: SaneDate
    close_date: SaneDate
    time_zone: TimeZone = "Africa/Lagos"
    review_quorum: Quorum = 2

    def to_details(self) -> Details:
        return Details(**_decimals(self.model_dump()))


class ProgramPatch(Body):
    """What is to change; what is left out stays. The currency never changes: the ledger's account is in it."""

    title: Name = _UNCHANGED
    summary: Text = _UNCHANGED
    description: Text = _UNCHANGED
    category: Category = _UNCHANGED
    funder: Name = _UNCHANGED
    budget: PositiveMoney = _UNCHANGED
    award_min: PositiveMoney = _UNCHANGED
    award_max: PositiveMoney = _UNCHANGED
    slots: Slots = _UNCHANGED
    location: ShortText | None = None
    open_date: SaneDate = _UNCHANGED
    close_date: SaneDate = _UNCHANGED
    time_zone: TimeZone = _UNCHANGED
    review_quorum: Quorum = _UNCHANGED

    def to_changes(self) -> dict[str, Any]:
        return _decimals(self.model_dump(exclude_unset=True))


def _decimals(values: dict[str, Any]) -> dict[str, Any]:
    amounts = ("budget", "award_min", "award_max")
    return {name: Decimal(value) if name in amounts else value for name, value in values.items()}


class FormBody(Body):
    """The form: JSON Schema (draft 2020-12) of an object; runaway patterns and far references are refused."""

    json_schema: Annotated[dict[str, Any], Field(alias="schema")]


class _Item(Body):
    id: Annotated[UUID | None, Field(description="Of an item that stays; left out for a new one.")] = None

    def _kept_id(self) -> UUID:
        return self.id or new_id()


Scalar = Annotated[str, StringConstraints(max_length=500)] | bool | int | float


class Rule(Body):
    """A condition on one field of the answers."""

    field: Annotated[Name, Field(description="Name of a field of the answers.")]
    op: Literal["eq", "ne", "gt", "gte", "lt", "lte", "in", "not_in"]
    value: Scalar | Annotated[list[Scalar], Field(min_length=1, max_length=RULE_VALUES_MAX)]

    @property
    def is_consistent(self) -> bool:
        """A list goes with `in` and `not_in`; an order needs numbers or texts (dates sort as texts)."""
        if self.op in ("in", "not_in"):
            return isinstance(self.value, list)
        if isinstance(self.value, list):
            return False
        return self.op in ("eq", "ne") or not isinstance(self.value, bool)


def _consistent(rule: Rule) -> Rule:
    if not rule.is_consistent:
        raise PydanticCustomError("rule_inconsistent", "this op does not go with this kind of value")
    return rule


class QualificationItem(_Item):
    text: RequiredText
    rule: Annotated[Rule, AfterValidator(_consistent)] | None = None

    def to_part(self) -> Part:
        rule_json = None if self.rule is None else json.dumps(self.rule.model_dump(), ensure_ascii=False)
        return Qualification(self._kept_id(), self.text, rule_json)


class RequirementItem(_Item):
    name: Name
    description: Text = ""
    required: Annotated[bool, Field(strict=True)] = True

    def to_part(self) -> Part:
        return Requirement(self._kept_id(), self.name, self.description, self.required)


class CriterionItem(_Item):
    name: Name
    description: Text = ""
    max_score: Annotated[int, Field(strict=True, ge=1, le=1000)]
    weight: Weight

    def to_part(self) -> Part:
        return Criterion(self._kept_id(), self.name, self.description, self.max_score, Decimal(self.weight))


class BenefitItem(_Item):
    title: Name
    description: Text = ""

    def to_part(self) -> Part:
        return Benefit(self._kept_id(), self.title, self.description)


class PhaseItem(_Item):
    name: Name
    starts_at: Moment
    ends_at: Moment

    def to_part(self) -> Part:
        return TimelinePhase(self._kept_id(), self.name, self.starts_at, self.ends_at)


class QualificationsBody(Body):
    items: Annotated[list[QualificationItem], Field(max_length=ITEMS_MAX)]


class RequirementsBody(Body):
    items: Annotated[list[RequirementItem], Field(max_length=ITEMS_MAX)]


class CriteriaBody(Body):
    items: Annotated[list[CriterionItem], Field(max_length=ITEMS_MAX)]


class BenefitsBody(Body):
    items: Annotated[list[BenefitItem], Field(max_length=ITEMS_MAX)]


class TimelineBody(Body):
    """Phases in their order; none overlaps the one before it."""

    items: Annotated[list[PhaseItem], Field(max_length=ITEMS_MAX)]


class ExecutiveBody(Body):
    """A seat on the board, with the name and title that the public reads."""

    display_name: Annotated[Name, StringConstraints(max_length=200)]
    title: Name
    is_chair: Annotated[bool, Field(strict=True)] = False


class UpdateBody(Body):
    title: Name
    body: RequiredText


class CatalogueQuery(PageQuery):
    """Filters of the list; those left out do not matter."""

    status: Literal["draft", "open", "closed", "archived"] | None = None
    category: Category | None = None
    q: Annotated[Name | None, Field(description="Words to be found in title, summary or description.")] = None
    currency: CurrencyCode | None = None
    open_on: Annotated[SaneDate | None, Field(description="Open for applications on that day.")] = None
    min_award: Annotated[PositiveMoney | None, Field(description="Some award is at least this.")] = None
    max_award: Annotated[PositiveMoney | None, Field(description="Some award is at most this.")] = None
    sort: Literal["-created_at", "created_at", "close_date", "-close_date", "award_max", "-award_max"] = "-created_at"

    def after(self) -> tuple[Any, UUID] | None:
        """The place the cursor stands for, in this sort order; a cursor of another order is refused."""

        def same_order(value: str) -> str:
            if value != self.sort:
                raise ValueError("a cursor of another order")
            return value

        found = self.position(same_order, _KEY_KINDS[self.sort.removeprefix("-")], UUID)
        return None if found is None else (found[1], found[2])


def _instant(value: str) -> datetime:
    instant = datetime.fromisoformat(value)
    if instant.tzinfo is None:
        raise ValueError("without an offset")
    return instant


def _finite(value: str) -> Decimal:
    amount = Decimal(value)
    if not amount.is_finite() or abs(amount.adjusted()) > 18:  # noqa: PLR2004 -- numeric(20,2)
        raise ValueError("not an amount")
    return amount


_KEY_KINDS: Final[dict[str, Any]] = {"created_at": _instant, "close_date": date.fromisoformat, "award_max": _finite}
