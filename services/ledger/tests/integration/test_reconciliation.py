"""A day's statements against the books: what is signed, what alerts, and what the public count says."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from io import BytesIO
from typing import Any

import httpx
from prometheus_client import REGISTRY
from pypdf import PdfReader
from services.ledger.tests.statement_samples import standard

from chassis.ids import new_id
from chassis.testing.harness import running_service
from ledger.adapters.reconciliation_desk import OPEN
from ledger.bootstrap import SERVICE
from ledger.domain.bank_accounts import bank_day

BASE = "/api/v1/transactions/reconciliation"
CSV = "text/csv"


async def send(scenario: Any, *rows: tuple[date, str, str, str], opening: str = "0.00", **query: Any) -> httpx.Response:
    text = standard([(day.isoformat(), amount, reference, text) for day, amount, reference, text in rows], opening)
    async with scenario.service.client(scenario.admin, "admin") as client:
        answer: httpx.Response = await client.post(
            f"{BASE}/statements/",
            content=text,
            params={name: str(value) for name, value in query.items()},
            headers={"Content-Type": CSV, "Idempotency-Key": str(new_id())},
        )
    assert answer.status_code in (200, 201), answer.text
    return answer


async def report(scenario: Any, day: date, **query: Any) -> Any:
    async with scenario.service.client(scenario.admin, "admin") as client:
        answer = await client.get(f"{BASE}/report/", params={"date": day.isoformat(), **query})
    assert answer.status_code == 200, answer.text
    return answer.json() if query.get("format", "json") == "json" else answer


async def unreconciled(scenario: Any) -> int:
    async with scenario.service.client() as client:
        count: int = (await client.get("/api/v1/blockchain/integrity/")).json()["unreconciled_payments"]
    return count


async def age_days(scenario: Any, days: int) -> None:
    """As if the window of what has been reconciled had passed that long ago."""
    await scenario.fetch("UPDATE reconciled_days SET overdue_on = overdue_on - $1::int", days)


def classes(sheet: Any) -> dict[str, int]:
    return {name: total["count"] for name, total in sheet["totals"].items() if total["count"]}


async def test_a_day_that_fits_has_no_difference_and_names_what_it_speaks_about(scenario, paid):
    await scenario.sign()
    await send(
        scenario,
        (paid["day"], "100.00", "B1", f"NIP {paid['in'].upper()}"),
        (paid["day"], "-60.00", "B2", f"TRF {paid['out']} Amina"),
    )
    found = await report(scenario, paid["day"])
    [sheet] = found["accounts"]
    assert classes(sheet) == {"matched": 2}
    assert (sheet["opening"], sheet["closing"], sheet["difference"]) == ("0.00", "40.00", "0.00")
    assert (sheet["bank_movement"], sheet["books_movement"], sheet["balances_agree"]) == ("40.00", "40.00", True)
    assert sheet["differences"] == []
    assert found["books"] == [
        {
            "currency": "NGN",
            "opening": "0.00",
            "closing": "40.00",
            "clearing_opening": "0.00",
            "clearing_closing": "0.00",
            "movement": "40.00",
        }
    ]
    [checkpoint] = await scenario.fetch("SELECT size, root FROM checkpoints")
    assert found["checkpoint"] == {"size": checkpoint["size"], "root": checkpoint["root"].hex()}
    assert found["height"] == checkpoint["size"]


async def test_every_kind_of_difference_is_listed_and_the_sums_add_up(scenario, paid):
    await send(
        scenario,
        (paid["day"], "99.00", "B1", paid["in"]),
        (paid["day"], "-60.00", "B2", paid["out"]),
        (paid["day"], "-60.00", "B3", paid["out"]),
        (paid["day"], "60.00", "B4", paid["out"]),
        (paid["day"], "-50.00", "B5", "COMMISSION"),
    )
    [sheet] = (await report(scenario, paid["day"]))["accounts"]
    assert classes(sheet) == {"matched": 1, "different": 1, "extra": 2, "duplicate": 1}
    assert {(found["class"], *found["reasons"], found["difference"]) for found in sheet["differences"]} == {
        ("different", "amount", "-1.00"),
        ("duplicate", "second_line", "-60.00"),
        ("extra", "return_not_in_books", "60.00"),
        ("extra", "no_known_reference", "-50.00"),
    }
    explained = sum(Decimal(found["difference"]) for found in sheet["differences"])
    assert explained == Decimal(sheet["difference"]) == Decimal(-51)
    assert Decimal(sheet["difference"]) == Decimal(sheet["bank_movement"]) - Decimal(sheet["books_movement"])


async def test_a_payment_returned_by_the_bank_matches_its_return(scenario):
    await scenario.donate("100.00")
    await scenario.set_account("0000000005")
    award = scenario.award("60.00")
    await scenario.service.deliver(award)
    await scenario.service.deliver(scenario.approval(award))
    await scenario.settle()
    await scenario.later(3)
    await scenario.settle()
    assert (await scenario.blocks())[-1] == "reversal"
    [row] = await scenario.fetch("SELECT reference FROM payments WHERE direction = 'out'")
    [block] = await scenario.fetch("SELECT timestamp FROM blocks ORDER BY block_index DESC LIMIT 1")
    day = bank_day(block["timestamp"])
    await send(scenario, (day, "-60.00", "B1", row["reference"]), (day, "60.00", "B2", row["reference"]))
    [sheet] = (await report(scenario, day))["accounts"]
    assert classes(sheet) == {"matched": 2, "missing": 1}
    assert [found["movement"]["amount"] for found in sheet["differences"]] == ["100.00"], "the donation has no line"


async def test_without_a_statement_nothing_is_missing_and_nobody_is_alarmed(scenario, paid):
    [sheet] = (await report(scenario, paid["day"]))["accounts"]
    assert (sheet["covered"], sheet["opening"]) == (False, None)
    assert classes(sheet) == {"not_covered": 2}
    await scenario.service.tick("reconcile")
    assert await unreconciled(scenario) == 0
    assert await scenario.fetch("SELECT * FROM reconciled_days") == []


async def test_what_no_line_matches_counts_as_unreconciled_once_its_window_has_passed(scenario, paid):
    await send(scenario, (paid["day"], "100.00", "B1", paid["in"]), (paid["day"], "-7.00", "B2", "FEE"))
    await scenario.service.tick("reconcile")
    [row] = await scenario.fetch("SELECT * FROM reconciled_days")
    assert (row["matched"], row["missing"], row["extra"], row["different"]) == (1, 1, 1, 0)
    assert row["overdue_on"] == paid["day"] + timedelta(days=6)
    assert await unreconciled(scenario) == 0, "its line may still come"
    await age_days(scenario, 6)
    assert await unreconciled(scenario) == 1
    labels = {"account": "***6789", "finding": "extra"}
    assert REGISTRY.get_sample_value("impactnet_ledger_reconciliation_open", labels) == 1
    await send(scenario, (paid["day"], "-60.00", "B3", paid["out"]))
    await scenario.service.tick("reconcile")
    assert await unreconciled(scenario) == 0
    pairs = await scenario.fetch("SELECT kind, block_index FROM statement_matches")
    assert len({pair["block_index"] for pair in pairs}) == len(pairs) == 2


async def test_an_account_that_is_in_the_settings_no_more_has_nothing_open(scenario, paid):
    await send(scenario, (paid["day"], "100.00", "B1", paid["in"]), (paid["day"], "-7.00", "B2", "FEE"))
    await scenario.service.tick("reconcile")
    await age_days(scenario, 6)
    assert await unreconciled(scenario) == 1
    labels = {"account": "***6789", "finding": "missing"}
    other = ["9999999999:NGN:sandbox+manual+paystack"]
    async with running_service(SERVICE, scenario.urls, bank_accounts=other) as service:
        await scenario.fetch("DELETE FROM reconciliation_runs")
        OPEN.clear()
        await service.tick("reconcile")
        assert await unreconciled(replace(scenario, service=service)) == 0
        assert REGISTRY.get_sample_value("impactnet_ledger_reconciliation_open", labels) is None
        assert REGISTRY.get_sample_value("impactnet_ledger_reconciliation_open", labels | {"account": "***"}) is None
    assert await unreconciled(scenario) == 1, "it is back, and so is what is open"


async def test_a_withdrawn_file_matches_nothing_any_more(scenario, paid):
    answer = await send(scenario, (paid["day"], "100.00", "B1", paid["in"]), (paid["day"], "-7.00", "B2", "FEE"))
    await scenario.service.tick("reconcile")
    assert len(await scenario.fetch("SELECT 1 FROM statement_matches")) == 1
    labels = {"account": "***6789", "finding": "extra"}
    assert REGISTRY.get_sample_value("impactnet_ledger_reconciliation_open", labels) == 1
    async with scenario.service.client(scenario.other_admin, "admin") as client:
        path = f"{BASE}/statements/{answer.json()['id']}/withdraw/"
        gone = await client.post(path, json={"reason": "Not ours."}, headers={"Idempotency-Key": str(new_id())})
    assert gone.status_code == 200
    await scenario.service.tick("reconcile")
    assert await scenario.fetch("SELECT 1 FROM statement_matches") == []
    assert await scenario.fetch("SELECT 1 FROM reconciled_days") == []
    assert REGISTRY.get_sample_value("impactnet_ledger_reconciliation_open", labels) == 0, "nothing is left to explain"


async def test_a_line_of_another_day_is_found_from_both_days(scenario, paid):
    before = paid["day"] - timedelta(days=1)
    await send(scenario, (before, "100.00", "B1", paid["in"]), covers_to=paid["day"])
    [on_bank_day] = (await report(scenario, before))["accounts"]
    [on_books_day] = (await report(scenario, paid["day"]))["accounts"]
    assert classes(on_bank_day) == {"matched_other_day": 1}
    assert classes(on_books_day) == {"matched_other_day": 1, "missing": 1}
    assert (on_bank_day["difference"], on_books_day["difference"]) == ("100.00", "-40.00")
    assert on_bank_day["differences"][0]["movement"] == on_books_day["differences"][0]["movement"]


async def test_what_differs_is_counted_also_where_only_the_bank_s_day_has_a_statement(scenario, paid):
    before = paid["day"] - timedelta(days=1)
    await send(scenario, (before, "99.00", "B1", paid["in"]))
    await scenario.service.tick("reconcile")
    [row] = await scenario.fetch("SELECT day, different, missing FROM reconciled_days")
    assert (row["day"], row["different"], row["missing"]) == (before, 1, 0)
    await send(scenario, (paid["day"], "-60.00", "B2", paid["out"]))
    await scenario.service.tick("reconcile")
    rows = await scenario.fetch("SELECT day, different, matched FROM reconciled_days ORDER BY day")
    assert [tuple(row) for row in rows] == [(before, 1, 0), (paid["day"], 0, 1)], "once"


async def test_a_reference_that_a_person_proved_a_transfer_by_matches_too(scenario):
    donation = await scenario.donate("100.00")
    [block] = await scenario.fetch("SELECT timestamp FROM blocks WHERE transaction_id = $1", donation["id"])
    day = bank_day(block["timestamp"])
    await scenario.fetch(
        "WITH actor AS (INSERT INTO actors (actor_id) VALUES (gen_random_uuid()) RETURNING actor_id)"
        " INSERT INTO manual_transfers (transaction_id, outcome, amount, bank_reference, recorded_by)"
        " SELECT $1, 'paid', 100, 'bank 77/a', actor_id FROM actor",
        donation["id"],
    )
    await send(scenario, (day, "100.00", "BANK77/A", "somebody's own words"))
    [sheet] = (await report(scenario, day))["accounts"]
    assert classes(sheet) == {"matched": 1}
    await scenario.service.tick("reconcile")
    assert len(await scenario.fetch("SELECT 1 FROM statement_matches")) == 1


async def test_a_report_pinned_to_a_height_is_the_same_bytes_for_ever(scenario, paid):
    await send(scenario, (paid["day"], "100.00", "=1+1", paid["in"]), (paid["day"], "-9.00", "B", "x"))
    height = (await report(scenario, paid["day"]))["height"]
    pinned = {
        form: (await report(scenario, paid["day"], height=height, format=form)).content for form in ("pdf", "csv")
    }
    body = await report(scenario, paid["day"], height=height)
    await scenario.donate("5.00")
    assert (await report(scenario, paid["day"]))["height"] > height
    for form, content in pinned.items():
        answer = await report(scenario, paid["day"], height=height, format=form)
        assert answer.content == content
        assert f"impactnet-reconciliation-{paid['day']}-{height}.{form}" in answer.headers["Content-Disposition"]
        assert answer.headers["Cache-Control"] == "private"
    assert await report(scenario, paid["day"], height=height) == body
    assert body["sha256"] in pinned["csv"].decode()
    assert ",'=1+1," in pinned["csv"].decode()
    text = "".join(page.extract_text() for page in PdfReader(BytesIO(pinned["pdf"])).pages)
    assert body["sha256"] in text
    async with scenario.service.client(scenario.admin, "admin") as client:
        for query, field in (("date=2026-13-01", "date"), ("date=2026-07-01&height=0", "height"), ("", "date")):
            answer = await client.get(f"{BASE}/report/?{query}")
            assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
        beyond = await client.get(f"{BASE}/report/", params={"date": "2026-07-01", "height": 10**9})
        assert (beyond.status_code, beyond.json()["code"]) == (422, "beyond_tip")


async def test_at_a_lower_height_the_books_know_less(scenario, paid):
    await send(scenario, (paid["day"], "100.00", "B1", paid["in"]), (paid["day"], "-60.00", "B2", paid["out"]))
    [sent] = await scenario.fetch("SELECT block_index FROM blocks WHERE transaction_id = $1", f"{paid['out_id']}:sent")
    found = await report(scenario, paid["day"], height=sent["block_index"] + 1)
    assert classes(found["accounts"][0]) == {"matched": 1, "extra": 1}
    assert found["accounts"][0]["differences"][0]["reasons"] == ["payment_not_completed"]
    assert (found["books"][0]["closing"], found["books"][0]["clearing_closing"]) == ("100.00", "60.00")


async def test_the_daily_run_is_done_once_a_day(scenario, paid):
    await send(scenario, (paid["day"], "100.00", "B1", paid["in"]))
    await scenario.service.tick("reconcile")
    [run] = await scenario.fetch("SELECT * FROM reconciliation_runs")
    assert run["day"] == bank_day(scenario.service.worker.clock.now()) - timedelta(days=1)
    assert run["height"] == len(await scenario.blocks())
    await scenario.service.tick("reconcile")
    assert len(await scenario.fetch("SELECT 1 FROM reconciliation_runs")) == 1
    # A day later, what is open is looked at again: the line that was missing may have a movement by now.
    await scenario.fetch("DELETE FROM reconciliation_runs")
    await scenario.fetch("UPDATE reconciled_days SET missing = 99")
    await scenario.service.tick("reconcile")
    assert [row["missing"] for row in await scenario.fetch("SELECT missing FROM reconciled_days")] == [1]


def test_a_bank_s_day_begins_an_hour_before_that_of_utc():
    assert bank_day(datetime.fromisoformat("2026-07-01T23:00:00Z")) == date(2026, 7, 2)
    assert bank_day(datetime.fromisoformat("2026-07-01T22:59:59Z")) == date(2026, 7, 1)
