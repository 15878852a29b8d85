"""Videos in PostgreSQL: their transcripts sealed under the applicant's key."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import insert, select, update
from sqlalchemy.engine import Row

from applications.adapters.document_repository import AbandonedObjectRepository
from applications.adapters.tables import applications, videos
from applications.domain.video_record import Video
from chassis.database import UnitOfWork
from chassis.personal_data import Vault

TRANSCRIPT: Final = "videos.transcript"
# What changes while a video is worked on; the rest is fixed when it is added.
_CHANGING: Final = (
    "status",
    "content_type",
    "incoming_key",
    "storage_upload_id",
    "thumbnail_key",
    "duration_milliseconds",
    "transcriber",
    "refusal_code",
    "uploaded_at",
    "process_after",
)
_FIXED: Final = ("id", "application_id", "object_key", "size_bytes", "sha256", "upload_expires_at", "created_at")
_COPIED: Final = (*_FIXED, *_CHANGING, "process_attempts")


class VideoRepository:
    """Keeps the promises of `use_cases.media_ports.Videos`."""

    def __init__(self, work: UnitOfWork, vault: Vault) -> None:
        self._work = work
        self._connection = work.connection
        self._vault = vault

    async def shown(self, application_ids: Sequence[UUID]) -> Mapping[UUID, Video]:
        statement = (
            select(videos, applications.c.user_id)
            .join(applications, applications.c.id == videos.c.application_id)
            .where(videos.c.application_id.in_(application_ids), videos.c.superseded_at.is_(None))
            # Uploads still awaited first, so that the one that is there wins.
            .order_by((videos.c.status != "awaiting_upload"), videos.c.id)
        )
        found = {}
        for row in await self._connection.execute(statement):
            video = _video(row)
            video.transcript = await self._vault.find(self._connection, row.user_id, row.sealed_transcript, TRANSCRIPT)
            found[row.application_id] = video
        return found

    async def add(self, video: Video) -> None:
        if video.status != "awaiting_upload":
            await self._supersede_others(video)
        await self._connection.execute(
            insert(videos).values({name: getattr(video, name) for name in (*_FIXED, *_CHANGING)})
        )

    async def find(self, application_id: UUID, video_id: UUID) -> Video | None:
        statement = select(videos).where(
            videos.c.id == video_id, videos.c.application_id == application_id, videos.c.superseded_at.is_(None)
        )
        row = (await self._connection.execute(statement.with_for_update())).first()
        return None if row is None else _video(row)

    async def save(self, video: Video, owner_id: UUID) -> None:
        if video.status != "awaiting_upload":
            await self._supersede_others(video)
        values: dict[str, Any] = {name: getattr(video, name) for name in _CHANGING}
        if video.transcript is not None:
            values["sealed_transcript"] = await self._vault.seal(
                self._connection, owner_id, video.transcript, TRANSCRIPT
            )
        await self._connection.execute(
            update(videos).where(videos.c.id == video.id).values(**values, updated_at=self._work.now)
        )

    async def wake(self, video_id: UUID) -> None:
        statement = update(videos).where(
            videos.c.id == video_id,
            videos.c.status == "processing",
            videos.c.process_after.is_(None),
            videos.c.superseded_at.is_(None),
        )
        await self._connection.execute(statement.values(process_after=self._work.now))

    async def claim_due(self, until: datetime) -> Video | None:
        due = (
            select(videos.c.id)
            .where(videos.c.process_after <= self._work.now, videos.c.status == "processing")
            .order_by(videos.c.process_after)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        statement = (
            update(videos)
            .where(videos.c.id == due.scalar_subquery())
            .values(process_after=until, process_attempts=videos.c.process_attempts + 1)
            .returning(videos)
        )
        row = (await self._connection.execute(statement)).first()
        return None if row is None else _video(row)

    async def extend_claim(self, video: Video, until: datetime) -> bool:
        statement = update(videos).where(
            videos.c.id == video.id,
            videos.c.process_attempts == video.process_attempts,
            videos.c.status == "processing",
            videos.c.superseded_at.is_(None),
        )
        return (await self._connection.execute(statement.values(process_after=until))).rowcount == 1

    async def find_claimed(self, video: Video) -> Video | None:
        statement = select(videos).where(
            videos.c.id == video.id,
            videos.c.process_attempts == video.process_attempts,
            videos.c.status == "processing",
            videos.c.superseded_at.is_(None),
        )
        row = (await self._connection.execute(statement.with_for_update())).first()
        return None if row is None else _video(row)

    async def give_up(self, video: Video) -> None:
        await self._connection.execute(update(videos).where(videos.c.id == video.id).values(process_after=None))

    async def _supersede_others(self, video: Video) -> None:
        statement: Any = update(videos).where(
            videos.c.application_id == video.application_id, videos.c.id != video.id, videos.c.superseded_at.is_(None)
        )
        statement = statement.values(superseded_at=self._work.now, process_after=None)
        replaced = await self._connection.execute(statement.returning(videos.c.object_key, videos.c.thumbnail_key))
        keys = [key for row in replaced.all() for key in row if key is not None]
        await AbandonedObjectRepository(self._work).add(*keys)


def _video(row: Row[Any]) -> Video:
    """Without its transcript, which takes its owner's key."""
    return Video(**{name: getattr(row, name) for name in _COPIED})
