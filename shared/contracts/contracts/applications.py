"""What applications says: applications, videos, interviews, reviews, decisions, awards, disbursement requests."""

from datetime import date
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from contracts.fact import Amount, Code, Count, Currency, Decimal2, Fact, Id, Sha256Hex

Status = Literal[
    "draft",
    "video_pending",
    "ai_interview_pending",
    "ai_interview_completed",
    "under_review",
    "approved",
    "rejected",
    "withdrawn",
]


class _AboutApplication(Fact):
    """Every fact about an application says whose and which programme's it is, and its status after the fact."""

    SUBJECT: ClassVar[str] = "application_id"
    application_id: Id
    program_id: Id
    user_id: Id
    status: Status


class ApplicationStarted(_AboutApplication):
    TYPE: ClassVar[str] = "applications.application_started.v1"


class ApplicationReopened(_AboutApplication):
    """Its owner went back to the draft; the video stays."""

    TYPE: ClassVar[str] = "applications.application_reopened.v1"


class ApplicationSubmitted(_AboutApplication):
    TYPE: ClassVar[str] = "applications.application_submitted.v1"
    submission_sha256: Sha256Hex
    first_submission: bool


class ApplicationWithdrawn(_AboutApplication):
    TYPE: ClassVar[str] = "applications.application_withdrawn.v1"


class VideoUploaded(_AboutApplication):
    """For applications' own worker: probe it, make the thumbnail, transcribe it."""

    TYPE: ClassVar[str] = "applications.video_uploaded.v1"
    video_id: Id
    size_bytes: Count
    sha256: Sha256Hex


class VideoReady(_AboutApplication):
    TYPE: ClassVar[str] = "applications.video_ready.v1"
    video_id: Id
    duration_milliseconds: Count
    transcript_available: bool


class VideoRefused(_AboutApplication):
    TYPE: ClassVar[str] = "applications.video_refused.v1"
    video_id: Id
    code: Code


class InterviewStarted(_AboutApplication):
    TYPE: ClassVar[str] = "applications.interview_started.v1"
    interview_id: Id
    model: str
    prompt_version: str


class InterviewMessageRecorded(_AboutApplication):
    TYPE: ClassVar[str] = "applications.interview_message_recorded.v1"
    interview_id: Id
    message_id: Id
    role: Literal["user", "assistant"]
    flagged_for_review: bool


class InterviewCompleted(_AboutApplication):
    TYPE: ClassVar[str] = "applications.interview_completed.v1"
    interview_id: Id
    transcript_sha256: Sha256Hex
    messages: Count
    model: str
    prompt_version: str


class InterviewScored(_AboutApplication):
    """The AI's score is there to be read beside the board's; it moves nothing."""

    TYPE: ClassVar[str] = "applications.interview_scored.v1"
    interview_id: Id
    flags: Count


class ReviewRecorded(_AboutApplication):
    TYPE: ClassVar[str] = "applications.review_recorded.v1"
    review_id: Id
    executive_id: Id
    reviewer_id: Id
    revision: Count
    reviews_counted: Count


class ExecutiveRecused(_AboutApplication):
    TYPE: ClassVar[str] = "applications.executive_recused.v1"
    executive_id: Id
    recused_user_id: Id


class TranchePlan(Fact):
    """A tranche inside an award; not an event of its own."""

    tranche_id: Id
    amount: Amount
    due_on: date


class AwardProposed(_AboutApplication):
    """The board has decided; nobody is told before the ledger has reserved the money."""

    TYPE: ClassVar[str] = "applications.award_proposed.v1"
    award_id: Id
    decision_id: Id
    decider_id: Id
    amount: Amount
    currency: Currency
    tranches: Annotated[list[TranchePlan], Field(min_length=1, max_length=60)]


class AwardCancelled(_AboutApplication):
    """What is unpaid of the award goes back to the programme."""

    TYPE: ClassVar[str] = "applications.award_cancelled.v1"
    award_id: Id
    cancelled_by: Id
    amount: Amount
    currency: Currency


class ApplicationApproved(_AboutApplication):
    """Said after `ledger.commitment_reserved`, never before."""

    TYPE: ClassVar[str] = "applications.application_approved.v1"
    award_id: Id
    decision_id: Id
    decider_id: Id
    submission_sha256: Sha256Hex
    reviews: Count
    final_score: Decimal2
    amount: Amount
    currency: Currency


class ApplicationRejected(_AboutApplication):
    TYPE: ClassVar[str] = "applications.application_rejected.v1"
    decision_id: Id
    decider_id: Id
    submission_sha256: Sha256Hex
    reviews: Count
    final_score: Decimal2


class AppealOpened(_AboutApplication):
    TYPE: ClassVar[str] = "applications.appeal_opened.v1"
    appeal_id: Id


class AppealDecided(_AboutApplication):
    TYPE: ClassVar[str] = "applications.appeal_decided.v1"
    appeal_id: Id
    outcome: Literal["upheld", "dismissed"]


class _AboutDisbursement(_AboutApplication):
    request_id: Id
    award_id: Id
    tranche_id: Id
    amount: Amount
    currency: Currency
    requested_by: Id


class DisbursementRequested(_AboutDisbursement):
    TYPE: ClassVar[str] = "applications.disbursement_requested.v1"


class DisbursementApproved(_AboutDisbursement):
    """A second person approved with a fresh step-up: the ledger pays on this, and only on this."""

    TYPE: ClassVar[str] = "applications.disbursement_approved.v1"
    approved_by: Id


class DisbursementRefused(_AboutDisbursement):
    TYPE: ClassVar[str] = "applications.disbursement_refused.v1"
    refused_by: Id


FACTS: tuple[type[Fact], ...] = (
    ApplicationStarted,
    ApplicationReopened,
    ApplicationSubmitted,
    ApplicationWithdrawn,
    VideoUploaded,
    VideoReady,
    VideoRefused,
    InterviewStarted,
    InterviewMessageRecorded,
    InterviewCompleted,
    InterviewScored,
    ReviewRecorded,
    ExecutiveRecused,
    AwardProposed,
    AwardCancelled,
    ApplicationApproved,
    ApplicationRejected,
    AppealOpened,
    AppealDecided,
    DisbursementRequested,
    DisbursementApproved,
    DisbursementRefused,
)
