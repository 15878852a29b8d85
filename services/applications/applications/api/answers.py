"""The bodies of answers about applications (09-bodies)."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from applications.api.dependencies import Wiring
from applications.api.video_answer import video_answer
from applications.domain.award import Award, DisbursementRequest
from applications.domain.document import Document
from applications.use_cases.show_application import Shown
from chassis.api.values import Answer, money

# Nobody is told of an award before the money is reserved.
_SHOWN_TO_APPLICANTS = ("committed", "completed", "cancelled")


class DocumentAnswer(Answer):
    """`scan` says `unscanned` when no scanner is configured, never `clean`."""

    id: UUID
    requirement_id: UUID
    file_name: str
    content_type: str
    size_bytes: int
    sha256: str
    scan: str
    url: str
    uploaded_at: datetime


class TrancheAnswer(Answer):
    id: UUID
    amount: str
    due_on: date
    condition: str
    state: str
    paid_at: datetime | None


class AwardAnswer(Answer):
    id: UUID
    application_id: UUID
    amount: str
    currency: str
    state: str
    refusal_code: str | None
    tranches: list[TrancheAnswer]


class SubmissionAnswer(Answer):
    sha256: str
    submitted_at: datetime


class ApplicationAnswer(Answer):
    id: UUID
    program_id: UUID
    user_id: UUID
    status: str
    answers: dict[str, Any]
    documents: list[DocumentAnswer]
    video: dict[str, Any] | None
    submission: SubmissionAnswer | None
    submitted_at: datetime | None
    reviewed_at: datetime | None
    approved_at: datetime | None
    final_score: str | None
    blockchain_hash: str | None
    award: AwardAnswer | None
    next_step: str
    created_at: datetime
    updated_at: datetime


class StatusAnswer(Answer):
    status: str
    next_step: str
    updated_at: datetime


class TimelineEntryAnswer(Answer):
    event: str
    status: str
    at: datetime
    reason: str | None


class TimelineAnswer(Answer):
    items: list[TimelineEntryAnswer]
    next_cursor: None = None


class AppealAnswer(Answer):
    id: UUID
    application_id: UUID
    state: str
    outcome: str | None
    reason: str
    opened_at: datetime
    decided_at: datetime | None


class DisbursementAnswer(Answer):
    id: UUID
    tranche_id: UUID
    award_id: UUID
    application_id: UUID
    status: str
    amount: str
    currency: str
    requested_by: UUID
    requested_at: datetime
    decided_by: UUID | None
    decided_at: datetime | None
    reason: str | None
    transaction_id: UUID | None
    failure_code: str | None
    settled_at: datetime | None


async def document_answer(wired: Wiring, document: Document) -> DocumentAnswer:
    url = await wired.storage.get_url(document.object_key, wired.settings.signed_url_seconds, document.content_type)
    return DocumentAnswer(
        id=document.id,
        requirement_id=document.requirement_id,
        file_name=document.file_name,
        content_type=document.content_type,
        size_bytes=document.size_bytes,
        sha256=document.sha256,
        scan=document.scan,
        url=url,
        uploaded_at=document.uploaded_at,
    )


def award_answer(award: Award) -> AwardAnswer:
    return AwardAnswer(
        id=award.id,
        application_id=award.application_id,
        amount=money(award.amount),
        currency=award.currency,
        state=award.state,
        refusal_code=award.refusal_code,
        tranches=[
            TrancheAnswer(
                id=each.id,
                amount=money(each.amount),
                due_on=each.due_on,
                condition=each.condition,
                state=each.state,
                paid_at=each.paid_at,
            )
            for each in award.tranches
        ],
    )


async def application_answer(wired: Wiring, shown: Shown, *, to_board: bool = False) -> ApplicationAnswer:
    """What its owner sees, or what the board does: nothing before it is submitted, and awards from the start."""
    application = shown.application
    visible = not to_board or application.submitted_at is not None
    award = shown.award
    if award is not None and not to_board and award.state not in _SHOWN_TO_APPLICANTS:
        award = None
    submission = None
    if shown.submission_sha256 is not None and application.submitted_at is not None:
        submission = SubmissionAnswer(sha256=shown.submission_sha256, submitted_at=application.submitted_at)
    score = application.final_score
    return ApplicationAnswer(
        id=application.id,
        program_id=application.program_id,
        user_id=application.user_id,
        status=application.status,
        answers=application.answers if visible else {},
        documents=[await document_answer(wired, each) for each in shown.documents] if visible else [],
        video=await video_answer(wired, shown.video) if visible and shown.video is not None else None,
        submission=submission,
        submitted_at=application.submitted_at,
        reviewed_at=application.reviewed_at,
        approved_at=application.approved_at,
        final_score=None if score is None else f"{score:.2f}",
        blockchain_hash=application.blockchain_hash,
        award=None if award is None else award_answer(award),
        next_step=shown.next_step,
        created_at=application.created_at,
        updated_at=application.updated_at,
    )


def disbursement_answer(request: DisbursementRequest) -> DisbursementAnswer:
    return DisbursementAnswer(
        id=request.id,
        tranche_id=request.tranche_id,
        award_id=request.award_id,
        application_id=request.application_id,
        status=request.status,
        amount=money(request.amount),
        currency=request.currency,
        requested_by=request.requested_by,
        requested_at=request.requested_at,
        decided_by=request.decided_by,
        decided_at=request.decided_at,
        reason=request.reason,
        transaction_id=request.transaction_id,
        failure_code=request.failure_code,
        settled_at=request.settled_at,
    )
