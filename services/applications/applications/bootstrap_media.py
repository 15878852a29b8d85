"""The other half of the bootstrap: what video and interview are built of."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import openai
from fastapi import APIRouter

from applications.adapters.interviewers.openai import OpenAIInterviewer
from applications.adapters.interviewers.rules import RulesInterviewer
from applications.adapters.media_probe import probe
from applications.adapters.transcription import LocalTranscriber, NoTranscriber, OpenAITranscriber
from applications.api import interviews, videos
from applications.domain.interview import Caps, Interviewer
from applications.domain.storage import ObjectStorage
from applications.domain.transcription import Transcriber
from applications.domain.video import VideoLimits
from applications.settings import ApplicationsSettings
from applications.use_cases.examine_video import VideoExaminer
from applications.use_cases.ports import Desk
from applications.use_cases.score_interview import InterviewScorer
from chassis.database import UnitOfWork
from chassis.service import Foundation
from chassis.timers import Timer

# How long an upload or a completed interview waits at most for a worker that has nothing else to do.
LOOK_FOR_VIDEOS_EVERY_SECONDS = 0.5
LOOK_FOR_INTERVIEWS_EVERY_SECONDS = 1.0

MEDIA_ROUTERS: Sequence[APIRouter] = (
    videos.streamed,
    videos.addressed,
    videos.completed,
    interviews.conversation,
    interviews.records,
)


@dataclass(frozen=True, slots=True)
class Media:
    """Who asks and who listens, within which caps; `resources` are to be opened."""

    interviewer: Interviewer
    transcriber: Transcriber
    caps: Caps
    resources: Sequence[AbstractAsyncContextManager[Any]]


def build_media(settings: ApplicationsSettings) -> Media:
    """Choose by the settings: a model where there is a key, else what works without one."""
    client = None
    if settings.openai_api_key is not None:
        client = openai.AsyncOpenAI(
            api_key=settings.openai_api_key.get_secret_value(), base_url=settings.openai_base_url
        )
    caps = Caps(
        questions=settings.interview_questions,
        turns=settings.interview_turns_max,
        message_characters=settings.interview_message_characters_max,
        minutes=settings.interview_minutes_max,
        tokens=settings.interview_tokens_max,
    )
    return Media(
        interviewer=_interviewer(settings, client),
        transcriber=_transcriber(settings, client),
        caps=caps,
        resources=[] if client is None else [client],
    )


def media_timers(
    foundation: Foundation, media: Media, storage: ObjectStorage, open_desk: Callable[[UnitOfWork], Desk]
) -> Sequence[Timer]:
    """What the worker does about videos and interviews."""
    settings: ApplicationsSettings = foundation.settings

    @asynccontextmanager
    async def opened_desk() -> AsyncIterator[Desk]:
        async with foundation.database.unit_of_work() as work:
            yield open_desk(work)

    limits = VideoLimits(settings.video_size_bytes_max, settings.video_seconds_min, settings.video_seconds_max)
    examiner = VideoExaminer(opened_desk, storage, probe, media.transcriber, limits)
    scorer = InterviewScorer(opened_desk, media.interviewer)
    return [
        Timer("videos", LOOK_FOR_VIDEOS_EVERY_SECONDS, examiner.examine_next),
        Timer("interview scores", LOOK_FOR_INTERVIEWS_EVERY_SECONDS, scorer.score_next),
    ]


def _interviewer(settings: ApplicationsSettings, client: openai.AsyncOpenAI | None) -> Interviewer:
    if settings.interviewer == "rules" or (settings.interviewer == "auto" and client is None):
        return RulesInterviewer()
    if client is None:
        raise ValueError("the interviewer `openai` needs OPENAI_API_KEY")
    return OpenAIInterviewer(client, settings.openai_model)


def _transcriber(settings: ApplicationsSettings, client: openai.AsyncOpenAI | None) -> Transcriber:
    wanted: str = settings.transcriber
    if wanted == "auto":
        installed = "moonshine" if LocalTranscriber.is_installed() else "none"
        wanted = installed if client is None else "openai"
    if wanted == "none":
        return NoTranscriber()
    if wanted == "moonshine":
        return LocalTranscriber()
    if client is None:
        raise ValueError("the transcriber `openai` needs OPENAI_API_KEY")
    return OpenAITranscriber(client, settings.openai_transcribe_model)
