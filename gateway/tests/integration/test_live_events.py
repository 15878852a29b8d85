"""Events at sockets: each once and in order, to those it concerns and to nobody else."""

from uuid import uuid4

from contracts import applications, feed, ledger


async def test_an_applicant_sees_each_event_of_the_application_in_order(live, applicant, announcer, opened):
    approved = {
        "award_id": uuid4(),
        "decision_id": uuid4(),
        "decider_id": uuid4(),
        "submission_sha256": "a" * 64,
        "reviews": 2,
        "final_score": "76.00",
        "amount": "300000.00",
        "currency": "NGN",
    }
    async with opened(live, applicant.path, applicant.token) as socket:
        await socket.welcomed()
        events = await announcer.say(
            applicant.fact(),
            applicant.fact(
                applications.VideoUploaded, "video_pending", video_id=uuid4(), size_bytes=1, sha256="a" * 64
            ),
            applicant.fact(
                applications.ApplicationSubmitted, "under_review", submission_sha256="a" * 64, first_submission=True
            ),
            applicant.fact(applications.ApplicationApproved, "approved", **approved),
        )
        frames = [await socket.said() for _ in events]
    assert [frame["id"] for frame in frames] == [str(event.id) for event in events]
    assert [frame["event"] for frame in frames] == [
        "application_started",
        "video_uploaded",
        "application_submitted",
        "application_approved",
    ]
    first = frames[0]
    assert first.keys() == {"type", "channel", "position", "id", "event", "at", "data"}
    assert first["type"] == "event"
    assert first["channel"] == f"applications/{applicant.application_id}"
    assert first["data"] == events[0].data
    assert first["at"].endswith("Z")
    assert len({frame["position"] for frame in frames}) == 4


async def test_what_only_the_board_may_know_does_not_reach_the_applicant(live, applicant, announcer, opened):
    seat = uuid4()
    async with opened(live, applicant.path, applicant.token) as socket:
        await socket.welcomed()
        await announcer.say(
            applicant.fact(applications.ExecutiveRecused, "under_review", executive_id=seat, recused_user_id=uuid4()),
            applicant.fact(
                applications.ReviewRecorded,
                "under_review",
                review_id=uuid4(),
                executive_id=seat,
                reviewer_id=uuid4(),
                revision=1,
                reviews_counted=1,
            ),
            applicant.fact(applications.ApplicationWithdrawn, "withdrawn"),
        )
        assert (await socket.said())["event"] == "application_withdrawn"


async def test_a_payment_of_the_ledger_reaches_the_applications_socket(live, applicant, announcer, opened):
    paid = ledger.DisbursementCompleted(
        request_id=uuid4(),
        transaction_id=uuid4(),
        tranche_id=uuid4(),
        award_id=uuid4(),
        application_id=applicant.application_id,
        program_id=applicant.program_id,
        user_id=applicant.user_id,
        amount="200000.00",
        currency="NGN",
    )
    async with opened(live, applicant.path, applicant.token) as socket:
        await socket.welcomed()
        await announcer.say(paid)
        assert (await socket.said())["event"] == "disbursement_completed"


async def test_notifications_reach_their_user_and_nobody_else(live, announcer, opened):
    mine, theirs = uuid4(), uuid4()
    async with (
        opened(live, "/ws/notifications/", live.mint.token(mine)) as my_socket,
        opened(live, "/ws/notifications", live.mint.token(theirs)) as their_socket,
    ):
        await my_socket.welcomed()
        await their_socket.welcomed()
        await announcer.say(
            feed.NotificationCreated(notification_id=uuid4(), user_id=mine, kind="application_approved", link=None)
        )
        frame = await my_socket.said()
        await their_socket.quiet()
    assert frame["event"] == "notification_created"
    assert frame["data"]["user_id"] == str(mine)


async def test_a_record_sent_twice_makes_one_frame(live, applicant, announcer, opened):
    async with opened(live, applicant.path, applicant.token) as socket:
        await socket.welcomed()
        first, second = announcer.event(applicant.fact()), announcer.event(applicant.fact())
        await announcer.say(first, second, first, second)
        await announcer.say(applicant.fact(applications.ApplicationWithdrawn, "withdrawn"))
        frames = [await socket.said() for _ in range(3)]
        await socket.quiet()
    assert [frame["id"] for frame in frames[:2]] == [str(first.id), str(second.id)]
    assert frames[2]["event"] == "application_withdrawn"
