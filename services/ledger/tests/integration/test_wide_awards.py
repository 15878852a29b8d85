"""Awards that very many donations pay for: each payment looks at as many of them as it takes, and in their turn."""

from collections.abc import Sequence
from typing import Any

from services.ledger.tests.integration.test_batches import handle
from services.ledger.tests.integration.test_crediting_together import pending
from services.ledger.tests.scenario import Scenario

from ledger.adapters.lot_shares import PAGE_SHARES

LOTS = 2 * PAGE_SHARES + 44
# A row that was locked and not changed says so until something else is done with it.
LOCKED = "SELECT count(*) AS number FROM award_lots WHERE xmax <> 0"
PAID = (
    "SELECT min(received) AS first, max(received) AS last, sum(links.amount) AS amount FROM transaction_links AS links"
    " JOIN lots ON donation_id = from_transaction JOIN transactions ON transactions.id = to_transaction"
    " WHERE tranche_id = $1 GROUP BY to_transaction"
)


async def awarded(scenario: Scenario, tranches: Sequence[str]) -> tuple[Any, list[int]]:
    """An award that takes all of many donations of 1.00, and the places of their blocks."""
    await pending(scenario, LOTS - 1)
    await scenario.service.tick("credit_donations")
    award = scenario.award(*tranches)
    await scenario.service.deliver(award)
    await scenario.set_account("0000000003")
    return award, [row["received"] for row in await scenario.fetch("SELECT received FROM lots ORDER BY received")]


async def paid(scenario: Scenario, award: Any, tranche: int) -> tuple[int, int, int]:
    """The places of the first and the last donation that paid a tranche just now, and how much."""
    await scenario.service.deliver(scenario.approval(award, tranche))
    [*_, row] = await scenario.fetch(PAID, award.tranches[tranche].tranche_id)
    return row["first"], row["last"], int(row["amount"])


async def test_a_small_payment_of_a_wide_award_looks_at_one_page_of_it(scenario):
    award, received = await awarded(scenario, ["20.00", f"{LOTS - 20}.00"])
    assert await paid(scenario, award, 0) == (received[0], received[19], 20)
    [locked] = await scenario.fetch(LOCKED)
    assert 20 <= locked["number"] <= PAGE_SHARES


async def test_what_is_spent_is_not_looked_at_again_and_what_came_back_has_its_turn_again(scenario):
    half = LOTS // 2
    award, received = await awarded(scenario, [f"{half}.00", "10.00", f"{LOTS - half - 10}.00"])
    assert await paid(scenario, award, 0) == (received[0], received[half - 1], half)
    assert await paid(scenario, award, 1) == (received[half], received[half + 9], 10)
    # Both fail, and go back to where they came from; the last tranche takes the oldest.
    await scenario.settle()
    third = LOTS - half - 10
    assert await paid(scenario, award, 2) == (received[0], received[third - 1], third)
    await scenario.set_account()
    await scenario.settle()
    assert [str(row["paid"]) for row in await scenario.fetch("SELECT paid FROM awards")] == ["0.00"]
    assert await paid(scenario, award, 0) == (received[0], received[half - 1], half)
    await scenario.settle()
    await scenario.service.deliver(scenario.cancellation(award))
    assert (await scenario.balances())[f"program:{scenario.program_id}:available"] == f"{LOTS - half}.00"
    [row] = await scenario.fetch("SELECT count(*) AS open FROM lots WHERE taken = 0")
    assert row["open"] == LOTS - half
    assert (await scenario.verifier.verify(lots=True)).ok


async def test_payments_of_one_batch_follow_one_another_through_the_pages(scenario):
    part = PAGE_SHARES - 1
    award, received = await awarded(scenario, [f"{part}.00", f"{part}.00", f"{LOTS - 2 * part}.00"])
    await handle(scenario, *(scenario.approval(award, number) for number in range(3)))
    rows = [(await scenario.fetch(PAID, plan.tranche_id))[0] for plan in award.tranches]
    assert [(row["first"], row["last"]) for row in rows] == [
        (received[0], received[part - 1]),
        (received[part], received[2 * part - 1]),
        (received[2 * part], received[-1]),
    ]
