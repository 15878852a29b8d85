"""Histories of money made by chance."""

from random import Random
from typing import Any
from uuid import UUID

from chassis.ids import new_id
from contracts.applications import AwardCancelled, AwardProposed

# The sandbox pays, refuses, and returns what it has paid.
ACCOUNTS = ("0000000001", "0000000001", "0000000003", "0000000005")


class History:
    """Random money: donations (some earmarked), awards, payments that work, fail or return, releases, refunds."""

    earmarked = 0.2

    def __init__(self, scenario: Any, seed: int) -> None:
        self.scenario = scenario
        self.random = Random(seed)  # noqa: S311 -- a history that can be told again, not a secret
        self.third_admin = new_id()
        self.donations: list[str] = []
        self.open: list[tuple[AwardProposed, list[int]]] = []

    async def donate(self) -> None:
        amount = f"{self.random.randint(1, 190)}.{self.random.randint(0, 99):02d}"
        more = {"earmark": str(self.earmark())} if self.random.random() < self.earmarked else {}
        self.donations.append((await self.scenario.donate(amount, **more))["id"])

    def earmark(self) -> UUID:
        return new_id()

    async def award(self) -> None:
        amounts = [f"{self.random.randint(1, 40)}.50" for _ in range(self.random.randint(1, 3))]
        award = self.scenario.award(*amounts)
        await self.scenario.service.deliver(award)
        self.open.append((award, list(range(len(amounts)))))

    async def pay(self) -> None:
        if not self.open:
            return
        award, left = self.random.choice(self.open)
        if not left:
            return
        await self.scenario.set_account(self.random.choice(ACCOUNTS))
        await self.scenario.service.deliver(self.scenario.approval(award, left.pop()))
        await self.scenario.settle()
        await self.scenario.later(3)
        await self.scenario.settle()

    async def cancel(self) -> None:
        if len(self.open) < 2:
            return
        award, _ = self.open.pop(self.random.randrange(len(self.open)))
        ended: dict[str, Any] = {
            "award_id": award.award_id,
            "cancelled_by": new_id(),
            "amount": award.amount,
            "currency": "NGN",
        }
        about: dict[str, Any] = {
            "application_id": award.application_id,
            "program_id": award.program_id,
            "user_id": award.user_id,
        }
        await self.scenario.service.deliver(AwardCancelled(**about, **ended, status="approved"))

    async def refund(self) -> None:
        """Asked for and approved by two who gave nothing: a donor may do neither."""
        path = f"/api/v1/transactions/{self.random.choice(self.donations)}/refund/"
        async with self.scenario.service.client(self.scenario.other_admin, "admin") as client:
            asked = await client.post(path, json={"reason": "Twice."}, headers={"Idempotency-Key": str(new_id())})
        assert asked.status_code in {201, 409}, asked.text
        if asked.is_success:
            async with self.scenario.service.client(self.third_admin, "admin") as client:
                approved = await client.post(f"{path}approve/", json={}, headers={"Idempotency-Key": str(new_id())})
            assert approved.is_success, approved.text
            await self.scenario.service.tick("settle_refunds")

    async def live(self, steps: int) -> None:
        await self.donate()
        for _ in range(steps):
            [act] = self.random.choices(
                [self.donate, self.award, self.pay, self.cancel, self.refund], weights=[4, 4, 6, 1, 2]
            )
            await act()
