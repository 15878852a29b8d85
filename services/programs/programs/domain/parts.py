"""What a programme consists of: small values, each with its id."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise
from uuid import UUID

from chassis.refusals import FieldRefusalError


@dataclass(frozen=True, slots=True)
class Qualification:
    """Who may apply. `rule_json` is a JSON `{field, op, value}` over the answers, or None for a rule people judge."""

    id: UUID
    text: str
    rule_json: str | None


@dataclass(frozen=True, slots=True)
class Requirement:
    """A document asked for."""

    id: UUID
    name: str
    description: str
    required: bool


@dataclass(frozen=True, slots=True)
class Criterion:
    """What a board scores: up to `max_score` points, worth `weight` percent of the total."""

    id: UUID
    name: str
    description: str
    max_score: int
    weight: Decimal


@dataclass(frozen=True, slots=True)
class Benefit:
    id: UUID
    title: str
    description: str


@dataclass(frozen=True, slots=True)
class TimelinePhase:
    id: UUID
    name: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Executive:
    """A seat on the board; `id` is the seat, and stays the same when its user leaves and returns."""

    id: UUID
    user_id: UUID
    display_name: str
    title: str
    is_chair: bool


Part = Qualification | Requirement | Criterion | Benefit | TimelinePhase


class PartKind(StrEnum):
    """The lists that are replaced as a whole."""

    QUALIFICATIONS = "qualifications"
    REQUIREMENTS = "requirements"
    CRITERIA = "criteria"
    BENEFITS = "benefits"
    TIMELINE = "timeline"


def check_kept_ids(present: Sequence[Part], sent: Sequence[UUID | None]) -> None:
    """Refuse ids that this list does not have, and one id sent twice."""
    known = {part.id for part in present}
    errors: list[tuple[str, str, str]] = []
    seen: set[UUID] = set()
    for index, part_id in enumerate(sent):
        if part_id is None:
            continue
        if part_id not in known:
            errors.append((f"items.{index}.id", "unknown_id", "this list has no item with that id; leave it out"))
        elif part_id in seen:
            errors.append((f"items.{index}.id", "duplicate_id", "the same id stands here twice"))
        seen.add(part_id)
    if errors:
        raise FieldRefusalError(errors)


def check_phases(phases: Sequence[TimelinePhase]) -> None:
    """Phases follow each other in the order given: each ends after it starts, none begins before the last has ended."""
    errors = [
        (f"items.{index}.ends_at", "ends_before_start", "must be later than starts_at")
        for index, phase in enumerate(phases)
        if phase.ends_at <= phase.starts_at
    ]
    errors += [
        (f"items.{index + 1}.starts_at", "overlapping", "must not be earlier than the end of the phase before it")
        for index, (earlier, later) in enumerate(pairwise(phases))
        if later.starts_at < earlier.ends_at
    ]
    if errors:
        raise FieldRefusalError(errors)


def check_names(criteria: Sequence[Criterion]) -> None:
    """Two criteria of one name could not be told apart on a scorecard."""
    seen: set[str] = set()
    errors = []
    for index, criterion in enumerate(criteria):
        key = criterion.name.casefold()
        if key in seen:
            errors.append((f"items.{index}.name", "duplicate_name", "another criterion has this name"))
        seen.add(key)
    if errors:
        raise FieldRefusalError(errors)
