"""Disputed money: how it gets there, that two people get it out, and that the books move exactly once."""

from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from chassis.ids import new_id
from contracts.ledger import DisbursementCompleted, DisbursementFailed, DisbursementReversed


def keyed() -> dict[str, str]:
    return {"Idempotency-Key": str(new_id())}


async def post(scenario: Any, path: str, body: Any, user_id: UUID, role: str = "admin", **token: Any) -> httpx.Response:
    async with scenario.service.client(user_id, role, **token) as client:
        answer: httpx.Response = await client.post(f"/api/v1/transactions/{path}", json=body, headers=keyed())
    return answer


async def resolve(scenario: Any, transaction_id: UUID, outcome: str) -> None:
    """Both people, and the worker."""
    proposal = {"outcome": outcome, "reason": "The bank's statement of the day shows it."}
    proposed = await post(scenario, f"{transaction_id}/resolve/", proposal, scenario.admin)
    assert proposed.status_code == 202, proposed.text
    approved = await post(scenario, f"{transaction_id}/resolve/approve/", {"outcome": outcome}, scenario.other_admin)
    assert approved.status_code == 202, approved.text
    await scenario.service.tick("close_disputes")


async def transactions(scenario: Any, kind: str = "disbursement") -> list[Any]:
    rows: list[Any] = await scenario.fetch(
        "SELECT id, status, code FROM transactions WHERE transaction_type = $1 ORDER BY id", kind
    )
    return rows


async def paid_slowly(scenario: Any) -> Any:
    """An award of 60 out of 100, with its one payment on its way."""
    await scenario.donate("100.00")
    award = scenario.award("60.00")
    await scenario.service.deliver(award)
    await scenario.set_account("0000000002")
    await scenario.service.deliver(scenario.approval(award))
    await scenario.settle()
    return award


async def disputed(scenario: Any, before: str) -> tuple[Any, UUID]:
    """The award and its disputed payment, which was in state `before`."""
    award = await paid_slowly(scenario)
    if before == "submitted":
        await scenario.fetch("UPDATE sandbox_transfers SET amount = 61")
        await scenario.later(6)
    elif before == "completed":
        await scenario.later(6)
        await scenario.settle()
        await scenario.fetch("UPDATE sandbox_transfers SET behavior = '03'")
        await scenario.fetch("UPDATE payments SET due_at = now() WHERE direction = 'out'")
    else:
        await scenario.fetch("UPDATE sandbox_transfers SET behavior = '03'")
        await scenario.settle()
        await scenario.fetch("UPDATE sandbox_transfers SET behavior = '01'")
        await scenario.fetch("UPDATE payments SET due_at = now() WHERE direction = 'out'")
    await scenario.service.tick("settle_payments") if before != "submitted" else await scenario.settle()
    [row] = await transactions(scenario)
    assert row["status"] == "disputed", row
    return award, row["id"]


def account(scenario: Any, award: Any, kind: str) -> str:
    return f"program:{scenario.program_id}:{'available' if kind == 'available' else f'committed:{award.award_id}'}"


@pytest.mark.parametrize(
    ("before", "outcome", "blocks", "committed", "status"),
    [
        ("submitted", "completed", ["disbursement:completed"], "0.00", "completed"),
        ("submitted", "failed", ["disbursement:failed"], "60.00", "failed"),
        ("submitted", "reversed", ["disbursement:completed", "reversal"], "60.00", "reversed"),
        ("completed", "completed", [], "0.00", "completed"),
        ("completed", "reversed", ["reversal"], "60.00", "reversed"),
        ("failed", "failed", [], "60.00", "failed"),
        ("failed", "reversed", [], "60.00", "failed"),
        ("failed", "completed", ["disbursement:sent", "disbursement:completed"], "0.00", "failed"),
    ],
)
async def test_a_resolution_moves_the_books_once_and_only_by_what_is_missing(
    scenario,
    before,
    outcome,
    *,
    blocks,
    committed,
    status,
):
    award, payment_id = await disputed(scenario, before)
    chain = await scenario.blocks()
    await resolve(scenario, payment_id, outcome)
    await scenario.service.tick("close_disputes")
    assert (await scenario.blocks())[len(chain) :] == blocks
    balances = await scenario.balances()
    assert balances[account(scenario, award, "committed")] == committed
    assert balances["bank:clearing"] == "0.00"
    first, *corrections = await transactions(scenario)
    assert first["status"] == status
    assert [row["status"] for row in corrections] == (
        ["completed"] if before == "failed" and status == "failed" and blocks else []
    )
    [received] = await scenario.fetch("SELECT amount_received FROM beneficiaries")
    assert str(received["amount_received"]) == ("60.00" if committed == "0.00" else "0.00")
    assert (await scenario.verifier.verify()).ok
    again = await post(scenario, f"{payment_id}/resolve/", {"outcome": outcome, "reason": "Again."}, scenario.admin)
    assert (again.status_code, again.json()["code"]) == (409, "illegal_state")


@pytest.mark.parametrize(
    ("before", "held", "outcome", "left"),
    [("completed", "60.00", "reversed", "0.00"), ("completed", "60.00", "completed", "60.00"),
     ("submitted", "0.00", "completed", "60.00"), ("failed", "0.00", "failed", "0.00")],
)  # fmt: skip
async def test_disputed_money_is_shown_where_the_books_hold_it_until_people_agree(
    scenario, *, before, held, outcome, left
):
    _, payment_id = await disputed(scenario, before)
    [page] = await scenario.fetch("UPDATE beneficiaries SET is_public = true RETURNING beneficiary_id AS id")
    for number, amount in enumerate((held, left)):
        seen = await shown(scenario, payment_id, page["id"])
        assert set(seen.values()) == {amount}, seen
        async with scenario.service.client() as anyone:
            completion = (await anyone.get(f"/api/v1/beneficiaries/{page['id']}/")).json()["completion_date"]
        assert (completion is not None) is (amount == "60.00")
        if number == 0:
            await resolve(scenario, payment_id, outcome)


async def shown(scenario: Any, payment_id: UUID, beneficiary_id: UUID) -> dict[str, str]:
    """How much was paid, by every public answer that says so."""
    [donation] = await transactions(scenario, "donation")
    [commitment] = await transactions(scenario, "commitment")
    seen = {}
    async with scenario.service.client() as anyone:
        for path in (
            "graph/", f"graph/?program_id={scenario.program_id}", "graph/?depth=2",
            f"trace/{donation['id']}/", f"trace/{payment_id}/?direction=backward",
            f"trace/{commitment['id']}/?direction=forward",
        ):  # fmt: skip
            links = (await anyone.get(f"/api/v1/blockchain/{path}")).json()["links"]
            seen[path] = f"{sum(float(link['amount']) for link in links):.2f}"
        impact = (await anyone.get(f"/api/v1/beneficiaries/{beneficiary_id}/impact/")).json()
        stats = (await anyone.get("/api/v1/blockchain/stats/")).json()
    seen["payments"] = f"{sum(float(paid['amount']) for paid in impact['disbursements']):.2f}"
    return seen | {"received": impact["amount_received"], "stats": stats["totals"]["NGN"]["disbursed"]}


async def test_others_hear_of_a_resolution_as_of_any_payment(scenario):
    _, payment_id = await disputed(scenario, "submitted")
    await resolve(scenario, payment_id, "reversed")
    assert len(await scenario.service.announced(DisbursementCompleted)) == 1
    assert len(await scenario.service.announced(DisbursementReversed)) == 1
    assert await scenario.service.announced(DisbursementFailed) == []


async def test_a_second_debit_is_its_own_state_and_is_not_paid_for_out_of_money_that_is_not_there(scenario):
    award, first_id = await disputed_after_another_payment(scenario)
    rows = await transactions(scenario)
    assert [(row["status"], row["code"]) for row in rows] == [("disputed", "second_debit"), ("completed", None)]
    await resolve(scenario, first_id, "completed")
    rows = await transactions(scenario)
    assert [(row["status"], row["code"]) for row in rows] == [
        ("disputed", "second_debit"),
        ("completed", None),
    ]
    await resolve(scenario, first_id, "failed")
    assert [row["status"] for row in await transactions(scenario)] == ["failed", "completed"]
    assert (await scenario.balances())[account(scenario, award, "committed")] == "0.00"
    codes = await scenario.fetch("SELECT code FROM disputes WHERE closed_at IS NOT NULL ORDER BY opened_at")
    assert [row["code"] for row in codes] == ["second_debit", "correction_impossible"]


async def disputed_after_another_payment(scenario: Any) -> tuple[Any, UUID]:
    """The bank refused, the tranche was paid again, and then the bank says that it has paid the first one too."""
    award = await paid_slowly(scenario)
    await scenario.fetch("UPDATE sandbox_transfers SET behavior = '03'")
    await scenario.settle()
    [first] = await transactions(scenario)
    assert first["status"] == "failed"
    await scenario.set_account("0000000001")
    await scenario.service.deliver(scenario.approval(award))
    await scenario.settle()
    await scenario.fetch("UPDATE sandbox_transfers SET behavior = '01'")
    await scenario.fetch("UPDATE payments SET due_at = now() WHERE transaction_id = $1", first["id"])
    await scenario.service.tick("settle_payments")
    return award, first["id"]


async def test_a_return_of_what_was_never_paid_is_its_own_state(scenario):
    await paid_slowly(scenario)
    await scenario.fetch("UPDATE sandbox_transfers SET behavior = '03'")
    await scenario.settle()
    await scenario.fetch("UPDATE sandbox_transfers SET behavior = '05', accepted_at = now() - interval '1 minute'")
    await scenario.fetch("UPDATE payments SET due_at = now() WHERE direction = 'out'")
    await scenario.service.tick("settle_payments")
    [row] = await transactions(scenario)
    assert (row["status"], row["code"]) == ("disputed", "reversal_without_payment")
    assert (await scenario.blocks())[-1] == "disbursement:failed"


async def test_one_person_the_payee_a_stale_confirmation_and_another_outcome_resolve_nothing(scenario):
    _, payment_id = await disputed(scenario, "submitted")
    proposal = {"outcome": "completed", "reason": "Seen at the bank."}
    admin, other = scenario.admin, scenario.other_admin
    assert (await post(scenario, f"{payment_id}/resolve/", proposal, admin, "member")).status_code == 403
    assert (await post(scenario, f"{payment_id}/resolve/", proposal, admin, "executive")).status_code == 403
    payee = await post(scenario, f"{payment_id}/resolve/", proposal, scenario.applicant)
    assert payee.json()["code"] == "is_payee"
    stale = await post(scenario, f"{payment_id}/resolve/", proposal, admin, auth_age_seconds=301)
    assert stale.json()["code"] == "step_up_required"
    early = await post(scenario, f"{payment_id}/resolve/approve/", {"outcome": "completed"}, other)
    assert (early.status_code, early.json()["code"]) == (409, "illegal_state")
    assert (await post(scenario, f"{payment_id}/resolve/", proposal, admin)).status_code == 202
    same = await post(scenario, f"{payment_id}/resolve/approve/", {"outcome": "completed"}, admin)
    assert same.json()["code"] == "same_person"
    different = await post(scenario, f"{payment_id}/resolve/approve/", {"outcome": "failed"}, other)
    assert (different.status_code, different.json()["code"]) == (409, "illegal_state")
    stale = await post(
        scenario, f"{payment_id}/resolve/approve/", {"outcome": "completed"}, other, auth_age_seconds=301
    )
    assert stale.json()["code"] == "step_up_required"
    await scenario.service.tick("close_disputes")
    assert [row["status"] for row in await transactions(scenario)] == ["disputed"]
    assert (await scenario.blocks())[-1] == "disbursement:sent"


@pytest.mark.parametrize(
    "body",
    [
        {}, {"outcome": "completed"}, {"outcome": "unknown", "reason": "x"}, {"outcome": "completed", "reason": ""},
        {"outcome": "completed", "reason": "x" * 10_001}, {"outcome": "completed", "reason": "x", "amount": "1"},
        {"outcome": "completed", "reason": "a\u0000b"},
    ],
)  # fmt: skip
async def test_a_bad_proposal_is_refused_and_not_kept(scenario, body):
    _, payment_id = await disputed(scenario, "submitted")
    answer = await post(scenario, f"{payment_id}/resolve/", body, scenario.admin)
    assert answer.status_code in {400, 422}
    assert [row["outcome"] for row in await scenario.fetch("SELECT outcome FROM disputes")] == [None]


async def test_what_is_not_disputed_or_unknown_or_contradicts_the_books_cannot_be_resolved(scenario):
    proposal = {"outcome": "failed", "reason": "No."}
    assert (await post(scenario, f"{new_id()}/resolve/", proposal, scenario.admin)).status_code == 404
    _, payment_id = await disputed(scenario, "completed")
    refused = await post(scenario, f"{payment_id}/resolve/", proposal, scenario.admin)
    assert (refused.status_code, refused.json()["state"]) == (409, "disputed")
    [donation] = await transactions(scenario, "donation")
    settled = await post(scenario, f"{donation['id']}/resolve/", proposal, scenario.other_admin)
    assert (settled.status_code, settled.json()["code"]) in {(409, "illegal_state"), (403, "is_payee")}


async def test_open_payments_and_disputes_are_listed_and_counted(scenario):
    _, payment_id = await disputed(scenario, "submitted")
    await post(scenario, f"{payment_id}/resolve/", {"outcome": "failed", "reason": "Not gone."}, scenario.admin)
    async with scenario.service.client(scenario.admin, "admin") as client:
        [item] = (await client.get("/api/v1/payments/open/")).json()["items"]
        integrity = (await client.get("/api/v1/blockchain/integrity/")).json()
    assert item["transaction_id"] == str(payment_id)
    assert item["dispute"]["code"] == "amount_differs"
    assert (item["dispute"]["rail_amount"], item["dispute"]["outcome"]) == ("61.00", "failed")
    assert integrity["unreconciled_payments"] == 1


async def test_the_database_lets_nothing_out_of_a_dispute_that_two_people_have_not_agreed_on(scenario):
    _, payment_id = await disputed(scenario, "submitted")
    leave = "UPDATE transactions SET status = 'completed' WHERE id = $1"
    with pytest.raises(asyncpg.IntegrityConstraintViolationError):
        await scenario.fetch(leave, payment_id, role="worker")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await scenario.fetch("INSERT INTO disputes SELECT * FROM disputes", role="api")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await scenario.fetch("UPDATE disputes SET approved_by = gen_random_uuid(), approved_at = now()", role="worker")
    one = (
        "UPDATE disputes SET outcome = 'failed', reason = 'x', proposed_by = $1, proposed_at = now(), approved_by = $1,"
        " approved_at = now()"
    )
    with pytest.raises(asyncpg.CheckViolationError):
        await scenario.fetch(one, scenario.admin, role="api")
    proposal = {"outcome": "failed", "reason": "Not gone."}
    await post(scenario, f"{payment_id}/resolve/", proposal, scenario.admin)
    await post(scenario, f"{payment_id}/resolve/approve/", {"outcome": "failed"}, scenario.other_admin)
    with pytest.raises(asyncpg.IntegrityConstraintViolationError):
        await scenario.fetch("UPDATE disputes SET outcome = 'completed'", role="api")
    await scenario.service.tick("close_disputes")
    assert [row["status"] for row in await transactions(scenario)] == ["failed"]
