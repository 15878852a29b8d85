"""What the use cases need from the outside, all within one unit of work; the adapters keep these promises."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from chassis.database import UnitOfWork
from programs.domain.parts import Executive
from programs.domain.program import Program
from programs.domain.search import Filters


@dataclass(frozen=True, slots=True)
class ProgramUpdate:
    """News of a programme, written by an admin."""

    id: UUID
    program_id: UUID
    author_id: UUID
    title: str
    body: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class CategoryCount:
    """How many public programmes a category has, and how many of them are open."""

    category: str
    programs: int
    open_programs: int


class Programs(Protocol):
    async def get_locked(self, program_id: UUID) -> Program:
        """The programme, which nobody else changes until the unit of work ends. Raises NotFoundError."""
        ...

    async def find_locked(self, program_id: UUID) -> Program | None: ...
    async def find(self, program_id: UUID) -> Program | None:
        """The programme as it is, for reading."""
        ...

    async def add(self, program: Program) -> None:
        """Keeps a new programme; gives it another slug when its own is taken."""
        ...

    async def save(self, program: Program) -> None: ...
    async def remove(self, program_id: UUID) -> None: ...
    async def find_seat_id(self, program_id: UUID, user_id: UUID) -> UUID | None:
        """The seat a user has or had on this board."""
        ...

    async def ids_with_seat_of(self, user_id: UUID) -> list[UUID]: ...
    async def forget_person(self, user_id: UUID) -> None:
        """Blank the names under which a user was shown."""
        ...

    async def add_update(self, update: ProgramUpdate) -> None: ...


class Catalogue(Protocol):
    """Lists for readers: each gives one item more than `limit` when there is more."""

    async def programs(
        self, filters: Filters, *, sort: str, after: tuple[Any, UUID] | None, limit: int
    ) -> list[Program]:
        """Programmes without their parts; `after`: the sort key and id of the last one seen."""
        ...

    async def categories(self) -> list[CategoryCount]: ...
    async def updates(self, program_id: UUID, *, after: UUID | None, limit: int) -> list[ProgramUpdate]:
        """The newest first."""
        ...


class Announcements(Protocol):
    def created(self, program: Program) -> None: ...
    def updated(self, program: Program) -> None:
        """The whole programme. Raises ProgramTooLargeError when it does not fit an event."""
        ...

    def published(self, program: Program) -> None: ...
    def closed(self, program: Program) -> None: ...
    def archived(self, program: Program) -> None: ...
    def deleted(self, program: Program) -> None: ...
    def seated(self, program: Program, executive: Executive) -> None: ...
    def unseated(self, program: Program, executive: Executive) -> None: ...
    def update_posted(self, update: ProgramUpdate) -> None: ...


class People(Protocol):
    async def role_of(self, user_id: UUID) -> str | None:
        """As far as this service has heard; None for someone unknown, suspended or erased."""
        ...


class Desk(Protocol):
    """Everything above, in one unit of work."""

    @property
    def now(self) -> datetime: ...
    @property
    def programs(self) -> Programs: ...
    @property
    def catalogue(self) -> Catalogue: ...
    @property
    def people(self) -> People: ...
    @property
    def announce(self) -> Announcements: ...


class Precondition(Protocol):
    """What the caller last read (If-Match)."""

    def check(self, version: int) -> None:
        """Refuse with StaleVersionError when that was another version."""
        ...


# Bootstrap hands this to routers and consumers: they know no adapter.
DeskOpener = Callable[[UnitOfWork], Desk]
