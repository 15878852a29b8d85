"""The applicant says that the file has been put at the signed address: it is looked at, and the worker is told."""

from uuid import UUID

from applications.domain.application import Application
from applications.domain.refusals import NotFoundError
from applications.domain.storage import ObjectStorage
from applications.domain.video import (
    SIGNATURE_BYTES,
    NotAVideoError,
    SizeMismatchError,
    UploadExpiredError,
    UploadMissingError,
    content_type_of,
    part_count,
)
from applications.domain.video_record import Video
from applications.use_cases.freeze_answers import freeze_answers
from applications.use_cases.ports import Desk
from applications.use_cases.request_upload import COMPLETION_GRACE


async def find_upload(desk: Desk, application: Application, upload_id: UUID) -> Video:
    """The upload, or the video that has become of it.

    Raises:
        NotFoundError: not an upload of this application, or another has taken its place.
        UploadExpiredError
    """
    video = await desk.videos.find(application.id, upload_id)
    if video is None:
        raise NotFoundError
    if video.status == "awaiting_upload":
        expires_at = video.upload_expires_at
        if expires_at is None or desk.now > expires_at + COMPLETION_GRACE / 2:
            raise UploadExpiredError
    return video


async def check_arrival(storage: ObjectStorage, video: Video) -> str:
    """Look at what lies at the address; answers its content type. Outside any transaction: joining parts takes time.

    Raises:
        UploadMissingError, SizeMismatchError, NotAVideoError, StorageUnavailableError
    """
    key = video.incoming_key or video.object_key
    count = part_count(video.size_bytes or 0)
    if video.storage_upload_id is not None and not await storage.join_parts(key, video.storage_upload_id, count):
        raise UploadMissingError
    size_bytes = await storage.find_size(key)
    if size_bytes is None:
        raise UploadMissingError
    if size_bytes != video.size_bytes:
        raise SizeMismatchError(size_bytes)
    content_type = content_type_of(await storage.read_head(key, SIGNATURE_BYTES))
    if content_type is None:
        raise NotAVideoError
    return content_type


async def complete_upload(desk: Desk, application: Application, video: Video, content_type: str) -> None:
    """The application must be locked, the video found under that lock. Completing again changes nothing.

    Raises:
        IllegalStateError, FormIncompleteError
    """
    if video.status != "awaiting_upload":
        return
    # A draft that was reopened since is checked and frozen again.
    await freeze_answers(desk, application)
    video.content_type = content_type
    video.arrived(desk.now)
    await desk.videos.save(video, application.user_id)
    await desk.applications.save(application, "video_uploaded")
    desk.announce.video_uploaded(application, video)
