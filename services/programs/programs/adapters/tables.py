"""The tables of programs."""

from typing import Any, Final

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    Date,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    Numeric,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import TSVECTOR

from chassis.tables import service_metadata

metadata = service_metadata()

# 18 digits before the point, two after it: every amount of numeric(20,2).
MONEY: Final = Numeric(20, 2)
TIME: Final = DateTime(timezone=True)
# Written as PostgreSQL spells it back, so that tables in code and in the database compare equal.
SEARCH: Final = (
    "((setweight(to_tsvector('english'::regconfig, (title)::text), 'A'::\"char\")"
    " || setweight(to_tsvector('english'::regconfig, summary), 'B'::\"char\"))"
    " || setweight(to_tsvector('english'::regconfig, description), 'C'::\"char\"))"
)


def _times() -> tuple[Column[Any], Column[Any]]:
    now = func.clock_timestamp()
    return (
        Column("created_at", TIME, nullable=False, server_default=now),
        Column("updated_at", TIME, nullable=False, server_default=now),
    )


programs = Table(
    "programs",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("slug", String(100), nullable=False, unique=True),
    Column("status", String(20), nullable=False),
    Column("version", Integer, nullable=False),
    Column("title", String(200), nullable=False),
    Column("summary", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("category", String(100), nullable=False),
    Column("funder", String(200), nullable=False),
    Column("budget", MONEY, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("award_min", MONEY, nullable=False),
    Column("award_max", MONEY, nullable=False),
    Column("slots", Integer, nullable=False),
    Column("location", String(255)),
    Column("open_date", Date, nullable=False),
    Column("close_date", Date, nullable=False),
    Column("time_zone", String(64), nullable=False),
    Column("review_quorum", Integer, nullable=False),
    # Text, not jsonb: the order of a form's questions is the order in which they are asked.
    Column("form_json", Text),
    Column("created_by", Uuid, nullable=False),
    Column("applied_at", TIME),
    Column("funded_at", TIME),
    Column("criteria_frozen_at", TIME),
    *_times(),
    Column("search", TSVECTOR, Computed(SEARCH, persisted=True)),
    CheckConstraint("status IN ('draft', 'open', 'closed', 'archived')", name="status"),
    CheckConstraint("award_min > 0 AND award_min <= award_max AND award_max <= budget", name="award_range"),
    CheckConstraint("slots > 0 AND review_quorum > 0", name="counts"),
    Index("ix_programs_status_category", "status", "category"),
    Index("ix_programs_close_date", "close_date", "id"),
    Index("ix_programs_created_at", text("created_at DESC"), text("id DESC")),
    Index("ix_programs_category_created_at", "category", text("created_at DESC"), text("id DESC")),
    Index("ix_programs_award_max", "award_max", "id"),
    Index("ix_programs_search", "search", postgresql_using="gin"),
)


def _part(name: str, *columns: Column[Any]) -> Table:
    return Table(
        name,
        metadata,
        Column("id", Uuid, primary_key=True),
        Column("program_id", Uuid, ForeignKey("programs.id", ondelete="CASCADE"), nullable=False),
        Column("position", Integer, nullable=False),
        *columns,
        *_times(),
        Index(f"ix_{name}_program_id", "program_id", "position"),
    )


qualifications = _part(
    "qualifications",
    Column("text", Text, nullable=False),
    Column("rule_json", Text),
)

requirements = _part(
    "requirements",
    Column("name", String(200), nullable=False),
    Column("description", Text, nullable=False),
    Column("required", Boolean, nullable=False),
)

criteria = _part(
    "criteria",
    Column("name", String(200), nullable=False),
    Column("description", Text, nullable=False),
    Column("max_score", Integer, nullable=False),
    Column("weight", Numeric(5, 2), nullable=False),
)

benefits = _part(
    "benefits",
    Column("title", String(200), nullable=False),
    Column("description", Text, nullable=False),
)

timeline_phases = _part(
    "timeline_phases",
    Column("name", String(200), nullable=False),
    Column("starts_at", TIME, nullable=False),
    Column("ends_at", TIME, nullable=False),
)

executives = Table(
    "executives",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("program_id", Uuid, ForeignKey("programs.id", ondelete="CASCADE"), nullable=False),
    Column("user_id", Uuid, nullable=False),
    Column("display_name", String(255), nullable=False),
    Column("title", String(200), nullable=False),
    Column("is_chair", Boolean, nullable=False),
    # A seat that was left stays known: whoever returns gets the same one.
    Column("removed_at", TIME),
    *_times(),
    UniqueConstraint("program_id", "user_id"),
    Index("ix_executives_user_id", "user_id"),
    Index(
        "uq_executives_chair",
        "program_id",
        unique=True,
        postgresql_where=text("is_chair AND removed_at IS NULL"),
    ),
)

program_updates = Table(
    "program_updates",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("program_id", Uuid, ForeignKey("programs.id", ondelete="CASCADE"), nullable=False),
    Column("author_id", Uuid, nullable=False),
    Column("title", String(200), nullable=False),
    Column("body", Text, nullable=False),
    *_times(),
    Index("ix_program_updates_program_id", "program_id", text("id DESC")),
)
