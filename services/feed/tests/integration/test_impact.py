"""What the platform itself posts: money that reached someone, news of programmes."""

import pytest

from chassis.ids import new_id
from contracts.feed import PostCreated
from contracts.ledger import DisbursementReversed
from contracts.programs import UpdatePosted

pytestmark = pytest.mark.asyncio(loop_scope="module")

BASE = "/api/v1/posts"


async def posts_of(scenario, program_id, kind):
    answer = await scenario.public.get(f"{BASE}/feed/?kind={kind}&program_id={program_id}")
    assert answer.status_code == 200
    return answer.json()["items"]


async def test_a_payment_makes_one_impact_post_that_names_nobody(scenario):
    user_id, _ = await scenario.person()
    program_id = await scenario.program()
    fact = scenario.about_payment(program_id, user_id)
    event = await scenario.service.deliver(fact)
    await scenario.service.deliver(event)
    # The same fact in another envelope, as a replay from a snapshot would bring it.
    await scenario.service.deliver(fact)
    posts = await posts_of(scenario, program_id, "impact")
    assert len(posts) == 1
    assert posts[0]["transaction_id"] == str(fact.transaction_id)
    assert posts[0]["program_id"] == str(program_id)
    assert posts[0]["author"] is None
    assert posts[0]["body"] == "NGN 200,000.00 from Tailors of Kano has reached its beneficiary."
    for personal in (str(user_id), str(fact.application_id)):
        assert personal not in str(posts[0])
    told = [item for item in await scenario.service.announced(PostCreated) if item.program_id == program_id]
    assert [(item.kind, item.author_id, item.transaction_id) for item in told] == [
        ("impact", None, fact.transaction_id)
    ]


async def test_an_impact_post_gets_the_title_that_arrives_later(scenario):
    user_id, _ = await scenario.person()
    program_id = new_id()
    await scenario.service.deliver(scenario.about_payment(program_id, user_id))
    assert "a programme" in (await posts_of(scenario, program_id, "impact"))[0]["body"]
    await scenario.service.deliver(scenario.snapshot(program_id, title="Now Known", revision=1))
    assert "Now Known" in (await posts_of(scenario, program_id, "impact"))[0]["body"]


async def test_a_payment_that_came_back_is_no_impact(scenario):
    user_id, client = await scenario.person()
    program_id = await scenario.program()
    fact = scenario.about_payment(program_id, user_id)
    await scenario.service.deliver(fact)
    reversal = DisbursementReversed.model_validate(fact.model_dump() | {"code": "account_closed"})
    await scenario.service.deliver(reversal)
    assert await posts_of(scenario, program_id, "impact") == []
    kinds = [item["kind"] for item in await scenario.notifications(client)]
    assert kinds == ["disbursement_reversed", "disbursement_completed"]


async def test_a_payment_that_came_back_left_after_all_and_came_back_again_is_no_impact(scenario):
    user_id, client = await scenario.person()
    program_id = await scenario.program()
    fact = scenario.about_payment(program_id, user_id)
    # What two people found to have left after all has a transaction of its own, for the same request.
    correction = fact.model_copy(update={"transaction_id": new_id()})
    for paid, code in ((fact, "account_closed"), (correction, "returned_by_bank")):
        await scenario.service.deliver(paid)
        [post] = await posts_of(scenario, program_id, "impact")
        assert post["transaction_id"] == str(paid.transaction_id)
        await scenario.service.deliver(DisbursementReversed.model_validate(paid.model_dump() | {"code": code}))
        assert await posts_of(scenario, program_id, "impact") == []
    kinds = [item["kind"] for item in await scenario.notifications(client)]
    assert kinds == ["disbursement_reversed", "disbursement_completed"] * 2


async def test_news_of_a_programme_makes_one_post(scenario):
    program_id = await scenario.program()
    fact = UpdatePosted(program_id=program_id, update_id=new_id(), author_id=new_id())
    await scenario.service.deliver(fact)
    await scenario.service.deliver(fact)
    posts = await posts_of(scenario, program_id, "update")
    assert [post["body"] for post in posts] == ["There is news from Tailors of Kano."]


async def test_people_can_like_and_reply_to_what_the_platform_wrote(scenario):
    user_id, client = await scenario.person()
    program_id = await scenario.program()
    await scenario.service.deliver(scenario.about_payment(program_id, user_id))
    post = (await posts_of(scenario, program_id, "impact"))[0]
    assert (await client.post(f"{BASE}/{post['id']}/like/")).status_code == 200
    assert (await client.post(f"{BASE}/{post['id']}/comment/", json={"body": "Well done"})).status_code == 201
    assert (await client.patch(f"{BASE}/{post['id']}/", json={"body": "x"})).status_code == 403
    assert (await client.delete(f"{BASE}/{post['id']}/")).status_code == 403
    assert (await posts_of(scenario, program_id, "impact"))[0]["counts"] == {"likes": 1, "replies": 1}
