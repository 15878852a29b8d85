"""The applicant asks for an address to which a video may be put straight into object storage."""

from dataclasses import dataclass
from datetime import timedelta

from applications.domain.application import Application
from applications.domain.storage import ObjectStorage, SignedPart
from applications.domain.video import part_count
from applications.domain.video_record import Video
from applications.use_cases.freeze_answers import freeze_answers
from applications.use_cases.ports import Desk
from applications.use_cases.receive_video import video_key
from chassis.ids import new_id

# How long after its address has run out a file may still be completed; then it is deleted.
COMPLETION_GRACE = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Upload:
    """Either one `url` for the whole file, or `parts` for a large one."""

    video: Video
    url: str | None
    parts: tuple[SignedPart, ...]


async def request_upload(
    desk: Desk,
    storage: ObjectStorage,
    application: Application,
    *,
    content_type: str,
    size_bytes: int,
    sha256: str,
    expires_seconds: int,
) -> Upload:
    """The application must be locked: it moves to `video_pending` as with any first upload.

    Raises:
        IllegalStateError, FormIncompleteError, ProgramNotOpenError, StorageUnavailableError
    """
    await freeze_answers(desk, application)
    video_id = new_id()
    key = video_key(application, video_id)
    video = Video(
        id=video_id,
        application_id=application.id,
        status="awaiting_upload",
        object_key=key,
        # The client writes beside the place where the video is kept: its address lives on after the file was checked.
        incoming_key=f"{key}.incoming",
        content_type=content_type,
        created_at=desk.now,
        size_bytes=size_bytes,
        sha256=sha256,
        upload_expires_at=desk.now + timedelta(seconds=expires_seconds),
    )
    incoming_key = f"{key}.incoming"
    count = part_count(size_bytes)
    url: str | None = None
    parts: tuple[SignedPart, ...] = ()
    if count:
        signed = await storage.start_parts(incoming_key, count, expires_seconds, content_type)
        video.storage_upload_id, parts = signed.storage_upload_id, tuple(signed.parts)
    else:
        url = await storage.get_upload_url(incoming_key, expires_seconds)
    await desk.videos.add(video)
    # Whatever comes of it, the incoming object goes one day: the video is copied from there.
    await desk.abandoned_objects.expect(incoming_key, desk.now + COMPLETION_GRACE)
    await desk.applications.save(application, "video_upload_requested")
    return Upload(video, url, parts)
