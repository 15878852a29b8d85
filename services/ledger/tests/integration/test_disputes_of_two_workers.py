"""Two workers hear of the same disputed money at the same moment: one dispute, one correction, and the books sound."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID

import pytest
from pydantic import SecretStr
from services.ledger.tests.paystack_scenario import TIMEOUT_SECONDS, Paying
from services.ledger.tests.paystack_server import SECRET_KEY, PaystackServer, running_paystack
from services.ledger.tests.scenario import Scenario

from chassis.ids import new_id
from chassis.testing.harness import ServiceHarness, running_service
from ledger.bootstrap import SERVICE

# Each worker answers this often at once: a timer that overlaps itself would be no excuse either.
AT_ONCE = 3


class Pair:
    """A ledger whose rail is Paystack, and two workers on it."""

    def __init__(self, paying: Paying, workers: Sequence[ServiceHarness]) -> None:
        self.paying = paying
        self.scenario = paying.scenario
        self._workers = workers

    async def all_tick(self, *timers: str) -> None:
        """Every worker runs these timers until nothing is left, all at the same time.

        And once more, as timers do: what one of them finds makes work for another, which had looked already.
        """
        for _ in range(2):
            await asyncio.gather(*(worker.tick(timer) for worker in self._workers for timer in timers * AT_ONCE))

    async def all_hear(self, body: bytes, headers: dict[str, str]) -> list[bool]:
        """The same webhook arrives at every worker's API, more than once; whether each called it repeated."""

        async def post(worker: ServiceHarness) -> bool:
            async with worker.client() as client:
                answer = await client.post("/api/v1/payments/webhooks/paystack/", content=body, headers=headers)
            assert answer.status_code == 200, answer.text
            repeated: bool = answer.json()["repeated"]
            return repeated

        return await asyncio.gather(*(post(worker) for worker in self._workers for _ in range(AT_ONCE)))

    async def resolve(self, transaction_id: UUID, outcome: str) -> None:
        """Two people, then both workers at once."""
        bodies = {"resolve": {"outcome": outcome, "reason": "The statement of the day shows it."}}
        bodies["resolve/approve"] = {"outcome": outcome}
        people = (self.scenario.admin, self.scenario.other_admin)
        for person, (path, body) in zip(people, bodies.items(), strict=True):
            async with self.scenario.service.client(person, "admin") as client:
                url, key = f"/api/v1/transactions/{transaction_id}/{path}/", {"Idempotency-Key": str(new_id())}
                answer = await client.post(url, json=body, headers=key)
            assert answer.status_code == 202, answer.text
        await self.all_tick("close_disputes", "settle_payments", "sweep_payments")

    async def payments(self) -> list[tuple[str, str | None]]:
        rows = await self.scenario.fetch(
            "SELECT status, code FROM transactions WHERE transaction_type = 'disbursement' ORDER BY id"
        )
        return [(row["status"], row["code"]) for row in rows]

    async def disputes(self) -> list[tuple[str, bool]]:
        """Code, and whether it is closed."""
        rows = await self.scenario.fetch("SELECT code, closed_at FROM disputes ORDER BY opened_at")
        return [(row["code"], row["closed_at"] is not None) for row in rows]

    async def blocks_since(self, earlier: Sequence[str]) -> list[str]:
        blocks = await self.scenario.blocks()
        assert blocks[: len(earlier)] == list(earlier)
        return blocks[len(earlier) :]

    async def committed(self, award: Any) -> str:
        balances = await self.scenario.balances()
        assert balances["bank:clearing"] == "0.00"
        return balances[f"program:{self.scenario.program_id}:committed:{award.award_id}"]


@pytest.fixture
async def pair(urls: dict[str, str], storage: dict[str, Any]) -> AsyncIterator[Pair]:
    async with running_paystack() as paystack:
        settings: dict[str, Any] = storage | {
            "donation_rail": "paystack",
            "payment_rail": "paystack",
            "paystack_url": paystack.url,
            "paystack_secret_key": SecretStr(SECRET_KEY),
            "rail_timeout_seconds": TIMEOUT_SECONDS,
        }
        async with running_service(SERVICE, urls, **settings) as one, running_service(SERVICE, urls, **settings) as two:
            scenario = Scenario(one, urls, new_id(), new_id(), new_id(), new_id())
            await scenario.create_program()
            yield Pair(Paying(scenario, paystack), (one, two))
            await scenario.check_books()


async def refused_by_the_bank(pair: Pair) -> tuple[Any, str]:
    """An award whose one payment the bank has refused, and the payment's reference."""
    paying = pair.paying
    award = await paying.approved()
    paying.paystack.new_transfer_status = "failed"
    await paying.ask_again()
    assert [status for status, _ in await pair.payments()] == ["failed"]
    return award, (await paying.payment())["reference"]


async def paid_after_all(pair: Pair, reference: str) -> tuple[bytes, dict[str, str]]:
    """The bank says of a payment it has refused that it was made."""
    pair.paying.paystack.settle(reference, "success")
    return pair.paying.paystack.transfer_webhook("transfer.success", reference)


async def test_a_webhook_that_both_workers_hear_opens_one_dispute_and_its_correction_is_booked_once(pair):
    award, reference = await refused_by_the_bank(pair)
    blocks = await pair.scenario.blocks()
    answers = await pair.all_hear(*await paid_after_all(pair, reference))
    assert answers.count(False) == 1, "kept once"
    await pair.scenario.fetch("UPDATE payments SET due_at = now() WHERE direction = 'out'")
    await pair.all_tick("apply_webhooks", "settle_payments", "sweep_payments")
    assert await pair.payments() == [("disputed", "paid_after_failure")]
    assert await pair.disputes() == [("paid_after_failure", False)]
    assert await pair.blocks_since(blocks) == [], "a dispute moves no books"
    await pair.resolve((await pair.paying.payment())["id"], "completed")
    assert await pair.blocks_since(blocks) == ["disbursement:sent", "disbursement:completed"]
    assert [status for status, _ in await pair.payments()] == ["failed", "completed"]
    assert await pair.disputes() == [("paid_after_failure", True)]
    assert await pair.committed(award) == "0.00"
    [received] = await pair.scenario.fetch("SELECT amount_received FROM beneficiaries")
    assert str(received["amount_received"]) == "60.00"


async def test_two_webhooks_that_say_the_same_in_other_words_open_one_dispute(pair):
    """Other bytes are another delivery: each worker applies one of them, and both are about one payment."""
    _, reference = await refused_by_the_bank(pair)
    await paid_after_all(pair, reference)
    for number in range(4):
        again = PaystackServer.signed(
            "transfer.success", {**pair.paying.paystack.transfers[reference], "attempt": number}
        )
        assert (await pair.all_hear(*again)).count(False) == 1
    await pair.all_tick("apply_webhooks", "settle_payments")
    assert await pair.payments() == [("disputed", "paid_after_failure")]
    assert await pair.disputes() == [("paid_after_failure", False)]
    assert await pair.scenario.fetch("SELECT * FROM webhooks_pending") == []
    assert len(await pair.scenario.fetch("SELECT * FROM webhook_outcomes")) == 5, "the donation's and these four"


async def test_a_second_debit_that_both_workers_hear_of_is_one_dispute_and_never_a_third_payment(pair):
    award, reference = await refused_by_the_bank(pair)
    first_id = (await pair.paying.payment())["id"]
    pair.paying.paystack.new_transfer_status = "success"
    await pair.scenario.service.deliver(pair.scenario.approval(award))
    await pair.paying.ask_again()
    blocks = await pair.scenario.blocks()
    await pair.all_hear(*await paid_after_all(pair, reference))
    await pair.all_tick("apply_webhooks", "settle_payments", "sweep_payments")
    assert await pair.payments() == [("disputed", "second_debit"), ("completed", None)]
    assert await pair.disputes() == [("second_debit", False)]
    await pair.resolve(first_id, "completed")
    assert await pair.payments() == [("disputed", "second_debit"), ("completed", None)], "there is no money for it"
    assert await pair.disputes() == [("second_debit", True), ("correction_impossible", False)]
    await pair.resolve(first_id, "failed")
    assert [status for status, _ in await pair.payments()] == ["failed", "completed"]
    assert await pair.disputes() == [("second_debit", True), ("correction_impossible", True)]
    assert await pair.blocks_since(blocks) == []
    assert await pair.committed(award) == "0.00"


async def test_a_payment_without_an_answer_that_both_workers_sweep_is_one_dispute_and_is_booked_once(pair):
    award = await pair.paying.approved()
    pair.paying.paystack.new_transfer_status = "pending"
    await pair.paying.ask_again()
    blocks = await pair.scenario.blocks()
    await pair.scenario.fetch("UPDATE payments SET called_at = now() - interval '8 days' WHERE direction = 'out'")
    await pair.all_tick("sweep_payments")
    assert await pair.payments() == [("disputed", "no_answer")]
    assert await pair.disputes() == [("no_answer", False)]
    await pair.resolve((await pair.paying.payment())["id"], "reversed")
    assert await pair.blocks_since(blocks) == ["disbursement:completed", "reversal"]
    assert await pair.disputes() == [("no_answer", True)]
    assert await pair.committed(award) == "60.00"
