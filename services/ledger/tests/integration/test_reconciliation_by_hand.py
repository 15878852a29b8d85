"""Transfers that people make and prove by the bank's reference, against statements that know nothing else of ours."""

from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from services.ledger.tests.scenario import Scenario
from services.ledger.tests.statement_samples import standard

from chassis.ids import new_id
from chassis.testing.harness import running_service
from ledger.bootstrap import SERVICE
from ledger.domain.bank_accounts import bank_day

BASE = "/api/v1/transactions/reconciliation"


@pytest.fixture
async def by_hand(urls: dict[str, str]) -> AsyncIterator[Scenario]:
    async with running_service(SERVICE, urls, payment_rail="manual") as service:
        made = Scenario(service, urls, new_id(), new_id(), new_id(), new_id())
        await made.create_program()
        yield made
        await made.check_books()


async def sent(scenario: Scenario) -> tuple[UUID, date]:
    """A disbursement of 60.00 that somebody has to make at the bank, and the day."""
    await scenario.donate("100.00")
    award = scenario.award("60.00")
    await scenario.service.deliver(award)
    await scenario.set_account()
    await scenario.service.deliver(scenario.approval(award))
    await scenario.service.tick("settle_payments")
    [row] = await scenario.fetch("SELECT id, initiated_at FROM transactions WHERE transaction_type = 'disbursement'")
    return row["id"], bank_day(row["initiated_at"])


async def record(scenario: Scenario, payment_id: UUID, outcome: str, bank_reference: str) -> None:
    body = {"outcome": outcome, "bank_reference": bank_reference, "note": "Seen at the bank."}
    async with scenario.service.client(new_id(), "admin") as client:
        answer = await client.post(
            f"/api/v1/transactions/{payment_id}/confirm/", json=body, headers={"Idempotency-Key": str(new_id())}
        )
    assert answer.status_code == 202, answer.text
    await scenario.service.tick("settle_payments")


async def import_lines(scenario: Scenario, *rows: tuple[date, str, str]) -> str:
    text = standard([(day.isoformat(), amount, reference, "NIP") for day, amount, reference in rows])
    async with scenario.service.client(scenario.admin, "admin") as client:
        headers = {"Content-Type": "text/csv", "Idempotency-Key": str(new_id())}
        answer = await client.post(f"{BASE}/statements/", content=text, headers=headers)
    assert answer.status_code == 201, answer.text
    file_id: str = answer.json()["id"]
    return file_id


async def report(scenario: Scenario, day: date, **query: Any) -> Any:
    async with scenario.service.client(scenario.admin, "admin") as client:
        answer = await client.get(f"{BASE}/report/", params={"date": day.isoformat(), **query})
    assert answer.status_code == 200, answer.text
    return answer.json()


def classes(found: Any) -> dict[str, int]:
    [sheet] = found["accounts"]
    return {name: total["count"] for name, total in sheet["totals"].items() if total["count"]}


async def test_what_is_proved_later_changes_no_report_of_a_height_before(by_hand):
    payment_id, day = await sent(by_hand)
    await import_lines(by_hand, (day, "-60.00", "FT26288/0001"))
    before = await report(by_hand, day)
    assert classes(before) == {"missing": 1, "extra": 1}
    await record(by_hand, payment_id, "completed", "FT26288/0001")
    assert classes(await report(by_hand, day)) == {"matched": 1, "missing": 1}
    assert await report(by_hand, day, height=before["height"]) == before


async def test_a_return_is_matched_by_the_reference_that_a_person_recorded(by_hand):
    payment_id, day = await sent(by_hand)
    await record(by_hand, payment_id, "completed", "FT26288/0001")
    await import_lines(by_hand, (day, "-60.00", "FT26288/0001"), (day, "60.00", "RTN 0002"))
    before = await report(by_hand, day)
    assert classes(before) == {"matched": 1, "missing": 1, "extra": 1}
    await record(by_hand, payment_id, "reversed", "rtn 0002")
    assert (await by_hand.blocks())[-1] == "reversal"
    assert classes(await report(by_hand, day)) == {"matched": 2, "missing": 1}, "the donation has no line"
    assert await report(by_hand, day, height=before["height"]) == before


async def test_a_reference_is_found_from_both_days_however_long_a_person_typed_it(by_hand):
    payment_id, day = await sent(by_hand)
    before = day - timedelta(days=1)
    await record(by_hand, payment_id, "completed", f"ft {'9' * 80}")
    await import_lines(by_hand, (before, "-60.00", f"FT{'9' * 80}"))
    assert classes(await report(by_hand, before)) == {"matched_other_day": 1}
    assert classes(await report(by_hand, day)) == {"matched_other_day": 1, "not_covered": 1}


async def counted(scenario: Scenario, day: date) -> tuple[int, int]:
    [row] = await scenario.fetch("SELECT matched, missing FROM reconciled_days WHERE day = $1", day)
    return row["matched"], row["missing"]


async def test_a_file_changes_at_once_what_was_found_on_the_day_of_a_transfer_that_its_reference_proves(by_hand):
    payment_id, day = await sent(by_hand)
    await record(by_hand, payment_id, "completed", "FT26288/0001")
    await import_lines(by_hand, (day, "-1.00", "FEE"))
    await by_hand.service.tick("reconcile")
    assert await counted(by_hand, day) == (0, 2)
    file_id = await import_lines(by_hand, (day - timedelta(days=1), "-60.00", "FT26288/0001"))
    await by_hand.service.tick("reconcile")
    assert await counted(by_hand, day) == (0, 1)
    # As if the worker had died after it forgot what the file matched, before it compared again.
    await by_hand.fetch("DELETE FROM statement_matches")
    async with by_hand.service.client(by_hand.other_admin, "admin") as client:
        headers = {"Idempotency-Key": str(new_id())}
        path = f"{BASE}/statements/{file_id}/withdraw/"
        assert (await client.post(path, json={"reason": "Not ours."}, headers=headers)).status_code == 200
    await by_hand.service.tick("reconcile")
    assert await counted(by_hand, day) == (0, 2)
