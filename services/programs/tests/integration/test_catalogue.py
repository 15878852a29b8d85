"""The public list: filters, order, pages that stay put, news, categories."""

from typing import Any

import pytest

from chassis.ids import new_id
from contracts.programs import ProgramUpdated, UpdatePosted
from programs.adapters.snapshot import announce_every_program

pytestmark = pytest.mark.asyncio(loop_scope="module")

BASE = "/api/v1/programs"


async def ids_of(client, query):
    answer = await client.get(f"{BASE}/?{query}")
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["items"]]


async def test_the_public_sees_published_programmes_and_admins_see_drafts_too(scenario):
    draft = await scenario.draft(category="visibility")
    opened = await scenario.published(category="visibility")
    assert await ids_of(scenario.public, "category=visibility") == [opened["id"]]
    assert await ids_of(scenario.admin, "category=visibility") == [opened["id"], draft["id"]]
    assert await ids_of(scenario.admin, "category=visibility&status=draft") == [draft["id"]]


async def test_filters_narrow_the_list(scenario):
    small = await scenario.published(category="filters", award_min="10000.00", award_max="20000.00", title="Beekeepers")
    large = await scenario.published(
        category="filters",
        award_min="200000.00",
        award_max="400000.00",
        open_date="2027-01-01",
        description="Solar pumps for irrigation.",
    )
    base = "category=filters"
    assert await ids_of(scenario.public, f"{base}&min_award=50000.00") == [large["id"]]
    assert await ids_of(scenario.public, f"{base}&max_award=50000.00") == [small["id"]]
    assert await ids_of(scenario.public, f"{base}&q=beekeeper") == [small["id"]]
    assert await ids_of(scenario.public, f"{base}&q=pump") == [large["id"]]
    assert await ids_of(scenario.public, f"{base}&q=nothing+like+it") == []
    assert await ids_of(scenario.public, f"{base}&open_on=2026-06-01") == [small["id"]]
    assert await ids_of(scenario.public, f"{base}&open_on=2027-01-01") == [large["id"], small["id"]]
    assert await ids_of(scenario.public, f"{base}&currency=NGN&status=open") == [large["id"], small["id"]]
    assert await ids_of(scenario.public, f"{base}&sort=award_max") == [small["id"], large["id"]]


@pytest.mark.parametrize(
    "query",
    [
        "colour=red",
        "status=secret",
        "limit=0",
        "limit=101",
        "limit=x",
        "sort=title",
        "cursor=nonsense",
        "cursor=WyJhIl0",
        "min_award=1e9",
        "min_award=-1",
        "open_on=yesterday",
        "q=%00",
        "q=",
        "category=%00",
    ],
)
async def test_what_the_list_does_not_know_is_refused(scenario, query):
    answer = await scenario.public.get(f"{BASE}/?{query}")
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["field"] == query.split("=", maxsplit=1)[0]


@pytest.mark.parametrize("sort", ["-created_at", "created_at", "close_date", "-close_date", "award_max", "-award_max"])
async def test_pages_neither_repeat_nor_miss_while_programmes_are_added(scenario, sort):
    category = f"pages {sort}"
    made = [(await scenario.published(category=category))["id"] for _ in range(5)]
    query = f"{BASE}/?category={category}&sort={sort}&limit=2"
    seen: list[str] = []
    cursor = ""
    while True:
        page = (await scenario.public.get(query + cursor)).json()
        seen += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
        await scenario.draft(category=category)
    assert seen == (list(reversed(made)) if sort.startswith("-") else made)


async def test_a_cursor_of_another_order_is_refused(scenario):
    for _ in range(2):
        await scenario.published(category="orders")
    page = (await scenario.public.get(f"{BASE}/?category=orders&limit=1")).json()
    answer = await scenario.public.get(f"{BASE}/?sort=close_date&cursor={page['next_cursor']}")
    assert answer.status_code == 422


async def test_the_list_is_cacheable(scenario):
    await scenario.published(category="cache")
    first = await scenario.public.get(f"{BASE}/?category=cache")
    assert first.headers["cache-control"] == "public, max-age=10"
    known = await scenario.public.get(f"{BASE}/?category=cache", headers={"If-None-Match": first.headers["etag"]})
    assert known.status_code == 304
    await scenario.published(category="cache")
    fresh = await scenario.public.get(f"{BASE}/?category=cache", headers={"If-None-Match": first.headers["etag"]})
    assert fresh.status_code == 200
    assert (await scenario.admin.get(f"{BASE}/")).headers["cache-control"] == "private, no-cache"


async def test_categories_count_public_programmes(scenario):
    await scenario.draft(category="counted")
    await scenario.published(category="counted")
    items = (await scenario.public.get(f"{BASE}/categories/")).json()["items"]
    assert {"category": "counted", "programs": 1, "open_programs": 1} in items


async def test_news_is_posted_for_everyone_and_told_to_the_others(scenario):
    program = await scenario.published()
    url = f"{BASE}/{program['id']}/updates/"
    posted = [
        (await scenario.admin.post(url, json={"title": f"News {number}", "body": "It goes well."})).json()
        for number in range(3)
    ]
    page = (await scenario.public.get(f"{url}?limit=2")).json()
    assert [item["title"] for item in page["items"]] == ["News 2", "News 1"]
    rest = (await scenario.public.get(f"{url}?limit=2&cursor={page['next_cursor']}")).json()
    assert [item["id"] for item in rest["items"]] == [posted[0]["id"]]
    told = {str(fact.update_id) for fact in await scenario.service.announced(UpdatePosted)}
    assert {item["id"] for item in posted} <= told
    draft = await scenario.draft()
    early = await scenario.admin.post(f"{BASE}/{draft['id']}/updates/", json={"title": "x", "body": "y"})
    assert (early.status_code, early.json()["state"]) == (409, "draft")


async def test_two_programmes_of_one_title_have_different_slugs(scenario):
    first, second = await scenario.draft(title="Twins of Jos"), await scenario.draft(title="Twins of Jos")
    assert first["slug"] == "twins-of-jos"
    assert second["slug"].startswith("twins-of-jos-")


async def test_a_repeated_key_makes_one_programme(scenario):
    program: dict[str, Any] = {"title": "Once", "summary": "", "category": "keys", "funder": "A", "budget": "10.00"}
    program |= {"award_min": "1.00", "award_max": "2.00", "slots": 1}
    program |= {"open_date": "2026-01-01", "close_date": "2026-12-31"}
    headers = {"Idempotency-Key": str(new_id())}
    first = await scenario.admin.post(f"{BASE}/", json=program, headers=headers)
    again = await scenario.admin.post(f"{BASE}/", json=program, headers=headers)
    assert again.json() == first.json()
    assert again.headers["idempotent-replayed"] == "true"
    other = await scenario.admin.post(f"{BASE}/", json=program | {"slots": 2}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_a_snapshot_tells_every_programme_again(scenario):
    program = await scenario.published()
    count = await announce_every_program(scenario.service.worker)
    facts = await scenario.service.announced(ProgramUpdated)
    assert count >= 1
    assert program["id"] in {str(fact.program_id) for fact in facts[-count:]}
