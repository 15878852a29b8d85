"""A video as every answer shows it (09-bodies)."""

from typing import Any

from applications.api.dependencies import Wiring
from applications.domain.video_record import Video
from chassis.clock import rfc3339


async def video_answer(wired: Wiring, video: Video) -> dict[str, Any]:
    """The body of a video, with URLs signed for as long as the settings say once it is ready."""
    seconds = wired.settings.signed_url_seconds
    video_url = thumbnail_url = None
    if video.status == "ready":
        video_url = await wired.storage.get_url(video.object_key, seconds, video.content_type)
        if video.thumbnail_key is not None:
            thumbnail_url = await wired.storage.get_url(video.thumbnail_key, seconds, "image/jpeg")
    duration = video.duration_milliseconds
    return {
        "id": str(video.id),
        "status": video.status,
        "video_url": video_url,
        "duration_seconds": None if duration is None else round(duration / 1000, 3),
        "thumbnail_url": thumbnail_url,
        "transcript": video.transcript,
        "sha256": video.sha256,
        "uploaded_at": None if video.uploaded_at is None else rfc3339(video.uploaded_at),
        "refusal_code": video.refusal_code,
    }
