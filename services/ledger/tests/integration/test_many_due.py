"""Very many payments that are due at once: each look takes the next of its kind, and reads none of the others."""

import json
from typing import Any

from services.ledger.tests.integration.test_crediting_together import pending
from services.ledger.tests.integration.test_large_awards import rows_read
from services.ledger.tests.scenario import Scenario

from chassis.testing.plans import asked_of, plan_of
from ledger.adapters.payment_parts import _LOOK  # what the worker asks twice a second
from ledger.use_cases.credit_donation import TOGETHER_MAX

# Of each kind the first, as a plan counts it in its parts.
LOOKED_AT_MAX = 8
DUE = 4_000


async def plans_of(scenario: Scenario, timer: str) -> list[dict[str, Any]]:
    """How what one run of a timer asks first, of payments that are due, is carried out."""
    database = scenario.service.worker.database
    with asked_of(database) as asked:
        await next(each for each in scenario.service.worker_parts.timers if each.name == timer).run()
    async with database.reading() as connection:
        return [await plan_of(connection, *each) for each in asked if "payments.due_at <=" in each[0]]


async def test_what_is_due_is_found_past_thousands_of_others_without_reading_them(scenario):
    await scenario.donate("100.00")
    award = scenario.award("10.00")
    await scenario.service.deliver(award)
    await scenario.set_account()
    await pending(scenario, DUE)
    await scenario.service.deliver(scenario.approval(award))
    # All of them at the same instant, as after a pause in which everything became due; the payment out is the last.
    await scenario.fetch(
        "UPDATE payments SET due_at = CASE direction WHEN 'in' THEN now() - interval '1 hour'"
        " ELSE now() - interval '1 minute' END WHERE due_at IS NOT NULL"
    )
    await scenario.fetch("VACUUM ANALYZE")
    [look] = await scenario.fetch(f"EXPLAIN (ANALYZE, FORMAT JSON) {_LOOK.replace('$1', 'now()')}", role="worker")
    assert rows_read(json.loads(look[0])[0]["Plan"], "payments") <= LOOKED_AT_MAX
    for timer, taken in (("credit_donations", TOGETHER_MAX), ("settle_refunds", 1), ("settle_payments", 1)):
        plans = await plans_of(scenario, timer)
        assert plans, timer
        for plan in plans:
            assert rows_read(plan, "payments") <= 2 * taken, (timer, json.dumps(plan))
            assert rows_read(plan, "transactions") <= 2 * taken, (timer, json.dumps(plan))
