"""A video as it is kept: where it lies, what state it is in, what was found in it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

VideoStatus = Literal["awaiting_upload", "processing", "ready", "refused"]


@dataclass(slots=True)
class Video:
    """`sha256`: hex of the stored bytes, as declared while the upload is awaited.

    A file that came through a signed address lies at `incoming_key` until the worker has copied it to `object_key`,
    which no address can write to; `storage_upload_id` is set for an upload in parts.
    `process_attempts` counts how often a worker took it up, and is the fence of the one that did last.
    """

    id: UUID
    application_id: UUID
    status: VideoStatus
    object_key: str
    content_type: str
    created_at: datetime
    size_bytes: int | None = None
    sha256: str | None = None
    incoming_key: str | None = None
    storage_upload_id: str | None = None
    upload_expires_at: datetime | None = None
    thumbnail_key: str | None = None
    duration_milliseconds: int | None = None
    transcript: str | None = None
    transcriber: str | None = None
    refusal_code: str | None = None
    uploaded_at: datetime | None = None
    process_after: datetime | None = None
    process_attempts: int = 0

    def arrived(self, now: datetime) -> None:
        """The file is there; the worker looks at it next."""
        self.status = "processing"
        self.uploaded_at = now

    def accept(self, duration_milliseconds: int, thumbnail_key: str | None) -> None:
        self.status = "ready"
        self.duration_milliseconds = duration_milliseconds
        self.thumbnail_key = thumbnail_key
        self.process_after = None

    def refuse(self, code: str) -> None:
        self.status = "refused"
        self.refusal_code = code
        self.process_after = None
