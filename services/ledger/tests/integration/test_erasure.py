"""After a person is erased nothing in the ledger leads to them: not a table, not an answer, not an export."""

import asyncio
import base64
import hashlib
import json
from typing import Any
from uuid import UUID

import pytest
from services.ledger.tests.traces import forms_of, seen_in, traces_in_tables

from chassis.housekeeping import housekeeping_timers
from chassis.ids import new_id
from chassis.personal_data import SubjectErasedError, destroy_subject_key
from contracts.applications import ApplicationApproved, AwardProposed
from contracts.identity import UserErased, UserRegistered
from ledger.adapters.people_books import SNAPSHOT_PURPOSE
from ledger.domain.payments import personal_commitment

PERSON = {
    "account_name": "Zainab Oluwaseun",
    "account_number": "9876543201",
    "display_name": "Zee from Kano",
    "story": "Two electric machines, and six women trained.",
    "location": "Sabon Gari, Kano",
}


def needles(user_id: UUID) -> dict[str, set[bytes]]:
    texts = PERSON | {"user_id": str(user_id)}
    found = {name: forms_of(text.encode()) for name, text in texts.items()}
    found["user_id"] |= (
        forms_of(user_id.bytes) | forms_of(user_id.hex.encode()) | forms_of(str(user_id).upper().encode())
    )
    found["hash of the account"] = forms_of(hashlib.sha256(PERSON["account_number"].encode()).digest())
    found["hash of the user_id"] = forms_of(hashlib.sha256(str(user_id).encode()).digest())
    found["hash of the user_id's bytes"] = forms_of(hashlib.sha256(user_id.bytes).digest())
    return found


async def life_of(scenario: Any, person: UUID) -> AwardProposed:
    """A person who gave, was given to, was paid, was refused once, and told their story."""
    deliver = scenario.service.deliver
    await deliver(UserRegistered(user_id=person, role="member"))
    async with scenario.service.client(person) as me:
        body = {"program_id": str(scenario.program_id), "amount": "100.00", "currency": "NGN"}
        headers = {"Idempotency-Key": str(new_id())}
        assert (await me.post("/api/v1/transactions/donations/", json=body, headers=headers)).status_code == 201
        account = {name: PERSON[name] for name in ("account_name", "account_number")}
        answer = await me.put("/api/v1/payees/me/", json=account | {"bank_code": "058", "currency": "NGN"})
        assert answer.status_code == 200, answer.text
    await scenario.fetch("UPDATE payments SET due_at = now() WHERE due_at IS NOT NULL AND direction = 'in'")
    await scenario.service.tick("credit_donations")
    award = scenario.award("40.00", "20.00", user_id=person)
    await deliver(award)
    about: dict[str, Any] = {
        "application_id": award.application_id,
        "program_id": scenario.program_id,
        "user_id": person,
    }
    decided: dict[str, Any] = {
        "decision_id": new_id(),
        "decider_id": new_id(),
        "submission_sha256": "a" * 64,
        "reviews": 2,
    }
    given: dict[str, Any] = {"award_id": award.award_id, "amount": "60.00", "currency": "NGN", "final_score": "76.00"}
    await deliver(ApplicationApproved(**about, **decided, **given, status="approved"))
    await deliver(scenario.award("9000.00", user_id=person))  # refused: there is not so much
    await deliver(scenario.approval(award))
    await scenario.settle()
    [page] = await scenario.fetch("SELECT beneficiary_id AS id FROM beneficiaries WHERE user_id = $1", person)
    async with scenario.service.client(person) as me:
        shown = {name: PERSON[name] for name in ("display_name", "story", "location")} | {"is_public": True}
        assert (await me.patch(f"/api/v1/beneficiaries/{page['id']}/", json=shown)).status_code == 200
    await scenario.sign()
    await scenario.service.tick("issue_receipts")
    await scenario.service.tick("verify_growth")
    return award


async def answers_about(scenario: Any) -> dict[tuple[str, str], bytes]:
    """Every answer that anybody, a stranger or an admin can get, by (who, path)."""
    ids = await scenario.fetch("SELECT id FROM transactions")
    blocks = await scenario.fetch("SELECT block_index, hash FROM blocks")
    pages = await scenario.fetch("SELECT beneficiary_id AS id FROM beneficiaries")
    public = [
        *(f"/api/v1/blockchain/{name}/" for name in ("chain", "graph", "stats", "integrity", "checkpoint")),
        *(f"/api/v1/blockchain/blocks/{block['block_index']}/" for block in blocks),
        *(f"/api/v1/blockchain/verify/{block['hash']}/" for block in blocks),
        *(f"/api/v1/blockchain/proofs/inclusion/{block['hash']}/?format=tlog-proof" for block in blocks),
        *(f"/api/v1/transactions/blockchain/{block['hash']}/" for block in blocks),
        *(f"/api/v1/blockchain/trace/{row['id']}/?direction={way}" for row in ids for way in ("forward", "backward")),
        *(f"/api/v1/blockchain/tiles/tile/entries/000.p/{len(blocks)}",),
        *(f"/api/v1/transactions/export.{kind}?height={len(blocks)}" for kind in ("csv", "360giving.json")),
        f"/api/v1/blockchain/export.preimages.jsonl?height={len(blocks)}",
        "/api/v1/beneficiaries/",
        *(f"/api/v1/beneficiaries/{page['id']}/{part}" for page in pages for part in ("", "impact/")),
    ]
    private = [
        "/api/v1/transactions/?limit=100",
        *(f"/api/v1/transactions/{row['id']}/" for row in ids),
        *(f"/api/v1/transactions/{row['id']}/receipt/" for row in ids),
        "/api/v1/payees/me/",
        "/api/v1/beneficiaries/?mine=true",
    ]
    found = {}
    clients = {"anybody": (None, "member"), "stranger": (new_id(), "member"), "admin": (scenario.other_admin, "admin")}
    for who, (user_id, role) in clients.items():
        async with scenario.service.client(user_id, role) as client:
            for path in [*public, *(private if user_id else ())]:
                answer = await client.get(path)
                assert answer.status_code < 500, (path, answer.text)
                told = json.dumps(dict(answer.headers)).encode()
                found[who, path] = told + b"\n" + answer.content
    return found


async def test_before_the_erasure_the_search_finds_what_is_there(scenario):
    person = scenario.applicant
    await life_of(scenario, person)
    sought = needles(person)
    traces = await traces_in_tables(scenario, sought)
    assert {table for table, _, name in traces if name == "user_id"} >= {"transactions", "awards", "payees", "donors"}
    assert {name for _, _, name in traces} == {"user_id"}, "everything else is sealed"
    answers = await answers_about(scenario)
    shown = set().union(*(seen_in(content, sought) for content in answers.values()))
    assert shown >= {"user_id", "story", "display_name", "location", "account_name"}
    for secret in (b"9876543201", person.bytes, str(person).encode()):
        for offset in range(3):
            hidden = base64.b64encode(b"x" * offset + secret + b"yz")
            assert any(form in hidden for form in forms_of(secret)), (secret, offset)


# Tombstones say that somebody under this id was erased, so that no token of theirs counts and no key is made again;
# they are tied to nothing. The outbox holds what was told to others, by ids that mean nothing any more, for two weeks.
TOMBSTONES = {("subject_keys", "subject_id", "user_id"), ("user_standings", "user_id", "user_id")}
TOLD = ("outbox", "payload", "user_id")


async def test_after_the_erasure_nothing_anywhere_leads_to_the_person(scenario):
    person = scenario.applicant
    await life_of(scenario, person)
    async with scenario.service.client() as anyone:
        [block] = await scenario.fetch("SELECT size FROM head")
        kept = {
            path: (await anyone.get(path, params={"height": block["size"]})).content
            for path in ("/api/v1/transactions/export.csv", "/api/v1/transactions/export.360giving.json")
        }
    await scenario.service.deliver(UserErased(user_id=person))
    sought = needles(person)
    assert await traces_in_tables(scenario, sought) <= {*TOMBSTONES, TOLD}
    tombstones = await scenario.fetch("SELECT * FROM subject_keys JOIN user_standings ON user_id = subject_id")
    assert [(row["wrapped_key"], row["erased"]) for row in tombstones] == [(None, True)]
    for (who, path), content in (await answers_about(scenario)).items():
        assert not seen_in(content, sought), (who, path)
    async with scenario.service.client() as anyone:
        for path, content in kept.items():
            assert (await anyone.get(path, params={"height": block["size"]})).content == content
    assert (await scenario.verifier.verify()).ok
    # Two weeks on, what was told to others is forgotten too.
    await scenario.fetch("UPDATE outbox SET published_at = now() - interval '15 days'")
    [_, forget] = housekeeping_timers("ledger", scenario.service.worker.database)
    await forget.run()
    assert await traces_in_tables(scenario, sought) <= TOMBSTONES


async def test_a_commitment_opens_with_the_salt_and_the_salt_is_gone_with_the_key(scenario):
    person = scenario.applicant
    award = await life_of(scenario, person)
    await scenario.service.deliver(scenario.approval(award, 1))
    await scenario.settle()
    paid = await scenario.fetch("SELECT * FROM payments WHERE payee_commitment IS NOT NULL")
    vault, database = scenario.service.worker.vault, scenario.service.worker.database
    async with database.reading() as connection:
        opened = [
            json.loads(await vault.open(connection, person, row["sealed_account"], SNAPSHOT_PURPOSE)) for row in paid
        ]
    salts = [base64.b64decode(fields.pop("salt")) for fields in opened]
    plain = [{name: value for name, value in fields.items() if name != "version"} for fields in opened]
    assert [personal_commitment(salt, fields) for salt, fields in zip(salts, plain, strict=True)] == [
        row["payee_commitment"] for row in paid
    ]
    assert plain[0] == plain[1]
    assert len({row["payee_commitment"] for row in paid}) == 2, "two payments to one account do not show as such"
    await scenario.service.deliver(UserErased(user_id=person))
    async with database.reading() as connection:
        for row in paid:
            with pytest.raises(SubjectErasedError, match=r"^$"):  # whose may end in a log
                await vault.open(connection, person, row["sealed_account"], SNAPSHOT_PURPOSE)
    sought = {"salt": set().union(*(forms_of(salt) for salt in salts))}
    assert not await traces_in_tables(scenario, sought)
    # Who comes back under the same id gets no new key: what was erased stays erased.
    async with scenario.service.client(person) as me:
        account = {name: PERSON[name] for name in ("account_name", "account_number")}
        answer = await me.put("/api/v1/payees/me/", json=account | {"bank_code": "058", "currency": "NGN"})
        assert answer.status_code == 401


async def test_what_a_person_writes_while_they_are_erased_is_refused(scenario):
    person = scenario.applicant
    await scenario.donate("100.00")
    await scenario.service.deliver(scenario.award("30.00"))
    [page] = await scenario.fetch("SELECT beneficiary_id AS id FROM beneficiaries")
    account = {name: PERSON[name] for name in ("account_name", "account_number")} | {"bank_code": "058"}
    for method, path, body in (
        ("PUT", "/api/v1/payees/me/", account),
        ("PATCH", f"/api/v1/beneficiaries/{page['id']}/", {"story": PERSON["story"], "is_public": True}),
    ):
        async with scenario.service.client(person) as me, scenario.service.worker.database.unit_of_work() as work:
            await destroy_subject_key(work.connection, person)
            writing = asyncio.create_task(me.request(method, path, json=body))
            # It has been let in, and waits to make a key for whom there will be none.
            while not await scenario.fetch("SELECT FROM pg_locks, pg_sleep(0.01) WHERE NOT granted"):
                assert not writing.done()
        answer = await writing
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), path
        await scenario.fetch("DELETE FROM subject_keys WHERE subject_id = $1", person)
    assert not await scenario.fetch("SELECT FROM payees")
    assert not await scenario.fetch("SELECT FROM beneficiaries WHERE is_public")


async def test_nobody_else_is_touched_by_an_erasure(scenario):
    await life_of(scenario, scenario.applicant)
    before = {table: await scenario.fetch(f"SELECT * FROM {table}") for table in UNTOUCHED}
    await scenario.service.deliver(UserErased(user_id=new_id()))
    assert {table: await scenario.fetch(f"SELECT * FROM {table}") for table in UNTOUCHED} == before


UNTOUCHED = ("transactions", "awards", "payees", "donors", "beneficiaries", "payments", "balances", "blocks")
