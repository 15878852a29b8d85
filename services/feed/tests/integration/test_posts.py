"""Posts: written, read by all, changed by their authors only, liked once, replied to, reported, taken away."""

import asyncio

import pytest

from chassis.ids import new_id
from contracts.feed import NotificationCreated, PostCreated, ReplyCreated
from contracts.identity import UserErased

pytestmark = pytest.mark.asyncio(loop_scope="module")

BASE = "/api/v1/posts"


async def test_a_post_is_there_for_everybody(scenario):
    user_id, client = await scenario.person()
    media = ["https://pictures.example/a.jpg"]
    post = await scenario.post(client, "Our first loom", media=media)
    assert post["kind"] == "post"
    assert post["author"] == {"id": str(user_id)}
    assert post["counts"] == {"likes": 0, "replies": 0}
    assert post["liked"] is False
    assert post["media"] == media
    shown = await scenario.public.get(f"{BASE}/{post['id']}/")
    assert shown.json() == post
    feed = (await scenario.public.get(f"{BASE}/feed/")).json()
    assert feed["items"][0] == post
    told = [fact for fact in await scenario.service.announced(PostCreated) if str(fact.post_id) == post["id"]]
    assert [(fact.author_id, fact.kind) for fact in told] == [(user_id, "post")]


async def test_what_people_write_is_not_readable_at_rest(scenario):
    _, client = await scenario.person()
    post = await scenario.post(client, "a sentence to look for")
    stored = await scenario.scalar("SELECT sealed_content FROM posts WHERE id = CAST(:id AS uuid)", id=post["id"])
    assert b"sentence" not in bytes(stored)
    outbox = await scenario.scalar(
        "SELECT count(*) FROM outbox WHERE position(CAST('sentence' AS bytea) in payload) > 0"
    )
    assert outbox == 0


async def test_only_who_is_known_writes(scenario):
    _, client = await scenario.person()
    post = await scenario.post(client)
    for method, path, body in (
        ("POST", "create/", {"body": "x"}),
        ("PATCH", f"{post['id']}/", {"body": "x"}),
        ("DELETE", f"{post['id']}/", None),
        ("POST", f"{post['id']}/like/", None),
        ("DELETE", f"{post['id']}/like/", None),
        ("POST", f"{post['id']}/comment/", {"body": "x"}),
        ("POST", f"{post['id']}/report/", {"reason": "x"}),
        ("GET", "reports/", None),
    ):
        answer = await scenario.public.request(method, f"{BASE}/{path}", json=body)
        assert answer.status_code == 401, path


async def test_only_its_author_changes_a_post_and_only_an_admin_hides_anothers(scenario):
    _, author = await scenario.person()
    _, stranger = await scenario.person()
    _, admin = await scenario.person("admin")
    post = await scenario.post(author)
    url = f"{BASE}/{post['id']}/"
    assert (await stranger.patch(url, json={"body": "mine now"})).status_code == 403
    assert (await admin.patch(url, json={"body": "mine now"})).status_code == 403
    assert (await stranger.delete(url)).status_code == 403
    assert (await scenario.public.get(url)).json() == post
    assert (await admin.delete(url)).status_code == 204
    for client in (scenario.public, author, stranger):
        assert (await client.get(url)).status_code == 404
        assert (await client.get(f"{url}replies/")).status_code == 404
    feed = (await scenario.public.get(f"{BASE}/feed/?limit=100")).json()["items"]
    assert post["id"] not in [item["id"] for item in feed]
    assert (await stranger.post(f"{url}like/")).status_code == 404


async def test_an_author_changes_and_takes_back_a_post(scenario):
    _, author = await scenario.person()
    post = await scenario.post(author, media=["https://pictures.example/a.jpg"])
    url = f"{BASE}/{post['id']}/"
    etag = (await author.get(url)).headers["etag"]
    changed = await author.patch(url, json={"body": "Better news"}, headers={"If-Match": etag})
    assert changed.status_code == 200
    assert changed.json()["body"] == "Better news"
    assert changed.json()["media"] == ["https://pictures.example/a.jpg"]
    stale = await author.patch(url, json={"body": "Lost"}, headers={"If-Match": etag})
    assert (stale.status_code, stale.json()["code"]) == (412, "stale_version")
    assert (await author.delete(url, headers={"If-Match": etag})).status_code == 412
    assert (await scenario.public.get(url)).json()["body"] == "Better news"
    assert (await author.delete(url)).status_code == 204
    assert (await author.delete(url)).status_code == 404


async def test_liking_is_counted_once_a_person(scenario):
    _, author = await scenario.person()
    _, fan = await scenario.person()
    post = await scenario.post(author)
    url = f"{BASE}/{post['id']}/"
    for _ in range(2):
        liked = await fan.post(f"{url}like/")
        assert (liked.status_code, liked.json()["liked"], liked.json()["counts"]["likes"]) == (200, True, 1)
    assert (await fan.get(url)).json()["liked"] is True
    assert (await author.get(url)).json()["liked"] is False
    for _ in range(2):
        unliked = await fan.delete(f"{url}like/")
        assert (unliked.status_code, unliked.json()["counts"]["likes"]) == (200, 0)


async def test_likes_at_once_are_all_counted(scenario):
    _, author = await scenario.person()
    post = await scenario.post(author)
    fans = [(await scenario.person())[1] for _ in range(5)]
    await asyncio.gather(*(fan.post(f"{BASE}/{post['id']}/like/") for fan in fans for _ in range(2)))
    assert (await scenario.public.get(f"{BASE}/{post['id']}/")).json()["counts"]["likes"] == 5


async def test_replies_are_read_in_order_and_their_post_is_told(scenario):
    author_id, author = await scenario.person()
    fan_id, fan = await scenario.person()
    post = await scenario.post(author)
    url = f"{BASE}/{post['id']}"
    made = [(await fan.post(f"{url}/comment/", json={"body": f"Reply {number}"})).json() for number in range(3)]
    await author.post(f"{url}/comment/", json={"body": "Thanks"})
    page = (await scenario.public.get(f"{url}/replies/?limit=2")).json()
    assert page["items"] == made[:2]
    assert page["items"][0]["author"] == {"id": str(fan_id)}
    rest = (await scenario.public.get(f"{url}/replies/?limit=2&cursor={page['next_cursor']}")).json()
    assert [item["body"] for item in rest["items"]] == ["Reply 2", "Thanks"]
    assert rest["next_cursor"] is None
    assert (await scenario.public.get(f"{url}/")).json()["counts"]["replies"] == 4
    told = [fact for fact in await scenario.service.announced(ReplyCreated) if str(fact.post_id) == post["id"]]
    assert len(told) == 4
    heard = [fact for fact in await scenario.service.announced(NotificationCreated) if fact.user_id == author_id]
    assert [(fact.kind, fact.link) for fact in heard] == [("post_replied", f"/posts/{post['id']}")] * 3


async def test_a_report_reaches_the_admins_once_a_person(scenario):
    _, author = await scenario.person()
    _, reader = await scenario.person()
    _, admin = await scenario.person("admin")
    post = await scenario.post(author)
    first = await reader.post(f"{BASE}/{post['id']}/report/", json={"reason": "spam"})
    assert first.status_code == 201
    again = await reader.post(f"{BASE}/{post['id']}/report/", json={"reason": "spam, again"})
    assert again.json()["id"] == first.json()["id"]
    assert (await reader.get(f"{BASE}/reports/")).status_code == 403
    reports = (await admin.get(f"{BASE}/reports/")).json()["items"]
    assert [item["reason"] for item in reports if item["post_id"] == post["id"]] == ["spam, again"]


async def test_pages_of_the_feed_neither_repeat_nor_miss_while_people_post(scenario):
    _, client = await scenario.person()
    made = [(await scenario.post(client, f"Post {number}"))["id"] for number in range(5)]
    seen: list[str] = []
    cursor = ""
    while len(seen) < 5:
        page = (await scenario.public.get(f"{BASE}/feed/?kind=post&limit=2{cursor}")).json()
        seen += [item["id"] for item in page["items"]]
        cursor = f"&cursor={page['next_cursor']}"
        await scenario.post(client, "In between")
    assert seen[:5] == list(reversed(made))


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"body": ""},
        {"body": "x" * 10_001},
        {"body": "x", "kind": "impact"},
        {"body": "x", "media": ["javascript:alert(1)"]},
        {"body": "x", "media": ["http://insecure.example/a.jpg"]},
        {"body": "x", "media": ["https://user:secret@example/a.jpg"]},
        {"body": "x", "media": ["https://example/" + "a" * 500]},
        {"body": "x", "media": ["https://example/a.jpg"] * 11},
        {"body": 7},
    ],
)
async def test_a_post_that_breaks_a_rule_is_refused(scenario, body):
    _, client = await scenario.person()
    answer = await client.post(f"{BASE}/create/", json=body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"]


@pytest.mark.parametrize("query", ["colour=red", "kind=secret", "program_id=x", "cursor=x", "limit=1000"])
async def test_what_the_feed_does_not_know_is_refused(scenario, query):
    assert (await scenario.public.get(f"{BASE}/feed/?{query}")).status_code == 422


async def test_an_absent_post_is_not_found(scenario):
    _, client = await scenario.person()
    for post_id in (new_id(), "not-an-id"):
        assert (await client.get(f"{BASE}/{post_id}/")).status_code == 404
        assert (await client.post(f"{BASE}/{post_id}/comment/", json={"body": "x"})).status_code == 404


async def test_an_erased_person_leaves_nothing_visible(scenario):
    user_id, gone = await scenario.person()
    _, other = await scenario.person()
    theirs = await scenario.post(gone, "remember me")
    others = await scenario.post(other)
    url = f"{BASE}/{others['id']}/"
    await gone.post(f"{url}like/")
    await gone.post(f"{url}comment/", json={"body": "remember this"})
    await other.post(f"{url}like/")
    event = await scenario.service.deliver(UserErased(user_id=user_id))
    await scenario.service.deliver(event)
    assert (await scenario.public.get(f"{BASE}/{theirs['id']}/")).status_code == 404
    left = (await scenario.public.get(url)).json()
    assert left["counts"] == {"likes": 1, "replies": 0}
    assert (await scenario.public.get(f"{url}replies/")).json()["items"] == []
    assert (await gone.post(f"{BASE}/create/", json={"body": "back"})).status_code == 401
    query = "SELECT sealed_content FROM posts WHERE id = CAST(:id AS uuid)"
    assert await scenario.scalar(query, id=theirs["id"]) is None
