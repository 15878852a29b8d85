"""Every naira forwards and backwards: over random histories, what came in is what was paid, and both ways agree."""

from collections import defaultdict
from decimal import Decimal
from typing import Any

import pytest
from services.ledger.tests.histories import History

from chassis.ids import new_id

TRACE = "/api/v1/blockchain/trace"
Link = tuple[str, str, str]


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
    assert refunded
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
