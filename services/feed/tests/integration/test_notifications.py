"""Notifications: who hears of what, once each, and only who should."""

import pytest

from chassis.ids import new_id
from contracts import applications as application_facts
from contracts import ledger as ledger_facts
from contracts.feed import NotificationCreated
from contracts.identity import UserErased

pytestmark = pytest.mark.asyncio(loop_scope="module")

BASE = "/api/v1/notifications"
SUBMITTED = {"submission_sha256": "0" * 64, "first_submission": True}


async def test_the_applicant_hears_of_each_step(scenario):
    user_id, client = await scenario.person()
    program_id = await scenario.program()
    steps = [
        scenario.about_application(
            application_facts.VideoReady,
            program_id,
            user_id,
            video_id=new_id(),
            duration_milliseconds=9_000,
            transcript_available=True,
        ),
        scenario.about_application(
            application_facts.VideoRefused, program_id, user_id, video_id=new_id(), code="too_short"
        ),
        scenario.about_application(application_facts.ApplicationSubmitted, program_id, user_id, **SUBMITTED),
        scenario.about_application(
            application_facts.ApplicationApproved,
            program_id,
            user_id,
            award_id=new_id(),
            decision_id=new_id(),
            decider_id=new_id(),
            submission_sha256="0" * 64,
            reviews=2,
            final_score="76.00",
            amount="300000.00",
            currency="NGN",
        ),
        scenario.about_application(
            application_facts.AppealDecided, program_id, user_id, appeal_id=new_id(), outcome="upheld"
        ),
        scenario.about_payment(program_id, user_id),
        scenario.about_payment(
            program_id, user_id, ledger_facts.DisbursementFailed, transaction_id=None, code="payee_account_missing"
        ),
    ]
    for step in steps:
        event = await scenario.service.deliver(step)
        await scenario.service.deliver(event)
    items = await scenario.notifications(client)
    assert [item["kind"] for item in items] == [step.event_name() for step in reversed(steps)]
    assert items[3]["body"] == "Tailors of Kano has approved your application with NGN 300,000.00."
    assert items[0]["body"] == "NGN 200,000.00 from Tailors of Kano could not be paid (payee account missing)."
    assert items[3]["link"] == f"/applications/{steps[3].application_id}"
    assert all(item["title"] and item["read_at"] is None for item in items)
    told = [fact for fact in await scenario.service.announced(NotificationCreated) if fact.user_id == user_id]
    assert len(told) == len(steps)


async def test_the_board_hears_of_a_submission_but_not_of_its_own(scenario):
    member_id, member = await scenario.person("executive")
    applicant_id, applicant = await scenario.person("executive")
    program_id = await scenario.program(member_id, applicant_id)
    fact = scenario.about_application(application_facts.ApplicationSubmitted, program_id, applicant_id, **SUBMITTED)
    await scenario.service.deliver(fact)
    heard = await scenario.notifications(member)
    assert [(item["kind"], item["link"]) for item in heard] == [
        ("review_requested", f"/executive/applications/{fact.application_id}")
    ]
    assert [item["kind"] for item in await scenario.notifications(applicant)] == ["application_submitted"]


async def test_a_submission_waits_for_its_programme(scenario):
    member_id, member = await scenario.person("executive")
    program_id = new_id()
    fact = scenario.about_application(application_facts.ApplicationSubmitted, program_id, new_id(), **SUBMITTED)
    await scenario.service.deliver(fact)
    assert await scenario.notifications(member) == []
    await scenario.service.deliver(scenario.snapshot(program_id, member_id, title="Late", revision=1))
    await scenario.scalar("SELECT pg_sleep(0.15)")
    await scenario.service.retry_parked()
    assert [item["kind"] for item in await scenario.notifications(member)] == ["review_requested"]


async def test_an_older_snapshot_never_overwrites_a_newer_one(scenario):
    user_id, client = await scenario.person()
    program_id = await scenario.program(title="Newest", revision=5)
    await scenario.service.deliver(scenario.snapshot(program_id, title="Older", revision=4))
    await scenario.service.deliver(
        scenario.about_application(application_facts.ApplicationSubmitted, program_id, user_id, **SUBMITTED)
    )
    assert "Newest" in (await scenario.notifications(client))[0]["body"]


async def test_a_donor_hears_when_the_money_is_there_and_nobody_for_one_without_account(scenario):
    user_id, client = await scenario.person()
    program_id = await scenario.program()
    values = {"program_id": program_id, "amount": "1000000.00", "currency": "NGN"}
    for donor in (user_id, None):
        await scenario.service.deliver(
            ledger_facts.DonationReceived.model_validate(values | {"transaction_id": new_id(), "user_id": donor})
        )
    heard = await scenario.notifications(client)
    assert [item["kind"] for item in heard] == ["donation_received"]
    assert heard[0]["body"] == "Your donation of NGN 1,000,000.00 to Tailors of Kano has arrived. Thank you."


async def test_unread_ones_come_first_over_all_pages(scenario):
    user_id, client = await scenario.person()
    program_id = await scenario.program()
    for _ in range(5):
        await scenario.service.deliver(
            scenario.about_application(application_facts.ApplicationSubmitted, program_id, user_id, **SUBMITTED)
        )
    items = await scenario.notifications(client)
    for index in (0, 2):
        answer = await client.post(f"{BASE}/{items[index]['id']}/read/")
        assert answer.status_code == 200
        assert answer.json()["read_at"] is not None
        assert (await client.post(f"{BASE}/{items[index]['id']}/read/")).json() == answer.json()
    wanted = [items[index]["id"] for index in (1, 3, 4, 0, 2)]
    seen: list[str] = []
    cursor = ""
    while True:
        page = (await client.get(f"{BASE}/?limit=2{cursor}")).json()
        assert page["unread_count"] == 3
        seen += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == wanted
    assert [item["id"] for item in (await client.get(f"{BASE}/?unread=true")).json()["items"]] == wanted[:3]
    assert (await client.post(f"{BASE}/read-all/", json={})).json() == {"unread_count": 0}
    assert (await client.get(f"{BASE}/?unread=true")).json()["items"] == []


async def test_anothers_notification_does_not_exist(scenario):
    user_id, client = await scenario.person()
    _, stranger = await scenario.person()
    _, admin = await scenario.person("admin")
    program_id = await scenario.program()
    await scenario.service.deliver(
        scenario.about_application(application_facts.ApplicationSubmitted, program_id, user_id, **SUBMITTED)
    )
    notification = (await scenario.notifications(client))[0]
    for other in (stranger, admin):
        assert (await other.post(f"{BASE}/{notification['id']}/read/")).status_code == 404
        assert await scenario.notifications(other) == []
    assert (await scenario.public.get(f"{BASE}/")).status_code == 401
    assert (await scenario.notifications(client))[0]["read_at"] is None
    assert (await client.get(f"{BASE}/?colour=red")).status_code == 422
    assert (await client.get(f"{BASE}/?cursor=WyJ5ZXMiLCJubyJd")).status_code == 422


async def test_what_is_switched_off_is_not_told(scenario):
    user_id, client = await scenario.person()
    program_id = await scenario.program()
    url = f"{BASE}/preferences/"
    first = await client.get(url)
    assert set(first.json().values()) == {True}
    changed = await client.patch(url, json={"payments": False}, headers={"If-Match": first.headers["etag"]})
    assert changed.json() == first.json() | {"payments": False}
    stale = await client.patch(url, json={"payments": True}, headers={"If-Match": first.headers["etag"]})
    assert stale.status_code == 412
    assert (await client.patch(url, json={"payments": "no"})).status_code == 422
    assert (await client.patch(url, json={"everything": False})).status_code == 422
    await scenario.service.deliver(scenario.about_payment(program_id, user_id))
    assert await scenario.notifications(client) == []


async def test_an_erased_person_hears_nothing_more(scenario):
    user_id, _ = await scenario.person()
    program_id = await scenario.program()
    await scenario.service.deliver(scenario.about_payment(program_id, user_id))
    await scenario.service.deliver(UserErased(user_id=user_id))
    await scenario.service.deliver(scenario.about_payment(program_id, user_id))
    count = await scenario.scalar(
        "SELECT count(*) FROM notifications WHERE user_id = CAST(:id AS uuid)", id=str(user_id)
    )
    assert count == 0
