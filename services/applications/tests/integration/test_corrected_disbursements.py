"""What the ledger says of a payment after its tranche was asked for again: two people found where the money went."""

from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from contracts.applications import DisbursementRefused
from contracts.ledger import DisbursementCompleted, DisbursementFailed, DisbursementReversed

if TYPE_CHECKING:
    from services.applications.tests.integration.conftest import Awarded

pytestmark = pytest.mark.asyncio(loop_scope="module")

EXECUTIVE = "/api/v1/executive/"


async def _statuses(awarded: "Awarded", *request_ids: str) -> list[tuple[str, str | None]]:
    admin = await awarded.world.client(awarded.asker_id, "admin")
    found = [await awarded.world.now_reads(admin, f"{EXECUTIVE}disbursements/{each}/") for each in request_ids]
    return [(each["status"], each["failure_code"]) for each in found]


async def _failed(awarded: "Awarded") -> str:
    """A payment of the first tranche that failed, as far as anybody knows."""
    request_id: str = (await awarded.ask()).json()["id"]
    assert (await awarded.decide(request_id)).status_code == 202
    await awarded.world.service.deliver(DisbursementFailed(**awarded.said(request_id), code="not_received_by_rail"))
    return request_id


async def test_money_that_left_after_all_pays_its_tranche_though_it_was_asked_for_again(awarded: "Awarded") -> None:
    first = await _failed(awarded)
    second = (await awarded.ask()).json()["id"]
    # Two people found that the first had left: the ledger has corrected its books before anybody approved the second.
    await awarded.world.service.deliver(DisbursementCompleted(**awarded.said(first)))
    assert await _statuses(awarded, first, second) == [("paid", None), ("refused", "already_paid")]
    assert (await awarded.award())["tranches"][0]["state"] == "paid"
    refused = [f for f in await awarded.world.service.announced(DisbursementRefused) if str(f.request_id) == second]
    assert [each.refused_by for each in refused] == [UUID(int=0)]
    approved = await awarded.decide(second)
    assert (approved.status_code, approved.json()["state"]) == (409, "refused")


async def test_money_that_left_after_all_pays_its_tranche_though_another_payment_was_approved(
    awarded: "Awarded",
) -> None:
    first = await _failed(awarded)
    second = (await awarded.ask()).json()["id"]
    assert (await awarded.decide(second)).status_code == 202
    await awarded.world.service.deliver(DisbursementCompleted(**awarded.said(first)))
    # The ledger has heard of the second after that, and does not pay a tranche twice.
    refusal = {**awarded.said(second), "transaction_id": None}
    await awarded.world.service.deliver(DisbursementFailed(**refusal, code="already_paid"))
    assert await _statuses(awarded, first, second) == [("paid", None), ("failed", "already_paid")]
    assert (await awarded.award())["tranches"][0]["state"] == "paid"
    await awarded.paid(1)
    assert (await awarded.award())["state"] == "completed"


async def test_what_is_heard_of_an_earlier_payment_leaves_the_tranche_to_the_later_one(awarded: "Awarded") -> None:
    first = await _failed(awarded)
    await awarded.paid(0)
    await awarded.paid(1)
    # A replayed fact, in a new envelope.
    await awarded.world.service.deliver(DisbursementFailed(**awarded.said(first), code="not_received_by_rail"))
    award = await awarded.award()
    assert (award["state"], [each["state"] for each in award["tranches"]]) == ("completed", ["paid", "paid"])
    again = await awarded.ask(0)
    assert (again.status_code, again.json()["state"]) == (409, "paid")


async def test_a_payment_that_was_stopped_by_the_cancellation_leaves_its_tranche_cancelled(awarded: "Awarded") -> None:
    first = await _failed(awarded)
    second = (await awarded.ask()).json()["id"]
    assert (await awarded.decide(second)).status_code == 202
    said = awarded.said(first)
    await awarded.world.service.deliver(DisbursementCompleted(**said))
    await awarded.world.service.deliver(DisbursementReversed(**said, code="returned_by_bank"))
    admin = await awarded.world.client(awarded.asker_id, "admin")
    path = f"{EXECUTIVE}awards/{awarded.fact.award_id}/cancel/"
    assert (await admin.post(path, json={"reason": "The project ended."})).status_code == 200

    # The ledger had taken up the second meanwhile, for the first had come back.
    await awarded.world.service.deliver(DisbursementFailed(**awarded.said(second), code="award_cancelled"))
    assert await _statuses(awarded, second) == [("failed", "award_cancelled")]
    award = await awarded.award()
    assert (award["state"], [each["state"] for each in award["tranches"]]) == ("cancelled", ["cancelled", "cancelled"])
