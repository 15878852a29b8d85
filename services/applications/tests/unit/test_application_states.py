"""An application moves as 01-product says, and in no other way."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from applications.domain.application import MOVES, Application, Status
from applications.domain.refusals import IllegalStateError
from chassis.ids import new_id

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def _in(status: Status) -> Application:
    return Application(new_id(), new_id(), new_id(), status, 1, {}, NOW, NOW)


def test_the_whole_way_from_draft_to_approved() -> None:
    application = _in(Status.DRAFT)
    seen = [application.status]
    application.attach_video()
    seen.append(application.status)
    assert application.video_ready()
    seen.append(application.status)
    application.start_interview(NOW)
    application.answer_interview()
    application.complete_interview()
    seen.append(application.status)
    application.submit(NOW)
    seen.append(application.status)
    application.approve(NOW, Decimal("76.00"))
    seen.append(application.status)
    assert seen == [
        "draft",
        "video_pending",
        "ai_interview_pending",
        "ai_interview_completed",
        "under_review",
        "approved",
    ]
    assert (application.submitted_at, application.approved_at) == (NOW, NOW)


@pytest.mark.parametrize("status", [each for each in Status if each is not Status.DRAFT])
def test_answers_are_edited_in_a_draft_only(status: Status) -> None:
    with pytest.raises(IllegalStateError) as refused:
        _in(status).edit_answers({"business": "tailoring"})
    assert refused.value.facts == {"state": status}


@pytest.mark.parametrize("status", list(Status))
def test_withdrawing_is_possible_in_any_state_before_the_decision(status: Status) -> None:
    application = _in(status)
    if status in (Status.APPROVED, Status.REJECTED, Status.WITHDRAWN):
        with pytest.raises(IllegalStateError):
            application.withdraw()
        assert application.status is status
    else:
        application.withdraw()
        assert application.status is Status.WITHDRAWN


@pytest.mark.parametrize("status", list(Status))
def test_a_refused_video_is_replaced_without_a_move_and_nothing_else_takes_a_video(status: Status) -> None:
    application = _in(status)
    if status in (Status.DRAFT, Status.VIDEO_PENDING):
        application.attach_video()
        assert application.status is Status.VIDEO_PENDING
    else:
        with pytest.raises(IllegalStateError):
            application.attach_video()


def test_an_application_is_reopened_until_the_interview_has_begun() -> None:
    application = _in(Status.AI_INTERVIEW_PENDING)
    application.reopen()
    assert application.status is Status.DRAFT
    begun = _in(Status.AI_INTERVIEW_PENDING)
    begun.start_interview(NOW)
    with pytest.raises(IllegalStateError):
        begun.reopen()
    with pytest.raises(IllegalStateError):
        begun.start_interview(NOW)


def test_a_video_that_becomes_ready_in_a_reopened_draft_moves_nothing() -> None:
    application = _in(Status.DRAFT)
    assert not application.video_ready()
    assert application.status is Status.DRAFT


def test_an_upheld_appeal_leads_back_under_review_and_unsets_what_was_decided() -> None:
    application = _in(Status.UNDER_REVIEW)
    application.reject(NOW, Decimal("40.00"))
    application.blockchain_hash = "ab" * 32
    application.uphold_appeal()
    assert application.status is Status.UNDER_REVIEW
    fixed = [getattr(application, name) for name in ("final_score", "reviewed_at", "blockchain_hash")]
    assert fixed == [None, None, None]


def test_only_a_completed_interview_is_submitted() -> None:
    for status in Status:
        if status is not Status.AI_INTERVIEW_COMPLETED:
            with pytest.raises(IllegalStateError):
                _in(status).submit(NOW)


def test_ends_are_ends() -> None:
    assert MOVES[Status.APPROVED] == MOVES[Status.WITHDRAWN] == frozenset()
    assert MOVES[Status.REJECTED] == {Status.UNDER_REVIEW}
