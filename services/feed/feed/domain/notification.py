"""A notification: to whom, about what; its words are made when it is read."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final
from uuid import UUID


class NotificationKind(StrEnum):
    """What happened, as its reader sees it."""

    APPLICATION_SUBMITTED = "application_submitted"
    VIDEO_READY = "video_ready"
    VIDEO_REFUSED = "video_refused"
    INTERVIEW_COMPLETED = "interview_completed"
    APPLICATION_APPROVED = "application_approved"
    APPLICATION_REJECTED = "application_rejected"
    APPEAL_DECIDED = "appeal_decided"
    REVIEW_REQUESTED = "review_requested"
    DISBURSEMENT_COMPLETED = "disbursement_completed"
    DISBURSEMENT_FAILED = "disbursement_failed"
    DISBURSEMENT_REVERSED = "disbursement_reversed"
    DONATION_RECEIVED = "donation_received"
    REFUND_COMPLETED = "refund_completed"
    POST_REPLIED = "post_replied"


class Group(StrEnum):
    """What a person can switch off, together."""

    APPLICATIONS = "applications"
    REVIEWS = "reviews"
    PAYMENTS = "payments"
    DONATIONS = "donations"
    COMMUNITY = "community"


GROUP_OF: Final[dict[NotificationKind, Group]] = {
    NotificationKind.APPLICATION_SUBMITTED: Group.APPLICATIONS,
    NotificationKind.VIDEO_READY: Group.APPLICATIONS,
    NotificationKind.VIDEO_REFUSED: Group.APPLICATIONS,
    NotificationKind.INTERVIEW_COMPLETED: Group.APPLICATIONS,
    NotificationKind.APPLICATION_APPROVED: Group.APPLICATIONS,
    NotificationKind.APPLICATION_REJECTED: Group.APPLICATIONS,
    NotificationKind.APPEAL_DECIDED: Group.APPLICATIONS,
    NotificationKind.REVIEW_REQUESTED: Group.REVIEWS,
    NotificationKind.DISBURSEMENT_COMPLETED: Group.PAYMENTS,
    NotificationKind.DISBURSEMENT_FAILED: Group.PAYMENTS,
    NotificationKind.DISBURSEMENT_REVERSED: Group.PAYMENTS,
    NotificationKind.DONATION_RECEIVED: Group.DONATIONS,
    NotificationKind.REFUND_COMPLETED: Group.DONATIONS,
    NotificationKind.POST_REPLIED: Group.COMMUNITY,
}


@dataclass(frozen=True, slots=True)
class Notification:
    """`cause_id`: the event or reply it comes from; nobody hears of one cause twice. `code`: an outcome or a reason."""

    id: UUID
    user_id: UUID
    kind: NotificationKind
    link: str | None
    cause_id: UUID
    created_at: datetime
    program_id: UUID | None = None
    amount: Decimal | None = None
    currency: str | None = None
    code: str | None = None
    read_at: datetime | None = None
