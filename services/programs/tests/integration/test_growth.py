"""Lists stay as quick as they were: with many programmes each page is still a walk along an index."""

from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from chassis.testing.plans import asked_of, plan_of
from programs.adapters.catalogue import SORTS

pytestmark = pytest.mark.asyncio(loop_scope="module")

BASE = "/api/v1/programs"
# Enough for the planner to prefer an index over reading everything.
PROGRAMS = 20_000

FILL = """
    INSERT INTO programs.programs (
        id, slug, status, version, title, summary, description, category, funder, budget, currency, award_min,
        award_max, slots, open_date, close_date, time_zone, review_quorum, created_by, created_at, updated_at
    )
    SELECT gen_random_uuid(), 'many-' || n, CASE WHEN n % 10 = 0 THEN 'draft' ELSE 'open' END, 1, 'Programme ' || n,
        'Summary ' || md5(n::text), 'Description ' || md5((n + 1)::text), 'category ' || (n % 20), 'Funder', 1000000,
        'NGN', 10, 10 + n, 5, date '2026-01-01', date '2026-01-01' + n % 3000, 'Africa/Lagos', 2, gen_random_uuid(),
        now() - n * interval '1 minute', now()
    FROM generate_series(1, $1::int) AS n
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def many(urls, scenario):
    connection = await asyncpg.connect(urls["admin"])
    await connection.execute(FILL, PROGRAMS)
    await connection.execute("VACUUM (ANALYZE) programs.programs")
    await connection.close()
    return scenario


def kinds(plan: dict[str, Any]) -> set[str]:
    return {plan["Node Type"]}.union(*(kinds(child) for child in plan.get("Plans", [])))


async def plans_of(scenario, path):
    """The plans of what a public GET reads from the list."""
    database = scenario.service.api.database
    with asked_of(database) as asked:
        answer = await scenario.public.get(path)
    assert answer.status_code == 200, answer.text
    async with database.reading() as connection:
        found = [await plan_of(connection, *each, "VERBOSE false") for each in asked if "FROM programs" in each[0]]
    return answer.json(), found


@pytest.mark.parametrize("sort", list(SORTS))
async def test_every_order_is_read_from_an_index_on_the_first_page_and_far_behind_it(many, sort):
    page, first = await plans_of(many, f"{BASE}/?sort={sort}")
    _, second = await plans_of(many, f"{BASE}/?sort={sort}&cursor={page['next_cursor']}")
    for plan in (*first, *second):
        assert "Seq Scan" not in kinds(plan)
        assert "Sort" not in kinds(plan)
    assert len(first) == len(second) == 1


async def test_a_category_is_read_from_an_index(many):
    page, plans = await plans_of(many, f"{BASE}/?category=category 7")
    assert len(page["items"]) == 20
    assert [kinds(plan) & {"Seq Scan", "Sort"} for plan in plans] == [set()]


async def test_words_are_looked_up(many):
    page, plans = await plans_of(many, f"{BASE}/?q=programme 17777")
    assert [item["title"] for item in page["items"]] == ["Programme 17777"]
    assert "Bitmap Index Scan" in kinds(plans[0])
