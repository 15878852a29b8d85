"""A video has come in through the service: the answers are frozen, and the worker is told to look at it."""

from uuid import UUID

from applications.domain.application import Application, Status
from applications.domain.storage import StoredObject, application_prefix
from applications.domain.video import UploadExpiredError
from applications.domain.video_record import Video
from applications.use_cases.freeze_answers import freeze_answers, require_complete
from applications.use_cases.ports import Desk


def video_key(application: Application, video_id: UUID) -> str:
    """Where a video lies for good."""
    return f"{application_prefix(application.user_id, application.id)}videos/{video_id}"


async def require_room_for_video(desk: Desk, application: Application) -> None:
    """What can be known before the first byte is read: the state, and that answers and documents are complete.

    Raises:
        IllegalStateError, FormIncompleteError, ProgramNotOpenError
    """
    application.require(Status.DRAFT, Status.VIDEO_PENDING)
    if application.status is Status.DRAFT:
        await require_complete(desk, application)


async def receive_video(
    desk: Desk, application: Application, *, video_id: UUID, content_type: str, stored: StoredObject
) -> Video:
    """The application must be locked; the object is kept from now on.

    Raises:
        IllegalStateError, FormIncompleteError, ProgramNotOpenError
        UploadExpiredError: the upload took so long that its object was given up.
    """
    await freeze_answers(desk, application)
    key = video_key(application, video_id)
    if not await desk.abandoned_objects.keep(key):
        raise UploadExpiredError
    video = Video(
        id=video_id,
        application_id=application.id,
        status="processing",
        object_key=key,
        content_type=content_type,
        created_at=desk.now,
        size_bytes=stored.size_bytes,
        sha256=stored.sha256,
        uploaded_at=desk.now,
    )
    await desk.videos.add(video)
    await desk.applications.save(application, "video_uploaded")
    desk.announce.video_uploaded(application, video)
    return video
