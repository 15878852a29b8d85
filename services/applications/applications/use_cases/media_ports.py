"""What the use cases about video and interview need from the outside; the adapters keep these promises."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol
from uuid import UUID

from applications.domain.application import Application
from applications.domain.interview import Finding, Provenance, Said
from applications.domain.interview_record import Interview, Opinion, Recorded
from applications.domain.video import Probe
from applications.domain.video_record import Video


class Videos(Protocol):
    async def shown(self, application_ids: Sequence[UUID]) -> Mapping[UUID, Video]:
        """The video of each application that has one: the current one, else the one whose upload is awaited."""
        ...

    async def add(self, video: Video) -> None:
        """Keep a new video; one whose file is there takes the place of those before it."""
        ...

    async def find(self, application_id: UUID, video_id: UUID) -> Video | None:
        """A video that nothing has taken the place of, locked."""
        ...

    async def save(self, video: Video, owner_id: UUID) -> None: ...

    async def wake(self, video_id: UUID) -> None:
        """Let a worker take it up, when it still has to be looked at and none has been told."""
        ...

    async def claim_due(self, until: datetime) -> Video | None:
        """Take up a video that waits, for as long as `until`; no two workers get the same."""
        ...

    async def extend_claim(self, video: Video, until: datetime) -> bool:
        """Go on holding it; False when another has taken it up."""
        ...

    async def find_claimed(self, video: Video) -> Video | None:
        """The video as it is now, locked; None when another has taken it up, or it needs nobody any more."""
        ...

    async def give_up(self, video: Video) -> None:
        """Nobody is to look at it any more."""
        ...


class Interviews(Protocol):
    """The application must be locked before an interview is changed."""

    async def find(self, application_id: UUID) -> Interview | None: ...
    async def add(self, interview: Interview) -> None: ...
    async def save(self, interview: Interview) -> None: ...

    async def recorded(self, interview: Interview, owner_id: UUID) -> list[Recorded]:
        """Every message in order."""
        ...

    async def add_message(
        self, interview: Interview, position: int, said: Said, owner_id: UUID, provenance: Provenance | None = None
    ) -> None: ...

    async def add_finding(self, message_id: UUID, finding: Finding, owner_id: UUID) -> None: ...

    async def keep_transcript(self, interview: Interview, transcript: bytes, salt: bytes, owner_id: UUID) -> None: ...

    async def find_salt(self, interview: Interview, owner_id: UUID) -> bytes | None:
        """What the transcript was hashed with; None before the end, or when its person has been erased."""
        ...

    async def find_transcript_sha256(self, application_id: UUID) -> str | None: ...

    async def contest(self, message_id: UUID, reason: str, owner_id: UUID) -> None:
        """Raises AlreadyContestedError."""
        ...

    async def contests(self, interview: Interview, owner_id: UUID) -> Mapping[UUID, str | None]:
        """What the applicant wrote against each contested flag, by message id; None once erased."""
        ...

    async def claim_scoring(self, until: datetime) -> Interview | None:
        """Take up a completed interview that waits for its score; no two workers get the same."""
        ...

    async def keep_opinion(self, interview: Interview, opinion: Opinion, owner_id: UUID) -> bool:
        """False when another worker was quicker."""
        ...

    async def find_opinion(self, interview: Interview, owner_id: UUID) -> Opinion | None: ...

    async def postpone_scoring(self, interview: Interview, due_at: datetime | None) -> None:
        """Try again then, or never."""
        ...


class MediaAnnouncements(Protocol):
    def video_uploaded(self, application: Application, video: Video) -> UUID: ...
    def video_ready(self, application: Application, video: Video) -> UUID: ...
    def video_refused(self, application: Application, video: Video) -> UUID: ...
    def interview_started(self, application: Application, interview: Interview) -> UUID: ...
    def interview_message_recorded(
        self, application: Application, interview: Interview, said: Said, finding: Finding
    ) -> UUID: ...
    def interview_completed(self, application: Application, interview: Interview, messages: int) -> UUID: ...
    def interview_scored(self, application: Application, interview: Interview, flags: int) -> UUID: ...


class VideoProber(Protocol):
    async def __call__(self, path: Path, folder: Path) -> Probe:
        """Look into a file; leaves `speech.wav` in `folder` when there is a sound track.

        Raises:
            UnreadableVideoError
        """
        ...
