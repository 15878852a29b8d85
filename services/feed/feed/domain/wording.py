"""The platform's own words. They name programmes and amounts, never a person."""

from decimal import Decimal
from typing import Final

from feed.domain.notification import Notification, NotificationKind
from feed.domain.post import PostKind

# How a programme is called whose snapshot has not arrived yet.
UNKNOWN_PROGRAM: Final = "a programme"

_TITLES: Final[dict[NotificationKind, str]] = {
    NotificationKind.APPLICATION_SUBMITTED: "Application submitted",
    NotificationKind.VIDEO_READY: "Your video is ready",
    NotificationKind.VIDEO_REFUSED: "Your video could not be used",
    NotificationKind.INTERVIEW_COMPLETED: "Interview completed",
    NotificationKind.APPLICATION_APPROVED: "Application approved",
    NotificationKind.APPLICATION_REJECTED: "Application not approved",
    NotificationKind.APPEAL_DECIDED: "Your appeal has been decided",
    NotificationKind.REVIEW_REQUESTED: "An application awaits your review",
    NotificationKind.DISBURSEMENT_COMPLETED: "Payment sent",
    NotificationKind.DISBURSEMENT_FAILED: "Payment failed",
    NotificationKind.DISBURSEMENT_REVERSED: "Payment came back",
    NotificationKind.DONATION_RECEIVED: "Donation received",
    NotificationKind.REFUND_COMPLETED: "Refund sent",
    NotificationKind.POST_REPLIED: "New reply to your post",
}
_BODIES: Final[dict[NotificationKind, str]] = {
    NotificationKind.APPLICATION_SUBMITTED: "Your application to {program} is with the board now.",
    NotificationKind.VIDEO_READY: "Your application to {program} can go on with the interview.",
    NotificationKind.VIDEO_REFUSED: "Please upload another video for your application to {program} ({code}).",
    NotificationKind.INTERVIEW_COMPLETED: "Your interview for {program} is complete: you can submit now.",
    NotificationKind.APPLICATION_APPROVED: "{program} has approved your application with {amount}.",
    NotificationKind.APPLICATION_REJECTED: "{program} has not approved your application; the reason is with it.",
    NotificationKind.APPEAL_DECIDED: "Your appeal about {program} was {code}.",
    NotificationKind.REVIEW_REQUESTED: "An application to {program} has been submitted.",
    NotificationKind.DISBURSEMENT_COMPLETED: "{amount} from {program} has been paid to your account.",
    NotificationKind.DISBURSEMENT_FAILED: "{amount} from {program} could not be paid ({code}).",
    NotificationKind.DISBURSEMENT_REVERSED: "The bank returned {amount} from {program} ({code}).",
    NotificationKind.DONATION_RECEIVED: "Your donation of {amount} to {program} has arrived. Thank you.",
    NotificationKind.REFUND_COMPLETED: "{amount} of your donation to {program} has been sent back to you.",
    NotificationKind.POST_REPLIED: "Someone has replied to your post.",
}


def amount_text(amount: Decimal | None, currency: str | None) -> str:
    """`NGN 300,000.00`."""
    return "an amount" if amount is None else f"{currency} {amount:,.2f}"


def _words(code: str | None) -> str:
    return (code or "no reason given").replace("_", " ")


def notification_title(kind: NotificationKind) -> str:
    return _TITLES[kind]


def notification_body(notification: Notification, program_title: str | None) -> str:
    return _BODIES[notification.kind].format(
        program=program_title or UNKNOWN_PROGRAM,
        amount=amount_text(notification.amount, notification.currency),
        code=_words(notification.code),
    )


def post_body(kind: PostKind, program_title: str | None, amount: Decimal | None, currency: str | None) -> str:
    """What a post of the platform says."""
    program = program_title or UNKNOWN_PROGRAM
    if kind is PostKind.IMPACT:
        return f"{amount_text(amount, currency)} from {program} has reached its beneficiary."
    return f"There is news from {program}."
