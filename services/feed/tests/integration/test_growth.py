"""The feed stays as quick as it was: with many posts each page is still a walk along an index."""

from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from chassis.ids import new_id
from chassis.testing.plans import asked_of, plan_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

# Enough for the planner to prefer an index over reading everything.
ROWS = 20_000
LISTS = ("FROM posts", "FROM replies", "FROM notifications")

FILL_POSTS = """
    INSERT INTO feed.posts (id, kind, program_id, transaction_id, amount, currency, version)
    SELECT uuidv7(), 'impact', CASE WHEN n % 50 = 0 THEN $2::uuid ELSE gen_random_uuid() END, gen_random_uuid(), n,
        'NGN', 1
    FROM generate_series(1, $1::int) AS n
"""
FILL_NOTIFICATIONS = """
    INSERT INTO feed.notifications (id, user_id, kind, cause_id, read_at)
    SELECT uuidv7(), CASE WHEN n % 4 = 0 THEN $2::uuid ELSE gen_random_uuid() END, 'video_ready', gen_random_uuid(),
        CASE WHEN n % 8 = 0 THEN now() END
    FROM generate_series(1, $1::int) AS n
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def many(urls, scenario):
    program_id, user_id = new_id(), new_id()
    connection = await asyncpg.connect(urls["admin"])
    await connection.execute(FILL_POSTS, ROWS, program_id)
    await connection.execute(FILL_NOTIFICATIONS, ROWS, user_id)
    await connection.execute("VACUUM (ANALYZE) feed.posts, feed.notifications")
    await connection.close()
    return scenario, program_id, await scenario.client_of(user_id)


def kinds(plan: dict[str, Any]) -> set[str]:
    return {plan["Node Type"]}.union(*(kinds(child) for child in plan.get("Plans", [])))


async def read(scenario, client, path):
    """What a GET answers, and the kinds of nodes in the plans of the lists that it reads."""
    database = scenario.service.api.database
    with asked_of(database) as asked:
        answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    async with database.reading() as connection:
        found = [
            kinds(await plan_of(connection, *each, "VERBOSE false"))
            for each in asked
            if any(name in each[0] for name in LISTS) and "count(" not in each[0]
        ]
    assert found
    return answer.json(), found


@pytest.mark.parametrize("filters", ["", "&kind=impact", "&program_id={program_id}"])
@pytest.mark.parametrize("known", [True, False])
async def test_every_page_of_the_feed_is_read_from_an_index(many, filters, known):
    scenario, program_id, client = many
    reader = client if known else scenario.public
    path = f"/api/v1/posts/feed/?limit=20{filters.format(program_id=program_id)}"
    page, first = await read(scenario, reader, path)
    _, second = await read(scenario, reader, f"{path}&cursor={page['next_cursor']}")
    assert len(page["items"]) == 20
    for found in (*first, *second):
        assert "Sort" not in found
        assert found & {"Index Scan", "Index Only Scan"}


async def test_every_page_of_notifications_is_read_from_an_index(many):
    scenario, _, client = many
    path = "/api/v1/notifications/?limit=100"
    page, plans = await read(scenario, client, path)
    assert page["unread_count"] == ROWS // 8
    _, unread = await read(scenario, client, f"{path}&cursor={page['next_cursor']}")
    last_unread, _ = await read(scenario, client, f"{path}&unread=false")
    _, further = await read(scenario, client, f"{path}&cursor={last_unread['next_cursor']}")
    for found in (*plans, *unread, *further):
        assert "Sort" not in found
        assert found & {"Index Scan", "Index Only Scan"}
