"""What is older than its promise is forgotten, in steps that read what they delete and nothing else."""

import json
from typing import Any

from sqlalchemy import text

from chassis.database import Database
from chassis.housekeeping import DELETE_ROWS, housekeeping_timers
from chassis.testing.plans import asked_of, plan_of

OLD, YOUNG = 2 * DELETE_ROWS + 7, 20_000
# A round reads the index's entries and the rows: each once, or twice where they are found and then deleted.
READ_MAX = 2 * DELETE_ROWS + 10

FILL = (
    (
        "INSERT INTO outbox (event_id, topic, subject, sequence, event_type, payload, created_at, published_at)"
        " SELECT gen_random_uuid(), 't', gen_random_uuid()::text, 1, 'e', '', {at}, {at} FROM {rows} AS i"
    ),
    "INSERT INTO inbox (consumer, event_id, handled_at) SELECT 'c', gen_random_uuid(), {at} FROM {rows} AS i",
    (
        "INSERT INTO idempotency_keys (scope_hash, payload_hash, status, sealed_answer, created_at)"
        " SELECT uuid_send(gen_random_uuid()), '', 200, '', {at} FROM {rows} AS i"
    ),
    # Not published yet: kept, however old.
    (
        "INSERT INTO outbox (event_id, topic, subject, sequence, event_type, payload, created_at)"
        " SELECT gen_random_uuid(), 't', 'waits', 1, 'e', '', now() - interval '90 days'"
    ),
)
DAYS = {"outbox": 14, "inbox": 30, "idempotency_keys": 7}


def read(plan: dict[str, Any]) -> int:
    """Rows that a plan's scans of tables had in hand, also those that were not wanted."""
    own = 0
    if "Relation Name" in plan and plan["Node Type"] != "ModifyTable":
        own = round((plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)) * plan["Actual Loops"])
    return own + sum(read(part) for part in plan.get("Plans", ()))


async def test_old_rows_go_in_bounded_steps_that_read_no_young_ones(sample_urls):
    database = Database(sample_urls["programs_worker"], application_name="test")
    admin = Database(sample_urls["programs_migrator"], application_name="test-admin")
    try:
        async with admin.unit_of_work() as work:
            for table, fill in zip((*DAYS, "outbox"), FILL, strict=True):
                for rows, age in ((YOUNG, f"{DAYS[table] - 1} days"), (OLD, f"{DAYS[table] + 1} days")):
                    if "{rows}" in fill or rows == OLD:
                        at = f"now() - interval '{age}'"
                        await work.connection.execute(text(fill.format(at=at, rows=f"generate_series(1, {rows})")))
            await work.connection.execute(text("ANALYZE"))
        forget = next(each for each in housekeeping_timers("programs", database) if each.name == "forget_old_rows")
        with asked_of(database) as asked:
            assert await forget.run()
        deletions = [each for each in asked if each[0].startswith("DELETE")]
        async with database.reading() as connection:
            for statement, parameters in deletions[: len(DAYS)]:
                plan = await plan_of(connection, statement, parameters)
                assert 0 < read(plan) <= READ_MAX, json.dumps(plan)
        await forget.tick()
        async with database.reading() as connection:
            left = {
                table: (await connection.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one() for table in DAYS
            }
        assert left == {"outbox": YOUNG + 1, "inbox": YOUNG, "idempotency_keys": YOUNG}
    finally:
        await database.close()
        await admin.close()
