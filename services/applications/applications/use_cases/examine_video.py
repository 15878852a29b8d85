"""The worker looks at an uploaded video: is it whole, how long is it, what is said in it, how does it look."""

import asyncio
import hashlib
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

import structlog

from applications.domain.refusals import NotFoundError
from applications.domain.storage import ObjectStorage, StorageUnavailableError
from applications.domain.transcription import Transcriber, TranscriberUnavailableError
from applications.domain.video import (
    SIGNATURE_BYTES,
    UnreadableVideoError,
    VideoLimits,
    content_type_of,
    refusal_of,
)
from applications.domain.video_record import Video
from applications.use_cases.media_ports import VideoProber
from applications.use_cases.ports import Desk
from chassis.personal_data import SubjectErasedError

log = structlog.get_logger(__name__)

# A claim is renewed while the work goes on; a worker that died is replaced after this long.
CLAIM: Final = timedelta(seconds=20)
RENEW_SECONDS: Final = 5
# A recogniser that stays away this often does not hold the application up any longer: no transcript then.
TRANSCRIPTION_ATTEMPTS_MAX: Final = 4
RETRY_SECONDS_FIRST: Final = 2
RETRY_SECONDS_MAX: Final = 120

OpenDesk = Callable[[], AbstractAsyncContextManager[Desk]]


@dataclass(frozen=True, slots=True)
class Findings:
    """What came of the look: a reason to refuse, or what is known of a good video."""

    refusal_code: str | None = None
    content_type: str | None = None
    duration_milliseconds: int = 0
    thumbnail_key: str | None = None
    transcript: str | None = None
    transcriber: str | None = None


class VideoExaminer:
    """`open_desk` opens a unit of work each time: none is open while bytes are moved and decoded."""

    def __init__(
        self,
        open_desk: OpenDesk,
        storage: ObjectStorage,
        prober: VideoProber,
        transcriber: Transcriber,
        limits: VideoLimits,
    ) -> None:
        self._open_desk = open_desk
        self._storage = storage
        self._probe = prober
        self._transcriber = transcriber
        self._limits = limits

    async def examine_next(self) -> bool:
        """Look at one video that waits; False when none does.

        A fault of ours (storage away, disk full) leaves the video waiting, to be taken up again after a pause.
        """
        async with self._open_desk() as desk:
            video = await desk.videos.claim_due(desk.now + CLAIM)
        if video is None:
            return False
        renewal = asyncio.create_task(self._keep_claim(video))
        try:
            findings = await self._examine(video)
        except Exception as error:
            log.warning("video_not_examined", video_id=str(video.id), error=type(error).__name__)
            if not isinstance(error, StorageUnavailableError | TranscriberUnavailableError | OSError):
                log.error("video_examination_failed", video_id=str(video.id), exc_info=error)
            await self._postpone(video)
            return True
        finally:
            renewal.cancel()
        await self._conclude(video, findings)
        return True

    async def _keep_claim(self, video: Video) -> None:
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            try:
                async with self._open_desk() as desk:
                    if not await desk.videos.extend_claim(video, desk.now + CLAIM):
                        return
            except Exception as error:  # noqa: BLE001 -- renewals may fail in any way; the next one tries again
                # The claim runs out if this goes on; then another takes over, and our result is not kept.
                log.warning("video_claim_not_renewed", video_id=str(video.id), error=type(error).__name__)

    async def _postpone(self, video: Video) -> None:
        pause = min(RETRY_SECONDS_FIRST * 2 ** min(video.process_attempts, 10), RETRY_SECONDS_MAX)
        async with self._open_desk() as desk:
            await desk.videos.extend_claim(video, desk.now + timedelta(seconds=pause))

    async def _examine(self, video: Video) -> Findings:
        with tempfile.TemporaryDirectory(prefix="impactnet-video-") as name:
            folder = Path(name)
            path = folder / "video"
            if video.incoming_key is not None:
                await self._storage.copy(video.incoming_key, video.object_key, video.content_type)
            sha256, head = await _download(self._storage.open_stream(video.object_key), path)
            if sha256 != video.sha256:
                return Findings("sha256_mismatch")
            content_type = content_type_of(head)
            if content_type is None:
                return Findings("not_a_video")
            try:
                probe = await self._probe(path, folder)
            except UnreadableVideoError as error:
                return Findings(error.code)
            refusal_code = refusal_of(probe, self._limits)
            if refusal_code is not None:
                return Findings(refusal_code)
            transcript = await self._transcribe(video, folder / "speech.wav") if probe.has_speech_track else None
            return Findings(
                content_type=content_type,
                duration_milliseconds=probe.present_milliseconds,
                thumbnail_key=await self._store_thumbnail(video, probe.thumbnail),
                transcript=transcript,
                transcriber=self._transcriber.name,
            )

    async def _transcribe(self, video: Video, speech: Path) -> str | None:
        try:
            return await self._transcriber.transcribe(speech)
        except TranscriberUnavailableError:
            if video.process_attempts < TRANSCRIPTION_ATTEMPTS_MAX:
                raise
            log.warning("video_without_transcript", video_id=str(video.id))
            return None

    async def _store_thumbnail(self, video: Video, thumbnail: bytes | None) -> str | None:
        if thumbnail is None:
            return None
        key = f"{video.object_key}.jpg"
        await self._storage.put_stream(key, _once(thumbnail), len(thumbnail), "image/jpeg")
        return key

    async def _conclude(self, claimed: Video, findings: Findings) -> None:
        """Keep what was found, in one unit of work with what it moves; nothing if another has been quicker."""
        try:
            async with self._open_desk() as desk:
                application = await desk.applications.get_locked(claimed.application_id)
                video = await desk.videos.find_claimed(claimed)
                if video is None:
                    return
                if findings.refusal_code is not None:
                    video.refuse(findings.refusal_code)
                else:
                    video.content_type = findings.content_type or video.content_type
                    video.transcript, video.transcriber = findings.transcript, findings.transcriber
                    video.accept(findings.duration_milliseconds, findings.thumbnail_key)
                    application.video_ready()
                if video.incoming_key is not None:
                    await desk.abandoned_objects.add(video.incoming_key)
                    video.incoming_key = None
                await desk.videos.save(video, application.user_id)
                if video.status == "ready":
                    await desk.applications.save(application, "video_ready")
                    desk.announce.video_ready(application, video)
                else:
                    await desk.applications.save(application, "video_refused")
                    desk.announce.video_refused(application, video)
        except (SubjectErasedError, NotFoundError):
            # Its person has been erased meanwhile: nothing of it is kept.
            async with self._open_desk() as desk:
                await desk.videos.give_up(claimed)


async def _download(chunks: AsyncIterator[bytes], path: Path) -> tuple[str, bytes]:
    """Write a stream into a file; returns its SHA-256 in hex, and its first bytes."""
    digest, head = hashlib.sha256(), b""
    with path.open("wb") as file:
        async for chunk in chunks:
            digest.update(chunk)
            head = head or chunk[:SIGNATURE_BYTES]
            # Off the loop: a full disk cache makes writing wait.
            await asyncio.to_thread(file.write, chunk)
    return digest.hexdigest(), head


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content
