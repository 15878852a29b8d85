"""How programmes and their parts stand in rows."""

from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any, Final

from sqlalchemy import RowMapping, Table

from programs.adapters import tables
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
from programs.domain.program import Details, Program, Status

PART_TABLES: Final[dict[PartKind, tuple[Table, type[Part]]]] = {
    PartKind.QUALIFICATIONS: (tables.qualifications, Qualification),
    PartKind.REQUIREMENTS: (tables.requirements, Requirement),
    PartKind.CRITERIA: (tables.criteria, Criterion),
    PartKind.BENEFITS: (tables.benefits, Benefit),
    PartKind.TIMELINE: (tables.timeline_phases, TimelinePhase),
}
_DETAILS: Final = tuple(item.name for item in fields(Details))
_OWN: Final = (
    "id",
    "slug",
    "version",
    "form_json",
    "created_by",
    "created_at",
    "updated_at",
    "applied_at",
    "funded_at",
    "criteria_frozen_at",
)


def program_of(row: RowMapping) -> Program:
    """A programme without its parts."""
    details = Details(**{name: row[name] for name in _DETAILS})
    return Program(details=details, status=Status(row["status"]), **{name: row[name] for name in _OWN})


def row_of(program: Program) -> dict[str, Any]:
    """The programme's own columns."""
    own = {name: getattr(program, name) for name in _OWN}
    details = {name: getattr(program.details, name) for name in _DETAILS}
    return {**own, **details, "status": program.status.value}


def part_of(kind: PartKind, row: RowMapping) -> Part:
    cls = PART_TABLES[kind][1]
    return cls(**{item.name: row[item.name] for item in fields(cls)})


def part_rows_of(program: Program, parts: Sequence[Part]) -> list[dict[str, Any]]:
    """Rows that keep the order of the list."""
    return [{**asdict(part), "program_id": program.id, "position": index} for index, part in enumerate(parts)]


def executive_of(row: RowMapping) -> Executive:
    return Executive(**{item.name: row[item.name] for item in fields(Executive)})
