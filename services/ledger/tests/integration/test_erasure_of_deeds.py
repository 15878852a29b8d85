"""Whoever gave, was paid, asked, approved or recorded and is erased: nothing leads to them, and two people stay two."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from services.ledger.tests.personal_columns import ERASED, KEPT
from services.ledger.tests.scenario import Scenario
from services.ledger.tests.statement_samples import TWO_DAYS, TWO_PAGES
from services.ledger.tests.traces import columns_of, forms_of, forms_of_id, traces_in_tables

from chassis.ids import new_id
from chassis.testing.harness import running_service
from contracts.applications import ApplicationApproved
from contracts.identity import UserErased, UserRegistered
from ledger.adapters.erasure import DOERS, OWNERS
from ledger.bootstrap import SERVICE
from ledger.use_cases.ask_refund import ask_refund

# What admins wrote, naming somebody.
WORDS = "Chidinma asked for it."
REMAINS = {("subject_keys", "subject_id"), ("user_standings", "user_id"), ("outbox", "payload")}
EXPORTS = (
    "transactions/export.csv",
    "transactions/export.360giving.json",
    "blockchain/export.preimages.jsonl",
)


@dataclass(frozen=True)
class People:
    donor: UUID
    beneficiary: UUID
    staff: UUID

    @property
    def all(self) -> tuple[UUID, ...]:
        return (self.donor, self.beneficiary, self.staff)

    @property
    def sought(self) -> dict[str, set[bytes]]:
        names = {"donor": self.donor, "beneficiary": self.beneficiary, "staff": self.staff}
        return {name: forms_of_id(user_id) for name, user_id in names.items()} | {"words": forms_of(WORDS.encode())}


@pytest.fixture
async def by_hand(urls: dict[str, str], storage: dict[str, Any]) -> AsyncIterator[Scenario]:
    async with running_service(SERVICE, urls, payment_rail="manual", **storage) as service:
        made = Scenario(service, urls, new_id(), new_id(), new_id(), new_id())
        await made.create_program()
        yield made
        await made.check_books()


async def post(scenario: Scenario, path: str, body: Any, user_id: UUID, role: str = "admin") -> Any:
    async with scenario.service.client(user_id, role) as client:
        answer = await client.post(f"/api/v1/{path}", json=body, headers={"Idempotency-Key": str(new_id())})
    assert answer.is_success, (path, answer.text)
    return answer.json()


async def give(scenario: Scenario, donor: UUID) -> str:
    body = {"program_id": str(scenario.program_id), "amount": "100.00", "currency": "NGN"}
    given = await post(scenario, "transactions/donations/", body, donor, "member")
    await scenario.fetch("UPDATE payments SET due_at = now() WHERE due_at IS NOT NULL AND direction = 'in'")
    await scenario.service.tick("credit_donations")
    return str(given["id"])


async def refund(scenario: Scenario, donation: str, asks: UUID, approves: UUID) -> None:
    await post(scenario, f"transactions/{donation}/refund/", {"reason": WORDS}, asks)
    await post(scenario, f"transactions/{donation}/refund/approve/", {}, approves)
    await scenario.service.tick("settle_refunds")


async def dispute(scenario: Scenario, payment: UUID, people: People, proposes: UUID, approves: UUID) -> None:
    """Said to have failed, then to have been paid: two people say what is true."""
    path = f"transactions/{payment}"
    proof = {"bank_reference": f"FT/{payment}", "proof_sha256": "a" * 64, "note": WORDS}
    for outcome in ("failed", "completed"):
        await post(scenario, f"{path}/confirm/", proof | {"outcome": outcome}, people.staff)
        await scenario.service.tick("settle_payments")
    said = {"outcome": "completed"}
    await post(scenario, f"{path}/resolve/", said | {"reason": WORDS}, proposes)
    await post(scenario, f"{path}/resolve/approve/", said, approves)
    await scenario.service.tick("close_disputes")


async def statements(scenario: Scenario, staff: UUID) -> None:
    """One that the person imported, and one that they withdrew."""
    for text, who in ((TWO_DAYS, staff), (TWO_PAGES, scenario.admin)):
        async with scenario.service.client(who, "admin") as client:
            headers = {"Content-Type": "application/x-mt940", "Idempotency-Key": str(new_id())}
            path = "/api/v1/transactions/reconciliation/statements/"
            answer = await client.post(path, content=text.encode(), headers=headers)
            assert answer.status_code == 201, answer.text
    await post(
        scenario,
        f"transactions/reconciliation/statements/{answer.json()['id']}/withdraw/",
        {"reason": "Wrong file."},
        staff,
    )


async def lives(scenario: Scenario) -> People:
    """A donor, a beneficiary and a colleague who has done everything that staff can do."""
    deliver, admin = scenario.service.deliver, scenario.admin
    people = People(new_id(), scenario.applicant, new_id())
    for user_id in people.all:
        await deliver(UserRegistered(user_id=user_id, role="admin" if user_id == people.staff else "member"))
    first, second, _ = [await give(scenario, people.donor) for _ in range(3)]
    await refund(scenario, first, people.staff, admin)
    await refund(scenario, second, admin, people.staff)
    award = scenario.award("30.00", "20.00")
    await deliver(award)
    await deliver(
        ApplicationApproved(
            application_id=award.application_id,
            program_id=scenario.program_id,
            user_id=people.beneficiary,
            status="approved",
            decision_id=new_id(),
            decider_id=people.staff,
            submission_sha256="a" * 64,
            reviews=2,
            award_id=award.award_id,
            amount="50.00",
            currency="NGN",
            final_score="76.00",
        )
    )
    await scenario.set_account()
    for tranche, pair in enumerate([(people.staff, admin), (admin, people.staff)]):
        said = await deliver(scenario.approval(award, tranche))
        await scenario.service.tick("settle_payments")
        [payment] = await scenario.fetch(
            "SELECT id FROM transactions WHERE tranche_id = $1", award.tranches[tranche].tranche_id
        )
        await dispute(scenario, payment["id"], people, *pair)
    await deliver(said.model_copy(update={"data": said.data | {"requested_by": str(people.staff).upper()}}))
    await statements(scenario, people.staff)
    await scenario.sign()
    await scenario.service.tick("issue_receipts")
    return people


async def erase(scenario: Scenario, people: People) -> None:
    for user_id in people.all:
        await scenario.service.deliver(UserErased(user_id=user_id))


def name_of(column: Any) -> tuple[str, str]:
    return (column.table.name, column.name)


async def test_every_column_that_can_name_a_person_is_erased_or_says_why_not(history):
    listed = Counter(name for group in (ERASED, KEPT) for names in group.values() for name in names)
    there = {f"{table}.{column}" for table, columns in (await columns_of(history)).items() for column in columns}
    assert not there - listed.keys(), "what does erasure do with these?"
    assert not listed.keys() - there, "these are gone"
    assert [name for name, times in listed.items() if times > 1] == []
    erased = {tuple(name.split(".")) for names in ERASED.values() for name in names}
    assert {name_of(column) for column in (*(column for _, column in DOERS), *OWNERS)} <= erased


async def test_after_a_donor_a_beneficiary_and_a_colleague_are_erased_no_table_names_them(by_hand):
    people = await lives(by_hand)
    before = await traces_in_tables(by_hand, people.sought)
    held = {(table, column) for table, column, _ in before}
    known = {name_of(column) for column in (*(column for _, column in DOERS), *OWNERS)}
    words = {("transactions", "reason"), ("disputes", "reason"), ("manual_transfer_notes", "note")}
    assert held - REMAINS == known | words | {("quarantined_events", "payload")}, "all that is erased was there"
    [block] = await by_hand.fetch("SELECT size FROM head")
    async with by_hand.service.client() as anyone:
        kept = {path: (await anyone.get(f"/api/v1/{path}?height={block['size']}")).content for path in EXPORTS}
    await erase(by_hand, people)
    found = await traces_in_tables(by_hand, people.sought)
    assert {(table, column) for table, column, _ in found} <= REMAINS
    assert "words" not in {name for _, _, name in found}
    assert (await by_hand.verifier.verify()).ok
    async with by_hand.service.client() as anyone:
        for path, content in kept.items():
            assert (await anyone.get(f"/api/v1/{path}?height={block['size']}")).content == content, path
    # Nothing personal was ever in them, and the one that others publish says so.
    assert b"Everything personal is left out" in kept["transactions/export.360giving.json"]


async def test_two_people_stay_two_after_one_of_them_is_erased(by_hand):
    people = await lives(by_hand)
    await by_hand.service.deliver(UserErased(user_id=people.staff))
    [decider] = await by_hand.fetch("SELECT decider_id FROM deciders")
    [actor] = await by_hand.fetch("SELECT actor_id AS id FROM actors WHERE user_id IS NULL")
    assert decider["decider_id"] != actor["id"], "the chain knows nobody by this id"
    refunds = await by_hand.fetch(
        "SELECT requested_by, approved_by, confirmed_by FROM transactions JOIN payments ON transaction_id = id"
        " WHERE transaction_type = 'refund' ORDER BY id"
    )
    admin = by_hand.admin
    assert [tuple(row) for row in refunds] == [(actor["id"], admin, admin), (admin, actor["id"], actor["id"])]
    agreed = await by_hand.fetch("SELECT proposed_by, approved_by FROM disputes ORDER BY opened_at")
    assert [tuple(row) for row in agreed] == [(actor["id"], admin), (admin, actor["id"])]
    recorded = await by_hand.fetch("SELECT DISTINCT recorded_by FROM manual_transfers")
    assert [row["recorded_by"] for row in recorded] == [actor["id"]]
    async with by_hand.service.client(admin, "admin") as client:
        page = await client.get("/api/v1/transactions/reconciliation/statements/")
    told = [(item["imported_by"], item["withdrawn_by"]) for item in page.json()["items"]]
    assert told == [(str(admin), str(actor["id"])), (str(actor["id"]), None)]
    alone = "UPDATE transactions SET approved_by = requested_by WHERE transaction_type = 'refund'"
    with pytest.raises((asyncpg.CheckViolationError, asyncpg.IntegrityConstraintViolationError)):
        await by_hand.fetch(alone, role="worker")


async def test_what_arrives_after_an_erasure_is_erased_again(scenario):
    person, staff = scenario.applicant, scenario.admin
    await scenario.donate("100.00")
    award = scenario.award("30.00")
    await scenario.service.deliver(UserErased(user_id=person))
    await scenario.service.deliver(UserErased(user_id=staff))
    await scenario.service.deliver(award)
    await scenario.service.deliver(scenario.approval(award))
    sought = {"person": forms_of_id(person), "staff": forms_of_id(staff)}
    back = {(table, column) for table, column, _ in await traces_in_tables(scenario, sought)}
    assert back >= {("awards", "user_id"), ("transactions", "requested_by")}
    await scenario.service.tick("forget_again")
    left = {(table, column) for table, column, _ in await traces_in_tables(scenario, sought)}
    assert left <= REMAINS


async def test_an_event_that_contradicts_an_old_one_after_the_erasure_is_emptied_too(scenario):
    await scenario.donate("100.00")
    said = await scenario.service.deliver(scenario.award("30.00"))
    await scenario.service.deliver(UserErased(user_id=scenario.applicant))
    await scenario.service.deliver(said.model_copy(update={"data": said.data | {"amount": "31.00"}}))
    sought = {"person": forms_of_id(scenario.applicant)}
    back = {(table, column) for table, column, _ in await traces_in_tables(scenario, sought)}
    assert back - REMAINS == {("quarantined_events", "payload")}
    await scenario.service.tick("forget_again")
    assert {(table, column) for table, column, _ in await traces_in_tables(scenario, sought)} <= REMAINS


async def test_the_database_lets_erasure_replace_a_person_by_their_own_id_only(by_hand):
    people = await lives(by_hand)
    [other] = await by_hand.fetch(
        "INSERT INTO actors (actor_id, user_id) VALUES (gen_random_uuid(), $1) RETURNING *", new_id()
    )
    for change in ("NULL", "gen_random_uuid()", f"'{other['actor_id']}'"):
        for column in ("requested_by", "approved_by"):
            statement = f"UPDATE transactions SET {column} = {change} WHERE transaction_type = 'refund'"
            with pytest.raises(asyncpg.IntegrityConstraintViolationError):
                await by_hand.fetch(statement, role="worker")
        with pytest.raises(asyncpg.IntegrityConstraintViolationError):
            await by_hand.fetch(f"UPDATE disputes SET approved_by = {change}", role="worker")
    for statement in ("UPDATE disputes SET reason = 'Another.'", "UPDATE disputes SET reason = NULL"):
        with pytest.raises(asyncpg.IntegrityConstraintViolationError):
            await by_hand.fetch(statement, role="api")
    with pytest.raises(asyncpg.RestrictViolationError):
        await by_hand.fetch("UPDATE quarantined_events SET payload = 'x'", role="worker")
    for role in ("api", "worker"):
        for statement in ("DELETE FROM quarantined_events", "UPDATE manual_transfers SET recorded_by = NULL"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await by_hand.fetch(statement, role=role)
    assert {name for _, _, name in await traces_in_tables(by_hand, people.sought)} == {*people.sought}


async def test_what_is_written_about_the_money_of_the_erased_is_not_kept(by_hand):
    donor, person, admin = new_id(), by_hand.applicant, by_hand.admin
    given = await give(by_hand, donor)
    organisation = await by_hand.donate("50.00", on_behalf_of={"name": "Acme", "reference": "ACME-1"})
    award = by_hand.award("30.00")
    await by_hand.service.deliver(award)
    await by_hand.set_account()
    await by_hand.service.deliver(by_hand.approval(award))
    await by_hand.service.tick("settle_payments")
    [payment] = await by_hand.fetch("SELECT id FROM transactions WHERE transaction_type = 'disbursement'")
    for user_id in (donor, person):
        await by_hand.service.deliver(UserErased(user_id=user_id))
    # Their money goes on, and people write about it.
    people = People(donor, person, new_id())
    await dispute(by_hand, payment["id"], people, admin, by_hand.other_admin)
    await refund(by_hand, given, admin, by_hand.other_admin)
    assert not {where for where in await traces_in_tables(by_hand, people.sought) if where[2] == "words"}
    await refund(by_hand, organisation["id"], admin, by_hand.other_admin)
    found = {where for where in await traces_in_tables(by_hand, people.sought) if where[2] == "words"}
    assert found == {("transactions", "reason", "words")}, "an organisation is no person: why it has it back stays"


async def test_what_is_written_during_an_erasure_goes_with_it(scenario):
    donor = new_id()
    given = await give(scenario, donor)
    async with scenario.service.api.database.unit_of_work() as work:
        books = scenario.service.app.state.wiring.books(work)
        asked = {"donation_id": UUID(given), "transaction_id": new_id(), "asked_by": scenario.admin, "reason": WORDS}
        await ask_refund(books, **asked)
        erasing = asyncio.create_task(scenario.service.deliver(UserErased(user_id=donor)))
        while not await scenario.fetch("SELECT FROM pg_locks, pg_sleep(0.01) WHERE NOT granted"):
            continue
    await erasing
    sought = {"donor": forms_of_id(donor), "words": forms_of(WORDS.encode())}
    assert {(table, column) for table, column, _ in await traces_in_tables(scenario, sought)} <= REMAINS


async def test_whose_something_is_is_found_by_an_index(scenario):
    rows = await scenario.fetch(
        "SELECT c.relname || '.' || a.attname AS name FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indrelid"
        " JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]"
        " WHERE c.relnamespace = 'ledger'::regnamespace"
    )
    assert {str(column) for column in OWNERS} <= {row["name"] for row in rows}
