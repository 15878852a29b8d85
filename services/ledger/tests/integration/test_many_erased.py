"""Very many people erased, and very many contradicting events: the sweep reads each of them once."""

import json
from typing import Any

from services.ledger.tests.scenario import Scenario

from chassis.ids import new_id
from chassis.testing.plans import asked_of, plan_of

MANY = 300
# Of a person or event: read, joined and looked up by each of the ways in which a person can be back.
ROWS_EACH_MAX = 40


def looked_at(plan: dict[str, Any]) -> int:
    """Rows and pairs of rows that all parts of a plan had in hand."""
    removed = sum(plan.get(f"Rows Removed by {what}", 0) for what in ("Filter", "Join Filter"))
    own = round((plan["Actual Rows"] + removed) * plan["Actual Loops"])
    return own + sum(looked_at(part) for part in plan.get("Plans", ()))


async def sweep_plan(scenario: Scenario) -> Any:
    database = scenario.service.worker.database
    with asked_of(database) as asked:
        await scenario.service.tick("forget_again")
    first = next(each for each in asked if "user_standings.erased" in each[0])
    async with database.reading() as connection:
        return await plan_of(connection, *first)


async def test_no_event_is_searched_for_each_person_who_was_erased(scenario):
    scenario.is_sound = False  # these events were never booked otherwise
    named, other = new_id(), new_id()
    await scenario.fetch(
        "INSERT INTO user_standings (user_id, role, role_version, erased)"
        " SELECT gen_random_uuid(), 'member', 1, true FROM generate_series(1, $1::int)"
        " UNION ALL SELECT $2, 'member', 1, true UNION ALL SELECT $3, 'member', 1, false",
        MANY,
        named,
        other,
    )
    await scenario.fetch(
        "INSERT INTO quarantined_events (event_id, event_hash, event_type, payload)"
        " SELECT gen_random_uuid(), '', 'test', convert_to('{\"user_id\":\"' || gen_random_uuid() || '\"}', 'UTF8')"
        " FROM generate_series(1, $1::int)",
        MANY,
    )
    # In capitals, between other hexadecimal digits and bytes that are no text; and of somebody who was not erased.
    for payload in (b"\xff ff" + str(named).upper().encode() + b"ff", str(other).encode()):
        await scenario.fetch(
            "INSERT INTO quarantined_events (event_id, event_hash, event_type, payload)"
            " VALUES (gen_random_uuid(), '', 'named', $1)",
            payload,
        )
    await scenario.fetch("VACUUM ANALYZE")
    plan = await sweep_plan(scenario)
    kept = await scenario.fetch("SELECT payload FROM quarantined_events WHERE event_type = 'named'")
    assert sorted(row["payload"] for row in kept) == [b"", str(other).encode()]
    assert looked_at(plan) <= ROWS_EACH_MAX * 2 * MANY, json.dumps(plan)
