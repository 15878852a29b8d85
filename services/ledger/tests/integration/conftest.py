"""A ledger on a fresh database, and the facts that bring money into it and out again."""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from chassis.database import Database
from chassis.ids import new_id
from chassis.testing.harness import ServiceHarness, running_service
from contracts.applications import AwardProposed, DisbursementApproved, TranchePlan
from contracts.envelope import Event
from contracts.programs import ProgramCreated
from ledger.adapters.keys import development_key
from ledger.adapters.verification_log import ChainVerifier
from ledger.bootstrap import SERVICE
from ledger.settings import DEVELOPMENT_ORIGIN, LedgerSettings
from ledger.signer import Signer
from ledger.use_cases.verify_chain import Trust

KEY = development_key(DEVELOPMENT_ORIGIN)
ACCOUNT = {"bank_code": "058", "account_number": "0000000001", "account_name": "Amina B", "currency": "NGN"}


@dataclass
class Scenario:
    """One programme and its people."""

    service: ServiceHarness
    urls: Mapping[str, str]
    program_id: UUID
    applicant: UUID
    admin: UUID
    other_admin: UUID

    async def fetch(self, query: str, *arguments: Any, role: str = "admin") -> list[asyncpg.Record]:
        """Plain SQL as a role (`admin`: the superuser)."""
        url = self.urls[role if role == "admin" else f"ledger_{role}"].replace("postgresql+asyncpg", "postgresql")
        connection = await asyncpg.connect(url)
        try:
            if role == "admin":
                await connection.execute("SET search_path = ledger")
            rows: list[asyncpg.Record] = await connection.fetch(query, *arguments)
            return rows
        finally:
            await connection.close()

    async def create_program(self) -> Event:
        return await self.service.deliver(ProgramCreated(program_id=self.program_id, currency="NGN"))

    async def donate(self, amount: str, **more: Any) -> dict[str, Any]:
        """A donation that the sandbox has confirmed, as `GET /transactions/{id}/` shows it."""
        body = {"program_id": str(self.program_id), "amount": amount, "currency": "NGN", **more}
        async with self.service.client(self.admin, "admin") as client:
            answer = await client.post(
                "/api/v1/transactions/donations/", json=body, headers={"Idempotency-Key": str(new_id())}
            )
            assert answer.status_code == 201, answer.text
            # The sandbox takes half a second; nobody has to wait for it here.
            await self.fetch("UPDATE payments SET due_at = now() WHERE due_at IS NOT NULL AND direction = 'in'")
            await self.service.tick("credit_donations")
            transaction: dict[str, Any] = (await client.get(f"/api/v1/transactions/{answer.json()['id']}/")).json()
        return transaction

    def award(self, *amounts: str, application_id: UUID | None = None, user_id: UUID | None = None) -> AwardProposed:
        total = sum(round(float(amount) * 100) for amount in amounts)
        return AwardProposed(
            application_id=application_id or new_id(),
            program_id=self.program_id,
            user_id=user_id or self.applicant,
            status="under_review",
            award_id=new_id(),
            decision_id=new_id(),
            decider_id=new_id(),
            amount=f"{total // 100}.{total % 100:02d}",
            currency="NGN",
            tranches=[TranchePlan(tranche_id=new_id(), amount=amount, due_on=date(2026, 12, 1)) for amount in amounts],
        )

    def approval(self, award: AwardProposed, tranche: int = 0, **changes: Any) -> DisbursementApproved:
        plan = award.tranches[tranche]
        values: dict[str, Any] = {
            "application_id": award.application_id,
            "program_id": award.program_id,
            "user_id": award.user_id,
            "status": "approved",
            "request_id": new_id(),
            "award_id": award.award_id,
            "tranche_id": plan.tranche_id,
            "amount": plan.amount,
            "currency": "NGN",
            "requested_by": self.admin,
            "approved_by": self.other_admin,
        }
        return DisbursementApproved.model_validate(values | changes)

    async def set_account(self, account_number: str = "0000000001") -> None:
        async with self.service.client(self.applicant) as client:
            answer = await client.put("/api/v1/payees/me/", json=ACCOUNT | {"account_number": account_number})
            assert answer.status_code == 200, answer.text

    async def settle(self) -> None:
        """Everything that is or will be due with the rail, now."""
        await self.fetch("UPDATE payments SET due_at = now() WHERE due_at IS NOT NULL AND direction = 'out'")
        await self.service.tick("settle_payments")

    async def later(self, seconds: int) -> None:
        """As if that much time had passed at the rail and since the rail was called."""
        await self.fetch(
            "UPDATE sandbox_transfers SET accepted_at = accepted_at - make_interval(secs => $1::int)", seconds
        )
        await self.fetch("UPDATE payments SET called_at = called_at - make_interval(secs => $1::int)", seconds)

    @property
    def verifier(self) -> ChainVerifier:
        return ChainVerifier(self.service.worker.database, Trust((KEY.verifier,), DEVELOPMENT_ORIGIN))

    async def sign(self, **settings: Any) -> str | None:
        """One round of the signer, as its own role."""
        url = self.urls["ledger_signer"]
        database = Database(url, application_name="test-signer")
        try:
            return await Signer(LedgerSettings(**settings), database).sign_once()
        finally:
            await database.close()

    async def blocks(self) -> list[str]:
        rows = await self.fetch("SELECT transaction_type, data->>'step' AS step FROM blocks ORDER BY block_index")
        return [row["transaction_type"] + (f":{row['step']}" if row["step"] else "") for row in rows]

    async def balances(self) -> dict[str, str]:
        rows = await self.fetch("SELECT account, balance FROM balances")
        return {row["account"]: str(row["balance"]) for row in rows}


@pytest.fixture
def urls(fresh_database: Callable[[str], dict[str, str]]) -> dict[str, str]:
    """The roles' URLs of a ledger of this test's own."""
    return fresh_database("ledger")


@pytest.fixture(scope="module")
def shared_urls(fresh_database: Callable[[str], dict[str, str]]) -> dict[str, str]:
    """The roles' URLs of a ledger that a module's tests share, because what they try is rolled back or refused."""
    return fresh_database("ledger")


@pytest.fixture
async def scenario(urls: dict[str, str]) -> AsyncIterator[Scenario]:
    async with running_service(SERVICE, urls) as service:
        made = Scenario(service, urls, new_id(), new_id(), new_id(), new_id())
        await made.create_program()
        yield made


@pytest.fixture
async def history(shared_urls: dict[str, str]) -> Scenario:
    """Six blocks, the third a donation and the last a commitment, and a signature over all; made once a module."""
    async with running_service(SERVICE, shared_urls) as service:
        made = Scenario(service, shared_urls, new_id(), new_id(), new_id(), new_id())
        [found] = await made.fetch("SELECT size FROM head")
        if found["size"] == 1:
            await made.create_program()
            await made.donate("10.00")
            for _ in range(2):
                await service.deliver(ProgramCreated(program_id=new_id(), currency="NGN"))
            await service.deliver(made.award("5.00"))
            await made.sign()
    return made
