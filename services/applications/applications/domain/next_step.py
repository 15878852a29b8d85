"""What the applicant does next, in one word for the frontend."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from applications.domain.application import Application, Status
from applications.domain.award import Award
from applications.domain.document import Document
from applications.domain.form import errors_in_answers, errors_in_eligibility
from applications.domain.program import Program
from applications.domain.video_record import Video

# Where the status alone says what comes next.
_STEPS: Final = {
    Status.AI_INTERVIEW_COMPLETED: "submit",
    Status.UNDER_REVIEW: "wait_for_decision",
    Status.APPROVED: "wait_for_disbursement",
    Status.WITHDRAWN: "none",
}
# Nothing more is paid, unless a payment comes back.
_PAID_OUT: Final = ("completed", "cancelled")


def next_step(
    application: Application,
    program: Program | None,
    documents: Sequence[Document],
    video: Video | None,
    *,
    award: Award | None,
    now: datetime,
    appeal_window_days: int,
) -> str:
    """One word.

    complete_form, upload_documents, upload_video, wait_for_video, start_interview, continue_interview, submit,
    wait_for_decision, wait_for_disbursement, appeal or none.
    """
    if application.status is Status.APPROVED and award is not None and award.state in _PAID_OUT:
        return "none"
    step = _STEPS.get(application.status)
    if step is not None:
        return step
    if application.status is Status.VIDEO_PENDING:
        return "wait_for_video" if video is not None and video.status == "processing" else "upload_video"
    if application.status is Status.AI_INTERVIEW_PENDING:
        return "start_interview" if application.interview_started_at is None else "continue_interview"
    if application.status is Status.REJECTED:
        decided_at = application.reviewed_at
        in_time = decided_at is not None and now <= decided_at + timedelta(days=appeal_window_days)
        return "appeal" if in_time else "none"
    return _step_of_draft(application, program, documents, video)


def _step_of_draft(
    application: Application, program: Program | None, documents: Sequence[Document], video: Video | None
) -> str:
    if program is not None:
        answers = application.answers
        if errors_in_answers(program.form, answers) or errors_in_eligibility(program.qualifications, answers):
            return "complete_form"
        given = {document.requirement_id for document in documents}
        if any(each.required and each.id not in given for each in program.requirements):
            return "complete_form" if not answers else "upload_documents"
    if not application.answers:
        return "complete_form"
    # Reopened: the video stays, so the interview is what comes next.
    steps = {"ready": "start_interview", "processing": "wait_for_video"}
    return steps.get(video.status, "upload_video") if video is not None else "upload_video"
