"""What applications knows of a programme: when it is open, what it asks for, how it scores, who decides."""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from applications.domain.refusals import ProgramNotOpenError


@dataclass(frozen=True, slots=True)
class Criterion:
    """`weight`: percent; those of a published programme sum to 100."""

    id: UUID
    name: str
    max_score: int
    weight: Decimal
    description: str = ""


@dataclass(frozen=True, slots=True)
class Requirement:
    """A document asked for."""

    id: UUID
    name: str
    required: bool


@dataclass(frozen=True, slots=True)
class Qualification:
    """`rule`: `{field, op, value}` over the answers, or None when it is only text."""

    id: UUID
    text: str
    rule: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Program:
    """A programme as last heard of."""

    id: UUID
    status: str
    currency: str
    title: str
    open_date: date
    close_date: date
    time_zone: str
    award_min: Decimal
    award_max: Decimal
    review_quorum: int
    form: dict[str, Any] | None = None
    criteria: tuple[Criterion, ...] = ()
    requirements: tuple[Requirement, ...] = ()
    qualifications: tuple[Qualification, ...] = field(default=())

    def require_open(self, now: datetime) -> None:
        """Refuse unless it is open and today, in its own time zone, lies within its dates (both inclusive).

        Raises:
            ProgramNotOpenError
        """
        today = now.astimezone(ZoneInfo(self.time_zone)).date()
        if self.status != "open" or not self.open_date <= today <= self.close_date:
            raise ProgramNotOpenError


@dataclass(frozen=True, slots=True)
class Seat:
    """A place on a programme's board, and who sits on it."""

    executive_id: UUID
    program_id: UUID
    user_id: UUID
    is_chair: bool
