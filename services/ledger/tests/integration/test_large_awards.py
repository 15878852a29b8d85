"""An award of very many small donations: booked by as many statements as one of a few, shown by as many rows."""

from typing import Any

from services.ledger.tests.integration.test_crediting_together import pending
from services.ledger.tests.integration.test_reading_growth import CHAIN, Filled, id_of, questions
from services.ledger.tests.scenario import Scenario

from chassis.testing.plans import asked_of

# Both are less than a page of lots and one of shares: what differs is asked for each donation by itself.
FEW, MANY = 12, 120
# A third of these blocks are donations: enough for a plan that reads no more of a payment than it shows.
THOUSANDS = 30_000
# What the graph and a trace show at most.
LINKS_SHOWN_MAX = 500


async def live_an_award(scenario: Scenario, lots: int) -> dict[str, int]:
    """By step: how many statements an award of `lots` donations of 1.00 takes."""
    await pending(scenario, lots - 1)
    await scenario.service.tick("credit_donations")
    award = scenario.award("2.00", "3.50", f"{lots - 5.5:.2f}")
    took: dict[str, int] = {}
    worker = scenario.service.worker.database
    with asked_of(worker) as said:
        await scenario.service.deliver(award)
    took["set aside"] = len(said)
    for tranche, account in enumerate(("0000000001", "0000000003", "0000000005")):
        await scenario.set_account(account)
        with asked_of(worker) as said:
            await scenario.service.deliver(scenario.approval(award, tranche))
            await scenario.settle()
            await scenario.later(3)
            await scenario.settle()
        took[f"tranche {tranche}"] = len(said)
    with asked_of(worker) as said:
        await scenario.service.deliver(scenario.cancellation(award))
    took["released"] = len(said)
    [left] = await scenario.fetch(
        "SELECT sum(paid) AS paid, sum(released) AS released, count(*) AS lots FROM award_lots WHERE award_id = $1",
        award.award_id,
    )
    assert (str(left["paid"]), str(left["released"]), left["lots"]) == ("2.00", f"{lots - 2}.00", lots)
    # What was given back is free again, and the next award begins with the programme's other money gone.
    rest = scenario.award(f"{lots - 2}.00")
    await scenario.service.deliver(rest)
    assert set((await scenario.balances()).values()) >= {f"{lots - 2}.00"}
    return took


async def test_an_award_of_many_donations_takes_as_many_statements_as_one_of_few(scenario):
    few = await live_an_award(scenario, FEW)
    many = await live_an_award(scenario, MANY)
    assert many == few


def rows_read(plan: dict[str, Any], table: str) -> int:
    """Of a table, by all of a plan; those too that were read for nothing."""
    own = 0
    if plan.get("Relation Name") == table:
        own = round((plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)) * plan["Actual Loops"])
    return own + sum(rows_read(part, table) for part in plan.get("Plans", ()))


async def test_a_payment_of_thousands_of_donations_is_cut_without_being_read_whole(scenario):
    scenario.is_sound = False
    filled = Filled(scenario)
    await filled.fill(THOUSANDS)
    newest = THOUSANDS // 3 * 3 - 2
    award, paid = id_of(newest - 1), id_of(newest)
    await filled.scenario.fetch(
        "INSERT INTO transaction_links (from_transaction, to_transaction, amount)"
        " SELECT donation_id, $1, 0.01 FROM lots ON CONFLICT DO NOTHING",
        paid,
    )
    await filled.scenario.fetch(
        "INSERT INTO award_lots (award_id, donation_id, amount) SELECT $1, donation_id, 0.01 FROM lots"
        " ON CONFLICT DO NOTHING",
        award,
    )
    await filled.scenario.fetch("VACUUM ANALYZE")
    count = "SELECT count(*) AS n FROM transaction_links WHERE to_transaction = $1"
    [behind] = await filled.scenario.fetch(count, paid)
    assert behind["n"] > 3 * LINKS_SHOWN_MAX
    async with filled.scenario.service.client() as anyone:
        for query in ("graph/", "graph/?depth=3", f"trace/{paid}/", f"trace/{award}/?direction=backward"):
            with asked_of(filled.scenario.service.api.database) as said:
                shown = (await anyone.get(f"{CHAIN}/{query}")).json()
            assert len(shown["links"]) == LINKS_SHOWN_MAX, query
            assert shown["truncated"] is True, query
            for statement, parameters in questions(said):
                plan = await filled.plan(statement, parameters)
                for table in ("transaction_links", "award_lots"):
                    assert rows_read(plan, table) <= 3 * LINKS_SHOWN_MAX, (query, statement)
