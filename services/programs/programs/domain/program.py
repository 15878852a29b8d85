"""A programme: its states, its board, and what must hold whatever is changed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final, assert_never
from uuid import UUID
from zoneinfo import ZoneInfo

from chassis.refusals import FieldRefusalError, IllegalStateError, NotFoundError
from programs.domain import parts
from programs.domain.parts import Benefit, Criterion, Executive, Part, PartKind, Qualification, Requirement
from programs.domain.parts import TimelinePhase as Phase
from programs.domain.refusals import (
    AlreadyOnBoardError,
    BoardFullError,
    ChairTakenError,
    CriteriaFrozenError,
    ProgramInUseError,
    UnsoundProgramError,
)

# The contract's cap on a snapshot's board; the largest boards known have a few dozen members.
BOARD_MAX: Final = 100
WEIGHTS_SUM: Final = Decimal(100)

Problem = tuple[str, str, str]


class Status(StrEnum):
    DRAFT = "draft"
    OPEN = "open"
    CLOSED = "closed"
    ARCHIVED = "archived"


@dataclass(frozen=True, slots=True)
class Details:
    """What an admin writes about a programme; dates are inclusive, in its time zone."""

    title: str
    summary: str
    description: str
    category: str
    funder: str
    budget: Decimal
    currency: str
    award_min: Decimal
    award_max: Decimal
    slots: int
    location: str | None
    open_date: date
    close_date: date
    time_zone: str
    review_quorum: int

    def check(self) -> None:
        """Refuse amounts that contradict each other.

        The order of the dates is judged when the programme is published: a draft may still be unsettled.
        """
        errors: list[Problem] = []
        if self.award_max < self.award_min:
            errors.append(("award_max", "below_award_min", "must not be less than award_min"))
        if self.award_max > self.budget:
            errors.append(("award_max", "above_budget", "must not be more than budget"))
        if errors:
            raise FieldRefusalError(errors)


@dataclass(slots=True)
class Program:
    """The aggregate. `version` counts its changes: it is the ETag over HTTP and the revision of its snapshots."""

    id: UUID
    slug: str
    details: Details
    created_by: UUID
    created_at: datetime
    updated_at: datetime
    status: Status = Status.DRAFT
    version: int = 1
    form_json: str | None = None
    applied_at: datetime | None = None
    funded_at: datetime | None = None
    criteria_frozen_at: datetime | None = None
    qualifications: list[Qualification] = field(default_factory=list)
    requirements: list[Requirement] = field(default_factory=list)
    criteria: list[Criterion] = field(default_factory=list)
    benefits: list[Benefit] = field(default_factory=list)
    timeline: list[Phase] = field(default_factory=list)
    executives: list[Executive] = field(default_factory=list)

    @property
    def is_public(self) -> bool:
        """Drafts are for admins only."""
        return self.status is not Status.DRAFT

    # --- states ------------------------------------------------------------------------------------------------------

    def publish(self, now: datetime) -> None:
        """Draft -> open, once nothing is missing."""
        self._require(Status.DRAFT)
        problems = self.problems()
        if self.details.close_date < now.astimezone(ZoneInfo(self.details.time_zone)).date():
            problems.append(("close_date", "dates_invalid", "close_date has passed"))
        if problems:
            raise UnsoundProgramError(problems)
        self.status = Status.OPEN

    def close(self) -> None:
        """Open -> closed: nobody can apply any more; reviews go on."""
        self._require(Status.OPEN)
        self.status = Status.CLOSED

    def archive(self) -> None:
        """Open or closed -> archived: nothing about it changes any more."""
        self._require(Status.OPEN, Status.CLOSED)
        self.status = Status.ARCHIVED

    def check_deletable(self) -> None:
        """Refuse once anyone has applied or given."""
        if self.applied_at is not None or self.funded_at is not None:
            raise ProgramInUseError

    def _require(self, *allowed: Status) -> None:
        if self.status not in allowed:
            raise IllegalStateError(self.status)

    # --- contents ----------------------------------------------------------------------------------------------------

    def problems(self) -> list[Problem]:
        """What keeps this programme from being public, all at once."""
        found: list[Problem] = []
        if not self.criteria:
            found.append(("criteria", "criteria_missing", "a board needs at least one criterion to score by"))
        total = sum((criterion.weight for criterion in self.criteria), Decimal(0))
        if total != WEIGHTS_SUM:
            found.append(("criteria", "weights_not_100", f"the weights sum to {total:.2f}, not to 100.00"))
        if len(self.executives) < self.details.review_quorum:
            message = f"the board has {len(self.executives)} members; review_quorum is {self.details.review_quorum}"
            found.append(("executives", "board_too_small", message))
        if self.details.close_date < self.details.open_date:
            found.append(("close_date", "dates_invalid", "close_date must not be before open_date"))
        return found

    def check_changed(self) -> None:
        """After a change: what is public must stay sound."""
        self.details.check()
        if self.is_public:
            problems = self.problems()
            if problems:
                raise UnsoundProgramError(problems)

    def describe(self, details: Details) -> None:
        """Replace what is written about it."""
        self._require(Status.DRAFT, Status.OPEN, Status.CLOSED)
        self.details = details

    def replace_form(self, form_json: str) -> None:
        """Ask for other answers; applications that were already started keep the form they know."""
        self._require(Status.DRAFT, Status.OPEN)
        self.form_json = form_json

    def list_of(self, kind: PartKind) -> Sequence[Part]:
        """The present items of a list."""
        items: Sequence[Part] = getattr(self, kind.value)
        return items

    def replace_list(self, kind: PartKind, items: Sequence[Part], sent_ids: Sequence[UUID | None]) -> None:
        """Replace a whole list. `sent_ids` are the ids the caller gave, None where a new item was sent."""
        self._require(Status.DRAFT, Status.OPEN, Status.CLOSED)
        parts.check_kept_ids(self.list_of(kind), sent_ids)
        match kind:
            case PartKind.QUALIFICATIONS:
                self.qualifications = [item for item in items if isinstance(item, Qualification)]
            case PartKind.REQUIREMENTS:
                self.requirements = [item for item in items if isinstance(item, Requirement)]
            case PartKind.CRITERIA:
                self._replace_criteria([item for item in items if isinstance(item, Criterion)])
            case PartKind.BENEFITS:
                self.benefits = [item for item in items if isinstance(item, Benefit)]
            case PartKind.TIMELINE:
                self.timeline = [item for item in items if isinstance(item, Phase)]
                parts.check_phases(self.timeline)
            case _:
                assert_never(kind)

    def _replace_criteria(self, criteria: list[Criterion]) -> None:
        if self.criteria_frozen_at is not None:
            raise CriteriaFrozenError
        parts.check_names(criteria)
        self.criteria = criteria

    # --- the board ---------------------------------------------------------------------------------------------------

    def seat(self, executive: Executive) -> None:
        """Give a user a seat; whether they may have one is the caller's to know."""
        self._require(Status.DRAFT, Status.OPEN, Status.CLOSED)
        if any(seated.user_id == executive.user_id for seated in self.executives):
            raise AlreadyOnBoardError
        if executive.is_chair and any(seated.is_chair for seated in self.executives):
            raise ChairTakenError
        if len(self.executives) >= BOARD_MAX:
            raise BoardFullError
        self.executives = [*self.executives, executive]

    def unseat(self, user_id: UUID) -> Executive:
        """Take a user off the board.

        Raises:
            NotFoundError: they do not sit on it.
        """
        leaving = next((seated for seated in self.executives if seated.user_id == user_id), None)
        if leaving is None:
            raise NotFoundError
        self.executives = [seated for seated in self.executives if seated is not leaving]
        return leaving
