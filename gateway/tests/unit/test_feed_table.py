"""The table of events and channels: every event is decided on, and secrets stay with the board."""

from uuid import uuid4

from contracts import applications
from contracts.registry import FACT_BY_TYPE
from gateway.live.feed import TABLE, channels_of

# Nobody is shown these live: commitments and proposals, chain internals, what other services build on.
SILENT = {
    "applications.award_proposed.v1",
    "ledger.commitment_reserved.v1",
    "ledger.commitment_released.v1",
    "ledger.commitment_refused.v1",
    "ledger.donation_received.v1",
    "ledger.refund_completed.v1",
    "ledger.blocks_appended.v1",
    "ledger.checkpoint_published.v1",
    "feed.post_created.v1",
    "feed.reply_created.v1",
}


def test_every_event_of_the_topics_that_are_read_is_either_shown_or_silent_on_purpose():
    read = {name for name in FACT_BY_TYPE if name.startswith(("applications.", "ledger.", "feed."))}
    shown = {fact.TYPE for fact in TABLE}
    assert shown | SILENT == read
    assert not shown & SILENT


def test_reviews_and_recusals_go_to_the_board_and_not_to_the_applicant():
    application_id, program_id, user_id, seat = (uuid4() for _ in range(4))
    recused = applications.ExecutiveRecused(
        application_id=application_id,
        program_id=program_id,
        user_id=user_id,
        status="under_review",
        executive_id=seat,
        recused_user_id=seat,
    )
    assert channels_of(recused) == ["executive/dashboard"]
