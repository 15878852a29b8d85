"""What programs answers."""

import json
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import Field, PlainSerializer

from chassis.api.values import Answer, money
from programs.domain.parts import (
    Benefit,
    Criterion,
    Executive,
    Part,
    PartKind,
    Qualification,
    Requirement,
    TimelinePhase,
)
from programs.domain.program import Program

# Exactly two digits after the point, as a string.
Amount = Annotated[Decimal, PlainSerializer(money, return_type=str)]


class QualificationAnswer(Answer):
    id: UUID
    text: str
    rule: dict[str, Any] | None

    @classmethod
    def of(cls, item: Qualification) -> Self:
        return cls(id=item.id, text=item.text, rule=None if item.rule_json is None else json.loads(item.rule_json))


class RequirementAnswer(Answer):
    id: UUID
    name: str
    description: str
    required: bool


class CriterionAnswer(Answer):
    id: UUID
    name: str
    description: str
    max_score: int
    weight: Amount


class BenefitAnswer(Answer):
    id: UUID
    title: str
    description: str


class PhaseAnswer(Answer):
    id: UUID
    name: str
    starts_at: datetime
    ends_at: datetime


PartAnswer = QualificationAnswer | RequirementAnswer | CriterionAnswer | BenefitAnswer | PhaseAnswer


def part_answer(part: Part) -> PartAnswer:
    """An item of a list as it is shown."""
    match part:
        case Qualification():
            return QualificationAnswer.of(part)
        case Requirement():
            return RequirementAnswer.model_validate(part)
        case Criterion():
            return CriterionAnswer.model_validate(part)
        case Benefit():
            return BenefitAnswer.model_validate(part)
        case TimelinePhase():
            return PhaseAnswer.model_validate(part)


class ListAnswer(Answer):
    """A list that was replaced, each item with its id."""

    items: list[PartAnswer]

    @classmethod
    def of(cls, program: Program, kind: PartKind) -> Self:
        return cls(items=[part_answer(part) for part in program.list_of(kind)])


class FormAnswer(Answer):
    json_schema: Annotated[dict[str, Any], Field(alias="schema")]


class ExecutiveAnswer(Answer):
    """A seat on a board as the public sees it."""

    id: UUID
    display_name: str
    title: str
    is_chair: bool


class SeatAnswer(ExecutiveAnswer):
    """A seat as an admin sees it: with who sits on it."""

    user_id: UUID

    @classmethod
    def of(cls, executive: Executive) -> Self:
        return cls.model_validate(executive)


def board_of(program: Program, *, to_admin: bool) -> list[ExecutiveAnswer] | list[SeatAnswer]:
    """The board, the chair first."""
    if to_admin:
        return [SeatAnswer.of(executive) for executive in program.executives]
    return [ExecutiveAnswer.model_validate(executive) for executive in program.executives]


class BoardAnswer(Answer):
    items: list[SeatAnswer] | list[ExecutiveAnswer]
    next_cursor: None = None


def _own_fields(program: Program) -> dict[str, Any]:
    own = {name: getattr(program.details, name) for name in program.details.__slots__}
    return own | {
        "id": program.id,
        "slug": program.slug,
        "status": program.status.value,
        "created_at": program.created_at,
        "updated_at": program.updated_at,
    }


class ProgramSummary(Answer):
    """A programme in a list: without its parts."""

    id: UUID
    slug: str
    title: str
    summary: str
    description: str
    category: str
    status: str
    funder: str
    budget: Amount
    currency: str
    award_min: Amount
    award_max: Amount
    slots: int
    location: str | None
    open_date: date
    close_date: date
    time_zone: str
    review_quorum: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of_program(cls, program: Program) -> Self:
        return cls(**_own_fields(program))


class ProgramPage(Answer):
    items: list[ProgramSummary]
    next_cursor: str | None


class ProgramAnswer(ProgramSummary):
    """A programme with everything it consists of. `form` is the JSON Schema of the answers, or null."""

    form: dict[str, Any] | None
    qualifications: list[QualificationAnswer]
    requirements: list[RequirementAnswer]
    criteria: list[CriterionAnswer]
    benefits: list[BenefitAnswer]
    timeline: list[PhaseAnswer]
    executives: list[SeatAnswer] | list[ExecutiveAnswer]

    @classmethod
    def of(cls, program: Program, *, to_admin: bool) -> Self:
        lists: dict[str, Any] = {kind.value: [part_answer(part) for part in program.list_of(kind)] for kind in PartKind}
        return cls(
            form=None if program.form_json is None else json.loads(program.form_json),
            executives=board_of(program, to_admin=to_admin),
            **_own_fields(program),
            **lists,
        )


class UpdateAnswer(Answer):
    id: UUID
    program_id: UUID
    title: str
    body: str
    created_at: datetime


class UpdatePage(Answer):
    items: list[UpdateAnswer]
    next_cursor: str | None


class CategoryAnswer(Answer):
    category: str
    programs: int
    open_programs: int


class CategoryPage(Answer):
    items: list[CategoryAnswer]
    next_cursor: None = None
