"""Turns what happened to videos and interviews into the events that the other contexts know."""

from typing import Any
from uuid import UUID

from applications.domain.application import Application
from applications.domain.interview import Finding, Said
from applications.domain.interview_record import Interview
from applications.domain.video_record import Video
from chassis.database import UnitOfWork
from contracts import applications as facts


def about(application: Application) -> dict[str, Any]:
    """What every fact about an application says: whose and which programme's it is, and its status after the fact."""
    return {
        "application_id": application.id,
        "program_id": application.program_id,
        "user_id": application.user_id,
        "status": application.status.value,
    }


class MediaAnnouncements:
    """Keeps the promises of `use_cases.media_ports.MediaAnnouncements`."""

    def __init__(self, work: UnitOfWork) -> None:
        self._work = work

    def video_uploaded(self, application: Application, video: Video) -> UUID:
        fact = facts.VideoUploaded(
            **about(application), video_id=video.id, size_bytes=video.size_bytes or 0, sha256=video.sha256 or ""
        )
        return self._work.announce(fact)

    def video_ready(self, application: Application, video: Video) -> UUID:
        fact = facts.VideoReady(
            **about(application),
            video_id=video.id,
            duration_milliseconds=video.duration_milliseconds or 0,
            transcript_available=video.transcript is not None,
        )
        return self._work.announce(fact)

    def video_refused(self, application: Application, video: Video) -> UUID:
        fact = facts.VideoRefused(**about(application), video_id=video.id, code=video.refusal_code or "")
        return self._work.announce(fact)

    def interview_started(self, application: Application, interview: Interview) -> UUID:
        fact = facts.InterviewStarted(
            **about(application),
            interview_id=interview.id,
            model=interview.model,
            prompt_version=interview.prompt_version,
        )
        return self._work.announce(fact)

    def interview_message_recorded(
        self, application: Application, interview: Interview, said: Said, finding: Finding
    ) -> UUID:
        fact = facts.InterviewMessageRecorded(
            **about(application),
            interview_id=interview.id,
            message_id=said.id,
            role=said.role,
            flagged_for_review=finding.flagged_for_review,
        )
        return self._work.announce(fact)

    def interview_completed(self, application: Application, interview: Interview, messages: int) -> UUID:
        fact = facts.InterviewCompleted(
            **about(application),
            interview_id=interview.id,
            transcript_sha256=interview.transcript_sha256 or "",
            messages=messages,
            model=interview.model,
            prompt_version=interview.prompt_version,
        )
        return self._work.announce(fact)

    def interview_scored(self, application: Application, interview: Interview, flags: int) -> UUID:
        fact = facts.InterviewScored(**about(application), interview_id=interview.id, flags=flags)
        return self._work.announce(fact)
