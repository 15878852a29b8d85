"""What the use cases need from the outside; the adapters keep these promises."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from applications.domain.application import Application, TimelineEntry
from applications.domain.document import Document
from applications.domain.program import Program, Seat
from applications.use_cases.board_ports import (
    Appeals,
    Awards,
    BoardAnnouncements,
    Decisions,
    Disbursements,
    Reviews,
    Submissions,
)
from applications.use_cases.media_ports import Interviews, MediaAnnouncements, Videos
from applications.use_cases.queue_ports import Queue


class Applications(Protocol):
    async def add(self, application: Application) -> None:
        """Raises ApplicationExistsError when there is a live one of the same person and programme."""
        ...

    async def find(self, application_id: UUID) -> Application | None: ...
    async def get_locked(self, application_id: UUID) -> Application:
        """Locked until the unit of work ends; raises NotFoundError."""
        ...

    async def get_owned(self, application_id: UUID, user_id: UUID, *, locked: bool = False) -> Application:
        """Raises NotFoundError for what is not there and for what is another person's."""
        ...

    async def save(self, application: Application, event: str | None = None, reason: str | None = None) -> None:
        """Writes all but the answers, one version on; `event` (and the `reason` given) goes into its timeline."""
        ...

    async def save_answers(self, application: Application) -> None:
        """Writes all of it, one version on."""
        ...

    async def note(self, application: Application, event: str, reason: str | None = None) -> None:
        """Only a line in its timeline."""
        ...

    async def timeline(self, application: Application) -> list[TimelineEntry]:
        """Oldest first."""
        ...

    async def set_blocks(self, hashes: Mapping[UUID, str]) -> None:
        """Block hashes by the event they record: those that record a decision of ours are kept with it."""
        ...

    async def live_of(self, user_id: UUID) -> list[UUID]:
        """Applications of a person that the board has not decided."""
        ...

    async def lock_all_of(self, user_id: UUID) -> None:
        """Every application of a person, decided or not, until the end of the unit of work."""
        ...

    async def is_erased(self, user_id: UUID) -> bool: ...

    async def page_of_owner(self, user_id: UUID, before: UUID | None, limit: int) -> list[Application]:
        """Newest first, `limit + 1` of them at most."""
        ...


class Programs(Protocol):
    async def find(self, program_id: UUID) -> Program | None: ...
    async def find_seat(self, program_id: UUID, user_id: UUID) -> Seat | None:
        """The user's present seat on the programme's board."""
        ...

    async def seats(self, program_id: UUID) -> list[Seat]:
        """The present board."""
        ...

    async def keep_new(self, program_id: UUID, currency: str) -> None: ...
    async def keep_snapshot(
        self, program_id: UUID, status: str, currency: str, revision: int, snapshot: dict[str, Any]
    ) -> bool:
        """The whole programme as `programs` says it; False: an older revision, which changes nothing."""
        ...

    async def keep_board(self, program_id: UUID, board: Sequence[tuple[UUID, UUID, bool]]) -> None:
        """The whole board: (seat, user, is chair) each; who is not in it has left."""
        ...

    async def add_seat(self, program_id: UUID, executive_id: UUID, user_id: UUID, *, is_chair: bool) -> None: ...
    async def remove_seat(self, executive_id: UUID) -> None: ...
    async def set_status(self, program_id: UUID, status: str) -> None: ...
    async def forget(self, program_id: UUID) -> None: ...


class Documents(Protocol):
    async def of(self, application_ids: Sequence[UUID]) -> list[Document]: ...
    async def add(self, document: Document, owner_id: UUID) -> None: ...
    async def remove(self, document: Document) -> None:
        """The object itself goes later, when the unit of work has been committed."""
        ...


class AbandonedObjects(Protocol):
    async def add(self, *object_keys: str) -> None:
        """Objects that nothing refers to any more: deleted after the commit, by the worker."""
        ...

    async def expect(self, object_key: str, until: datetime) -> None:
        """An object that is about to be written: deleted after `until` unless someone keeps it before."""
        ...

    async def lock_due(self) -> str | None:
        """One whose time has come and that no other worker holds."""
        ...

    async def keep(self, object_key: str) -> bool:
        """Something refers to it now; False when it was too late."""
        ...


class Announcements(MediaAnnouncements, BoardAnnouncements, Protocol):
    """Says to the other contexts what happened; each returns the event's id. Written at the commit."""

    def started(self, application: Application) -> UUID: ...
    def reopened(self, application: Application) -> UUID: ...
    def submitted(self, application: Application, submission_sha256: str) -> UUID: ...
    def withdrawn(self, application: Application) -> UUID: ...


class Desk(Protocol):
    """Everything a use case may touch, within one unit of work."""

    @property
    def now(self) -> datetime: ...
    @property
    def applications(self) -> Applications: ...
    @property
    def programs(self) -> Programs: ...
    @property
    def documents(self) -> Documents: ...
    @property
    def videos(self) -> Videos: ...
    @property
    def interviews(self) -> Interviews: ...
    @property
    def submissions(self) -> Submissions: ...
    @property
    def reviews(self) -> Reviews: ...
    @property
    def decisions(self) -> Decisions: ...
    @property
    def appeals(self) -> Appeals: ...
    @property
    def awards(self) -> Awards: ...
    @property
    def disbursements(self) -> Disbursements: ...
    @property
    def queue(self) -> Queue: ...
    @property
    def abandoned_objects(self) -> AbandonedObjects: ...
    @property
    def announce(self) -> Announcements: ...
