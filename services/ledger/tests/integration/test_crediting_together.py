"""Many donations at once: each is credited once, whoever else is at it, and none waits for one that stumbles."""

import asyncio
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from services.ledger.tests.scenario import Scenario

from chassis.testing.harness import running_service
from contracts.ledger import DonationReceived
from ledger.adapters.books import PostgresBooksOpener
from ledger.adapters.chain import Writer
from ledger.bootstrap import SERVICE
from ledger.domain.payments import RailAnswer
from ledger.domain.transactions import RailStatus
from ledger.use_cases.credit_donation import ASKED_AT_ONCE_MAX, TOGETHER_MAX, credit_due_donations
from ledger.use_cases.payment_ports import RailUnsureError

DUE = "UPDATE payments SET due_at = now() WHERE due_at IS NOT NULL"


async def pending(scenario: Scenario, number: int, rail: str = "sandbox") -> list[UUID]:
    """Donations of 1.00 that are due, as announcing them leaves them."""
    given = await scenario.donate("1.00")
    rows = await scenario.fetch(
        "INSERT INTO transactions (id, transaction_type, status, program_id, donor_id, user_id, requested_by, amount,"
        " currency, initiated_at) SELECT gen_random_uuid(), 'donation', 'pending', program_id, donor_id, user_id,"
        " requested_by, 1, 'NGN', now() FROM transactions, generate_series(1, $1::int) WHERE id = $2 RETURNING id",
        number,
        UUID(given["id"]),
    )
    await scenario.fetch(
        "INSERT INTO payments (transaction_id, direction, rail, reference, due_at)"
        " SELECT id, 'in', $1, id::text, now() FROM transactions WHERE status = 'pending'",
        rail,
    )
    return [row["id"] for row in rows]


async def states(scenario: Scenario) -> dict[UUID, str]:
    return {row["id"]: row["status"] for row in await scenario.fetch("SELECT id, status FROM transactions")}


async def test_all_that_are_due_are_credited_with_a_block_and_a_lot_each(scenario):
    made = await pending(scenario, 2 * TOGETHER_MAX + 3)
    await scenario.service.tick("credit_donations")
    assert set((await states(scenario)).values()) == {"completed"}
    assert (await scenario.blocks()).count("donation") == len(made) + 1
    assert len(await scenario.service.announced(DonationReceived)) == len(made) + 1
    lots = await scenario.fetch(
        "SELECT received, t.block_index FROM lots JOIN transactions AS t ON t.id = lots.donation_id"
    )
    assert len(lots) == len(made) + 1
    assert all(row["received"] == row["block_index"] for row in lots)


async def test_two_workers_at_once_credit_each_donation_once(scenario, urls):
    made = await pending(scenario, 3 * TOGETHER_MAX)
    async with running_service(SERVICE, urls) as other:
        await asyncio.gather(scenario.service.tick("credit_donations"), other.tick("credit_donations"))
        await scenario.service.tick("credit_donations")
    assert (await scenario.blocks()).count("donation") == len(made) + 1
    assert len(await scenario.service.announced(DonationReceived)) == len(made) + 1
    assert (await scenario.balances())[f"program:{scenario.program_id}:available"] == f"{len(made) + 1}.00"


async def test_one_that_stumbles_is_tried_later_and_nobody_waits_for_it(scenario):
    made = await pending(scenario, 5)
    # Its lot is there already, which no path of ours could have brought about.
    await scenario.fetch(
        "INSERT INTO lots (donation_id, program_id, currency, amount, received) VALUES ($1, $2, 'NGN', 1, 0)",
        made[2],
        scenario.program_id,
    )
    await scenario.service.tick("credit_donations")
    after = await states(scenario)
    assert [after[each] for each in made] == ["completed", "completed", "pending", "completed", "completed"]
    [row] = await scenario.fetch(
        "SELECT asked, due_at > now() AS waits FROM payments WHERE transaction_id = $1", made[2]
    )
    assert (row["asked"], row["waits"]) == (1, True)
    await scenario.fetch("DELETE FROM lots WHERE donation_id = $1", made[2])
    await scenario.fetch(DUE)
    await scenario.service.tick("credit_donations")
    assert set((await states(scenario)).values()) == {"completed"}
    assert (await scenario.blocks()).count("donation") == 6


class SlowRail:
    """An outside rail that takes its time, and says of each reference what it was told to say."""

    name = "paystack"

    def __init__(self, answers: dict[str, RailAnswer | None]) -> None:
        self.answers = answers
        self.under_way = self.most_under_way = 0

    async def ask_donation(self, reference: str) -> RailAnswer:
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        await asyncio.sleep(0.02)
        self.under_way -= 1
        answer = self.answers[reference]
        if answer is None:
            raise RailUnsureError("timed out")
        return answer


@pytest.mark.parametrize("stumbles", [False, True])
async def test_an_outside_rail_is_asked_about_several_at_once_and_each_answer_is_judged_by_itself(scenario, stumbles):
    made = await pending(scenario, 20, "paystack")
    paid = RailAnswer(RailStatus.PAID, Decimal("1.00"), "NGN")
    answers: dict[str, RailAnswer | None] = {str(each): paid for each in made}
    answers[str(made[3])] = RailAnswer(RailStatus.PAID, Decimal("1.01"), "NGN")
    answers[str(made[4])] = RailAnswer(RailStatus.PROCESSING)
    answers[str(made[5])] = None
    if stumbles:
        await scenario.fetch(
            "INSERT INTO lots (donation_id, program_id, currency, amount, received) VALUES ($1, $2, 'NGN', 1, 0)",
            made[6],
            scenario.program_id,
        )
        scenario.is_sound = False
    rail: Any = SlowRail(answers)
    worker = scenario.service.worker
    open_books = PostgresBooksOpener(worker.database, worker.vault, Writer())
    assert await credit_due_donations(open_books, {"paystack": rail}) is True
    assert 1 < rail.most_under_way <= ASKED_AT_ONCE_MAX
    expected = dict.fromkeys(made, "completed") | {made[3]: "disputed", made[4]: "pending", made[5]: "pending"}
    if stumbles:
        expected[made[6]] = "pending"
    after = await states(scenario)
    assert {each: after[each] for each in made} == expected
    assert (await scenario.blocks()).count("donation") == 1 + list(expected.values()).count("completed")
    # Nothing is asked about again before its pause is over.
    assert await credit_due_donations(open_books, {"paystack": rail}) is False
    waiting = await scenario.fetch(
        "SELECT transaction_id, due_at - now() < interval '1 minute' AS soon FROM payments WHERE due_at IS NOT NULL"
    )
    # One whose rail said nothing clear is asked soon; one that nobody has paid yet, in a quarter of an hour.
    assert {row["transaction_id"]: row["soon"] for row in waiting} == {made[4]: False, made[5]: True} | (
        {made[6]: True} if stumbles else {}
    )
