"""Receipts over HTTP: for their owners, kept by what they are, and proven to a stranger who has the file alone."""

from collections.abc import AsyncIterator
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import pypdf
import pytest
from services.ledger.tests.processes import run_ledger, run_verifier
from services.ledger.tests.scenario import KEY, Scenario

from chassis.ids import new_id
from chassis.s3 import S3Storage
from contracts.programs import ProgramUpdated
from ledger.domain.receipts import SIZE_BYTES_MAX
from ledger.settings import LedgerSettings

TITLE = "Ẹ̀kọ́ ọmọdé Kánò · Ɗaura da Ƙanƙara · ₦"


async def issue(scenario: Scenario) -> None:
    await scenario.sign()
    await scenario.service.tick("issue_receipts")


async def fetch(scenario: Scenario, transaction_id, user=None, role="admin"):
    async with scenario.service.client(user or scenario.admin, role) as client:
        return await client.get(f"/api/v1/transactions/{transaction_id}/receipt/")


def text_of(document: bytes) -> str:
    [page] = pypdf.PdfReader(BytesIO(document)).pages
    return " ".join(page.extract_text().split())


def policy_in(folder: Path) -> Path:
    policy = folder / "policy.txt"
    policy.write_text(f"log {KEY.verifier.vkey}\nquorum none\n")
    return policy


@pytest.fixture
async def objects(storage) -> AsyncIterator[S3Storage]:
    """The storage as somebody else sees it who has its keys."""
    async with S3Storage(LedgerSettings(**storage).storage) as opened:
        yield opened


async def rename_program(scenario: Scenario, title: str, revision: int) -> None:
    changed = {"program_id": scenario.program_id, "title": title, "revision": revision}
    await scenario.service.deliver(ProgramUpdated.model_validate(program_snapshot() | changed))


def program_snapshot() -> dict:
    return {
        "slug": "a", "status": "open", "funder": "Acme", "budget": "1.00", "currency": "NGN", "award_min": "1.00",
        "award_max": "1.00", "slots": 1, "open_date": "2026-01-01", "close_date": "2026-12-31",
        "time_zone": "Africa/Lagos", "review_quorum": 2, "form_json": "{}", "criteria": [], "requirements": [],
        "qualifications": [], "executives": [],
    }  # fmt: skip


async def test_a_receipt_fetched_over_http_verifies_offline_and_no_changed_byte_does(scenario, tmp_path):
    await rename_program(scenario, TITLE, 2)
    given = await scenario.donate("1234567.89", on_behalf_of={"name": "Acme Foundation", "reference": "ACME-1"})
    await issue(scenario)
    answer = await fetch(scenario, given["id"])
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
    assert answer.headers["cache-control"] == "private"
    page = text_of(answer.content)
    for line in (TITLE, "₦1,234,567.89", "Acme Foundation", given["id"], given["blockchain_hash"], "Receipt No. 1"):
        assert line in page

    file, policy = tmp_path / "receipt.pdf", policy_in(tmp_path)
    file.write_bytes(answer.content)
    status, said = await run_verifier("receipt", file, "--policy", policy)
    assert status == 0, said
    assert "receipt 1" in said
    assert "1234567.89 NGN" in said
    size = len(answer.content)
    for position in (0, size // 3, size // 2, size - 100, size - 1):
        damaged = bytearray(answer.content)
        damaged[position] ^= 1
        file.write_bytes(damaged)
        assert (await run_verifier("receipt", file, "--policy", policy))[0] == 1


async def test_the_row_keeps_what_it_is_made_of_and_storage_the_bytes_by_their_hash(scenario, objects):
    given = await scenario.donate("10.00")
    await issue(scenario)
    document = (await fetch(scenario, given["id"])).content
    digest = sha256(document).hexdigest()
    [row] = await scenario.fetch("SELECT * FROM receipts")
    assert (row["number"], row["sha256"], row["object_key"]) == (1, digest, f"receipts/{digest}.pdf")
    assert row["content"] is None
    assert await objects.get(row["object_key"], SIZE_BYTES_MAX) == document


async def test_who_has_the_bytes_is_told_so(scenario):
    given = await scenario.donate("10.00")
    await issue(scenario)
    tag = (await fetch(scenario, given["id"])).headers["etag"]
    async with scenario.service.client(scenario.admin, "admin") as client:
        path = f"/api/v1/transactions/{given['id']}/receipt/"
        again = await client.get(path, headers={"If-None-Match": tag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)


async def test_a_receipt_is_for_its_owner_and_admins(scenario):
    owner = new_id()
    async with scenario.service.client(owner) as client:
        body = {"program_id": str(scenario.program_id), "amount": "5.00", "currency": "NGN"}
        answer = await client.post(
            "/api/v1/transactions/donations/", json=body, headers={"Idempotency-Key": str(new_id())}
        )
    given = answer.json()["id"]
    await scenario.fetch("UPDATE payments SET due_at = now() WHERE due_at IS NOT NULL AND direction = 'in'")
    await scenario.service.tick("credit_donations")
    await issue(scenario)
    assert (await fetch(scenario, given, owner, "member")).status_code == 200
    assert (await fetch(scenario, given, scenario.other_admin)).status_code == 200
    assert (await fetch(scenario, given, new_id(), "member")).status_code == 404
    assert (await fetch(scenario, given, new_id(), "executive")).status_code == 404
    assert (await fetch(scenario, new_id())).status_code == 404
    async with scenario.service.client() as nobody:
        assert (await nobody.get(f"/api/v1/transactions/{given}/receipt/")).status_code == 401
        assert (await nobody.get("/api/v1/transactions/no-id/receipt/")).status_code in (401, 404)


async def test_before_it_is_issued_one_is_told_when_to_come_again(scenario):
    given = await scenario.donate("10.00")
    early = await fetch(scenario, given["id"])
    assert (early.status_code, early.json()["code"], early.headers["retry-after"]) == (409, "receipt_not_ready", "2")
    award = scenario.award("5.00")
    await scenario.service.deliver(award)
    [commitment] = await scenario.fetch("SELECT id FROM transactions WHERE transaction_type = 'commitment'")
    never = await fetch(scenario, commitment["id"])
    assert (never.status_code, never.headers.get("retry-after")) == (409, None)


async def test_payees_and_those_who_got_their_money_back_have_receipts_that_verify_too(scenario, tmp_path):
    given = await scenario.donate("100.00", on_behalf_of={"name": "Acme", "reference": "ACME-1"})
    await scenario.donate("40.00")
    await scenario.set_account()
    award = scenario.award("30.00")
    await scenario.service.deliver(award)
    await scenario.service.deliver(scenario.approval(award))
    await scenario.settle()
    await scenario.refund(given["id"])
    await issue(scenario)
    rows = await scenario.fetch(
        "SELECT t.id, t.transaction_type, r.number FROM receipts AS r JOIN transactions AS t ON t.id = r.transaction_id"
        " ORDER BY r.number"
    )
    assert [row["transaction_type"] for row in rows] == ["donation", "donation", "disbursement", "refund"]
    paid = await fetch(scenario, rows[2]["id"], scenario.applicant, "member")
    assert "Payment made" in text_of(paid.content)
    assert "Amina" not in text_of(paid.content)
    policy = policy_in(tmp_path)
    for row in rows:
        file = tmp_path / f"{row['number']}.pdf"
        file.write_bytes((await fetch(scenario, row["id"])).content)
        status, said = await run_verifier("receipt", file, "--policy", policy)
        assert (status, f"receipt {row['number']}" in said) == (0, True), said


async def test_a_programme_that_is_renamed_leaves_issued_receipts_as_they_are(scenario, objects):
    await rename_program(scenario, "The name of before", 2)
    given = await scenario.donate("10.00")
    await issue(scenario)
    document = (await fetch(scenario, given["id"])).content
    await rename_program(scenario, "Another name", 3)
    await objects.delete(f"receipts/{sha256(document).hexdigest()}.pdf")
    assert (await fetch(scenario, given["id"])).content == document
    assert "The name of before" in text_of(document)


async def test_money_whose_dispute_ended_well_gets_its_receipt_late_and_the_series_stays_whole(scenario):
    first, second = await scenario.donate("10.00"), await scenario.donate("20.00")
    guard = "ALTER TABLE transactions {} TRIGGER check_status_move"
    await scenario.fetch("UPDATE transactions SET status = 'disputed' WHERE id = $1", first["id"])
    await issue(scenario)
    await scenario.fetch(guard.format("DISABLE"))
    await scenario.fetch("UPDATE transactions SET status = 'completed' WHERE id = $1", first["id"])
    await scenario.fetch(guard.format("ENABLE"))
    await issue(scenario)
    assert (await fetch(scenario, first["id"])).status_code == 409
    await scenario.service.tick("issue_overlooked_receipts")
    rows = await scenario.fetch("SELECT transaction_id FROM receipts ORDER BY number")
    assert [str(row["transaction_id"]) for row in rows] == [second["id"], first["id"]]
    assert (await fetch(scenario, first["id"])).status_code == 200


async def test_receipts_of_before_object_storage_are_read_and_moved_there(scenario, objects):
    given = await scenario.donate("10.00")
    content = b"%PDF-1.4 of another time"
    digest = sha256(content).hexdigest()
    await scenario.fetch(
        "INSERT INTO receipts (transaction_id, number, object_key, sha256, content) VALUES ($1, 1, $2, $3, $4)",
        given["id"], f"receipts/{digest}.pdf", digest, content,
    )  # fmt: skip
    later = await scenario.donate("20.00")
    assert (await fetch(scenario, given["id"])).content == content
    assert await objects.get(f"receipts/{digest}.pdf", SIZE_BYTES_MAX) == content
    await issue(scenario)
    assert (await fetch(scenario, later["id"])).headers["content-disposition"].endswith('receipt-2.pdf"')


async def test_the_command_names_what_is_damaged_and_mends_it(scenario, storage, objects):
    for amount in ("1.00", "2.00", "3.00"):
        await scenario.donate(amount)
    await issue(scenario)
    rows = await scenario.fetch("SELECT number, sha256, object_key FROM receipts ORDER BY number")
    told = {
        f"IMPACTNET_LEDGER_{name.upper()}": value if isinstance(value, str) else value.get_secret_value()
        for name, value in storage.items()
    }
    assert await run_ledger(scenario.urls, "receipts", "check", **told) == (0, "ok: 3 receipts looked at\n", "")

    await objects.delete(rows[0]["object_key"])
    await objects.put(rows[2]["object_key"], b"%PDF-1.4 something else", "application/pdf")
    status, said, _ = await run_ledger(scenario.urls, "receipts", "check", **told)
    assert status == 1
    assert said.splitlines()[:2] == [
        f"receipt 1 is missing ({rows[0]['object_key']})",
        f"receipt 3 is altered ({rows[2]['object_key']})",
    ]
    status, said, _ = await run_ledger(scenario.urls, "receipts", "check", "--mend", **told)
    assert (status, said) == (0, "ok: 3 receipts looked at, 2 of them put back\n")
    for row in rows:
        assert sha256(await objects.get(row["object_key"], SIZE_BYTES_MAX)).hexdigest() == row["sha256"]

    nowhere = told | {"IMPACTNET_LEDGER_S3_ENDPOINT": "http://127.0.0.1:9"}
    status, said, _ = await run_ledger(scenario.urls, "receipts", "check", **nowhere)
    assert (status, "object storage is away" in said) == (1, True)
