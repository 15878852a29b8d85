"""A programme that was taken back: its block stays, and nobody gives to it or is shown it as one that there is."""

from typing import Any
from uuid import UUID

from services.ledger.tests.integration.test_receipts import program_snapshot

from chassis.ids import new_id
from contracts.programs import ProgramCreated, ProgramDeleted, ProgramUpdated

BLOCKCHAIN = "/api/v1/blockchain"


async def created(scenario: Any) -> UUID:
    program_id = new_id()
    await scenario.service.deliver(ProgramCreated(program_id=program_id, currency="NGN"))
    return program_id


async def give(scenario: Any, program_id: UUID) -> Any:
    body = {"program_id": str(program_id), "amount": "10.00", "currency": "NGN", "on_behalf_of": None, "earmark": None}
    async with scenario.service.client(new_id()) as donor:
        return await donor.post(
            "/api/v1/transactions/donations/", json=body, headers={"Idempotency-Key": str(new_id())}
        )


async def shown(scenario: Any) -> tuple[int, list[str]]:
    """How many programmes the statistics know, and which of them integrity lists."""
    async with scenario.service.client() as anyone:
        stats = (await anyone.get(f"{BLOCKCHAIN}/stats/")).json()
        integrity = (await anyone.get(f"{BLOCKCHAIN}/integrity/")).json()
    return stats["programs"], [each["program_id"] for each in integrity["programs"]]


async def test_a_programme_that_was_taken_back_takes_no_money_and_is_shown_no_more(scenario):
    kept, gone = await created(scenario), await created(scenario)
    number, listed = await shown(scenario)
    assert {str(kept), str(gone)} <= set(listed)
    await scenario.service.deliver(ProgramDeleted(program_id=gone))
    answer = await give(scenario, gone)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert (await give(scenario, kept)).status_code == 201
    assert await shown(scenario) == (number - 1, [each for each in listed if each != str(gone)])
    async with scenario.service.client() as anyone:
        asked = (await anyone.get(f"{BLOCKCHAIN}/integrity/?program_id={gone}")).json()
        assert asked["programs"] == []
        # Its account was opened by a block, and blocks stay.
        opened = (await anyone.get(f"{BLOCKCHAIN}/stats/")).json()["blocks"]["program_create"]
    assert opened == number


async def test_it_is_forgotten_once_and_stays_so_whatever_is_heard_again(scenario):
    gone = await created(scenario)
    fact = ProgramDeleted(program_id=gone)
    for _ in range(2):
        await scenario.service.deliver(fact)
    await scenario.service.deliver(
        ProgramUpdated.model_validate(program_snapshot() | {"program_id": gone, "title": "Again", "revision": 9})
    )
    assert (await give(scenario, gone)).status_code == 404


async def test_money_that_was_on_its_way_arrives_and_is_shown_wherever_the_programme_went(scenario):
    gone = await created(scenario)
    given = await give(scenario, gone)
    assert given.status_code == 201
    await scenario.service.deliver(ProgramDeleted(program_id=gone))
    await scenario.fetch("UPDATE payments SET due_at = now() WHERE due_at IS NOT NULL AND direction = 'in'")
    await scenario.service.tick("credit_donations")
    async with scenario.service.client() as anyone:
        asked = (await anyone.get(f"{BLOCKCHAIN}/integrity/?program_id={gone}")).json()
    assert [each["available"] for each in asked["programs"]] == ["10.00"]
