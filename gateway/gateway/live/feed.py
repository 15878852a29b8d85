"""Which events go to which channels: one table, so that what an applicant may see is decided in one place."""

from collections.abc import Callable
from typing import Any, Final

from contracts import applications, feed, ledger
from contracts.fact import Fact
from gateway.live import channels

Channel = Callable[[Any], str]


def _to_application(fact: Any) -> str:
    return channels.application(fact.application_id)


def _to_interview(fact: Any) -> str:
    return channels.interview(fact.application_id)


def _to_boards(_: Any) -> str:
    return channels.BOARDS


def _to_user(fact: Any) -> str:
    return channels.notifications(fact.user_id)


_APPLICANT: Final = (_to_application,)
_BOTH: Final = (_to_application, _to_boards)
_BOARD: Final = (_to_boards,)
_INTERVIEW: Final = (_to_application, _to_interview)

# Not here, on purpose: commitments and award proposals (nobody is told before the money is reserved), drafts to the
# board, and who reviewed or recused to the applicant.
TABLE: Final[dict[type[Fact], tuple[Channel, ...]]] = {
    applications.ApplicationStarted: _APPLICANT,
    applications.ApplicationReopened: _BOTH,
    applications.ApplicationSubmitted: _BOTH,
    applications.ApplicationWithdrawn: _BOTH,
    applications.VideoUploaded: _APPLICANT,
    applications.VideoReady: _APPLICANT,
    applications.VideoRefused: _APPLICANT,
    applications.InterviewStarted: _INTERVIEW,
    applications.InterviewMessageRecorded: _INTERVIEW,
    applications.InterviewCompleted: (_to_application, _to_interview, _to_boards),
    applications.InterviewScored: _BOTH,
    applications.ReviewRecorded: _BOARD,
    applications.ExecutiveRecused: _BOARD,
    applications.AwardCancelled: _BOTH,
    applications.ApplicationApproved: _BOTH,
    applications.ApplicationRejected: _BOTH,
    applications.AppealOpened: _BOTH,
    applications.AppealDecided: _BOTH,
    applications.DisbursementRequested: _BOTH,
    applications.DisbursementApproved: _BOTH,
    applications.DisbursementRefused: _BOTH,
    ledger.DisbursementCompleted: _BOTH,
    ledger.DisbursementFailed: _BOTH,
    ledger.DisbursementReversed: _BOTH,
    feed.NotificationCreated: (_to_user,),
}


def channels_of(fact: Fact) -> list[str]:
    """The channels that this fact concerns; empty for what nobody is shown live."""
    return [channel(fact) for channel in TABLE.get(type(fact), ())]
