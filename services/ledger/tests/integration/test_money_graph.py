"""Every naira forwards and backwards: over random histories, what came in is what was paid, and both ways agree."""

from collections import defaultdict
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from chassis.ids import new_id
from contracts.applications import AwardCancelled, AwardProposed

TRACE = "/api/v1/blockchain/trace"
Link = tuple[str, str, str]
# The sandbox pays, refuses, and returns what it has paid.
ACCOUNTS = ("0000000001", "0000000001", "0000000003", "0000000005")


class History:
    """Random money: donations (some earmarked), awards, payments that work, fail or return, releases, refunds."""

    def __init__(self, scenario: Any, seed: int) -> None:
        self.scenario = scenario
        self.random = Random(seed)  # noqa: S311 -- a history that can be told again, not a secret
        self.donations: list[str] = []
        self.open: list[tuple[AwardProposed, list[int]]] = []

    async def donate(self) -> None:
        amount = f"{self.random.randint(1, 190)}.{self.random.randint(0, 99):02d}"
        more = {"earmark": str(new_id())} if self.random.random() < 0.2 else {}
        self.donations.append((await self.scenario.donate(amount, **more))["id"])

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
        donation = self.random.choice(self.donations)
        path = f"/api/v1/transactions/{donation}/refund/"
        async with self.scenario.service.client(self.scenario.admin, "admin") as client:
            asked = await client.post(path, json={"reason": "Twice."}, headers={"Idempotency-Key": str(new_id())})
        if asked.is_success:
            async with self.scenario.service.client(self.scenario.other_admin, "admin") as client:
                await client.post(f"{path}approve/", json={}, headers={"Idempotency-Key": str(new_id())})
            await self.scenario.service.tick("settle_refunds")

    async def live(self, steps: int) -> None:
        await self.donate()
        for _ in range(steps):
            [act] = self.random.choices(
                [self.donate, self.award, self.pay, self.cancel, self.refund], weights=[4, 4, 6, 1, 1]
            )
            await act()


def links_of(graph: dict[str, Any]) -> list[Link]:
    assert graph["truncated"] is False
    assert graph["cut"] is None
    nodes = {node["id"] for node in graph["nodes"]}
    assert all(link["source"] in nodes and link["target"] in nodes for link in graph["links"])
    return [(link["source"], link["target"], link["amount"]) for link in graph["links"]]


def total(links: list[Link]) -> Decimal:
    return sum((Decimal(amount) for _, _, amount in links), Decimal(0))


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_over_random_histories_all_money_is_traced_both_ways(scenario, seed):
    await History(scenario, seed).live(steps=50)
    booked = await scenario.fetch("SELECT * FROM transactions WHERE blockchain_hash IS NOT NULL ORDER BY id")
    forward: dict[str, list[Link]] = {}
    backward: dict[str, list[Link]] = {}
    async with scenario.service.client() as anyone:
        for row in booked:
            for direction, found in (("forward", forward), ("backward", backward)):
                answer = await anyone.get(f"{TRACE}/{row['id']}/", params={"direction": direction})
                assert answer.status_code == 200
                found[str(row["id"])] = links_of(answer.json())
        graph = links_of((await anyone.get("/api/v1/blockchain/graph/", params={"depth": 10})).json())
    ids: dict[tuple[str, str], list[str]] = defaultdict(list)
    amount = {str(row["id"]): row["amount"] for row in booked}
    for row in booked:
        ids[row["transaction_type"], row["status"]].append(str(row["id"]))
    donations = ids["donation", "completed"]
    paid, refunded = ids["disbursement", "completed"], ids["refund", "completed"]
    assert paid
    for one in [*paid, *refunded]:
        assert total(backward[one]) == amount[one]
        assert forward[one] == []
    for one in donations:
        assert total(forward[one]) <= amount[one]
        assert backward[one] == []
    there = sorted(link for one in donations for link in forward[one])
    assert there == sorted(link for one in [*paid, *refunded] for link in backward[one])
    assert sorted(graph) == sorted(link for one in paid for link in backward[one])
    for one in [*ids["disbursement", "failed"], *ids["disbursement", "reversed"], *ids["reversal", "completed"]]:
        assert forward[one] == backward[one] == [], "what came back is netted out"
    released = {row["award_id"]: row["released"] for row in await scenario.fetch("SELECT * FROM awards")}
    for row in booked:
        if row["transaction_type"] == "commitment":
            assert total(backward[str(row["id"])]) == row["amount"] - released[row["award_id"]]
            assert {link[1] for link in forward[str(row["id"])]} <= set(paid)


async def test_only_what_is_in_the_chain_is_traced_and_bad_questions_are_told_so(scenario):
    body = {"program_id": str(scenario.program_id), "amount": "10.00", "currency": "NGN"}
    async with scenario.service.client(new_id()) as donor:
        pending = await donor.post(
            "/api/v1/transactions/donations/", json=body, headers={"Idempotency-Key": str(new_id())}
        )
    async with scenario.service.client() as anyone:
        assert (await anyone.get(f"{TRACE}/{pending.json()['id']}/")).status_code == 404
        assert (await anyone.get(f"{TRACE}/{new_id()}/")).status_code == 404
        donation = await scenario.donate("10.00")
        for query in ({"direction": "up"}, {"depth": 1}, {"direction": ""}):
            assert (await anyone.get(f"{TRACE}/{donation['id']}/", params=query)).status_code == 422, query
        for query in ({"depth": 0}, {"depth": 11}, {"depth": "x"}, {"program_id": "x"}, {"limit": 5}):
            assert (await anyone.get("/api/v1/blockchain/graph/", params=query)).status_code == 422, query
        unknown = (await anyone.get("/api/v1/blockchain/graph/", params={"program_id": str(new_id())})).json()
        assert unknown == {"nodes": [], "links": [], "truncated": False, "cut": None}
