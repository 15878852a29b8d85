"""What programs says: programmes and all they consist of, as the other contexts need them."""

from datetime import date
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from contracts.fact import Amount, Count, Currency, Decimal2, Fact, Id


class CriterionSnapshot(Fact):
    """A criterion inside a programme's snapshot; not an event of its own."""

    criterion_id: Id
    name: str
    description: str
    max_score: Annotated[int, Field(ge=1, le=1000)]
    weight: Decimal2


class RequirementSnapshot(Fact):
    """A document asked for, inside a programme's snapshot."""

    requirement_id: Id
    name: str
    required: bool


class QualificationSnapshot(Fact):
    """`rule_json`: JSON `{field, op, value}` or null; a string, since a rule's value may be any number."""

    qualification_id: Id
    text: str
    rule_json: str | None


class ExecutiveSnapshot(Fact):
    """A seat on the board. `executive_id` is the seat, `user_id` who sits on it."""

    executive_id: Id
    user_id: Id
    is_chair: bool


class ProgramCreated(Fact):
    """Only what can never change: a draft may yet be deleted."""

    TYPE: ClassVar[str] = "programs.program_created.v1"
    SUBJECT: ClassVar[str] = "program_id"
    program_id: Id
    currency: Currency


class _ProgramSnapshot(Fact):
    program_id: Id
    revision: Count
    title: str
    slug: str
    status: Literal["draft", "open", "closed", "archived"]
    funder: str
    budget: Amount
    currency: Currency
    award_min: Amount
    award_max: Amount
    slots: Annotated[int, Field(ge=1, le=1_000_000)]
    open_date: date
    close_date: date
    time_zone: str
    review_quorum: Annotated[int, Field(ge=1, le=100)]
    # JSON Schema of the answers, as a string: schemas hold floats and keys that canonical JSON leaves out.
    form_json: str | None
    criteria: Annotated[list[CriterionSnapshot], Field(max_length=50)]
    requirements: Annotated[list[RequirementSnapshot], Field(max_length=50)]
    qualifications: Annotated[list[QualificationSnapshot], Field(max_length=50)]
    executives: Annotated[list[ExecutiveSnapshot], Field(max_length=100)]


class ProgramPublished(_ProgramSnapshot):
    """The whole programme, now open."""

    TYPE: ClassVar[str] = "programs.program_published.v1"
    SUBJECT: ClassVar[str] = "program_id"


class ProgramUpdated(_ProgramSnapshot):
    """The whole programme after a change; said of published ones, and of drafts too."""

    TYPE: ClassVar[str] = "programs.program_updated.v1"
    SUBJECT: ClassVar[str] = "program_id"


class ProgramClosed(Fact):
    TYPE: ClassVar[str] = "programs.program_closed.v1"
    SUBJECT: ClassVar[str] = "program_id"
    program_id: Id


class ProgramArchived(Fact):
    TYPE: ClassVar[str] = "programs.program_archived.v1"
    SUBJECT: ClassVar[str] = "program_id"
    program_id: Id


class ProgramDeleted(Fact):
    """A draft to which nobody ever applied is gone."""

    TYPE: ClassVar[str] = "programs.program_deleted.v1"
    SUBJECT: ClassVar[str] = "program_id"
    program_id: Id


class ExecutiveAdded(Fact):
    TYPE: ClassVar[str] = "programs.executive_added.v1"
    SUBJECT: ClassVar[str] = "program_id"
    program_id: Id
    executive_id: Id
    user_id: Id
    is_chair: bool


class ExecutiveRemoved(Fact):
    TYPE: ClassVar[str] = "programs.executive_removed.v1"
    SUBJECT: ClassVar[str] = "program_id"
    program_id: Id
    executive_id: Id
    user_id: Id


class UpdatePosted(Fact):
    """A ProgramUpdate; its text is read over HTTP."""

    TYPE: ClassVar[str] = "programs.update_posted.v1"
    SUBJECT: ClassVar[str] = "program_id"
    program_id: Id
    update_id: Id
    author_id: Id


FACTS: tuple[type[Fact], ...] = (
    ProgramCreated,
    ProgramPublished,
    ProgramUpdated,
    ProgramClosed,
    ProgramArchived,
    ProgramDeleted,
    ExecutiveAdded,
    ExecutiveRemoved,
    UpdatePosted,
)
