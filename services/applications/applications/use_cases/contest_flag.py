"""The applicant contests a flag that the interviewer put on an answer: people read it beside the flag."""

from dataclasses import replace
from uuid import UUID

from applications.domain.application import Application
from applications.domain.interview import NotFlaggedError
from applications.domain.interview_record import Recorded
from applications.domain.refusals import NotFoundError
from applications.use_cases.answer_interview import get_interview
from applications.use_cases.ports import Desk


async def contest_flag(desk: Desk, application: Application, message_id: UUID, reason: str) -> Recorded:
    """The application must be locked; possible in any state, for the flag stays to be read.

    Raises:
        NotFoundError, NotFlaggedError, AlreadyContestedError
    """
    interview = await get_interview(desk, application)
    for recorded in await desk.interviews.recorded(interview, application.user_id):
        if recorded.said.id == message_id:
            if not recorded.finding.flagged_for_review:
                raise NotFlaggedError
            await desk.interviews.contest(message_id, reason, application.user_id)
            await desk.applications.save(application, "flag_contested")
            return replace(recorded, contested_at=desk.now)
    raise NotFoundError
