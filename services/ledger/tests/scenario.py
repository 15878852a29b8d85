"""A programme on a running ledger, and the facts that bring money into it and out again."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from chassis.database import Database
from chassis.ids import new_id
from chassis.testing.harness import ServiceHarness
from contracts.applications import (
    ApplicationApproved,
    ApplicationRejected,
    AwardCancelled,
    AwardProposed,
    DisbursementApproved,
    InterviewCompleted,
    TranchePlan,
)
from contracts.envelope import Event
from contracts.programs import ProgramCreated
from ledger.adapters.keys import development_key
from ledger.adapters.verification_log import ChainVerifier
from ledger.adapters.verification_parts import make_verifier
from ledger.domain.payments import questions_within
from ledger.settings import DEVELOPMENT_ORIGIN, LedgerSettings
from ledger.signer import Signer

KEY = development_key(DEVELOPMENT_ORIGIN)
ACCOUNT = {"bank_code": "058", "account_number": "0000000001", "account_name": "Amina B", "currency": "NGN"}

Fields = dict[str, Any]


@dataclass
class Scenario:
    """One programme and its people."""

    service: ServiceHarness
    urls: Mapping[str, str]
    program_id: UUID
    applicant: UUID
    admin: UUID
    other_admin: UUID
    # A test that breaks the ledger on purpose says so; of any other, the books have to fit together at its end.
    is_sound: bool = True

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

    def rejection(self) -> ApplicationRejected:
        """A fact that becomes a block and moves no money."""
        return ApplicationRejected(
            application_id=new_id(),
            program_id=self.program_id,
            user_id=new_id(),
            status="rejected",
            decision_id=new_id(),
            decider_id=new_id(),
            submission_sha256="a" * 64,
            reviews=3,
            final_score="61.50",
        )

    def interview(self, **changes: Any) -> InterviewCompleted:
        """The most frequent fact that moves no money."""
        values: Fields = {
            "application_id": new_id(),
            "program_id": self.program_id,
            "user_id": new_id(),
            "status": "ai_interview_completed",
            "interview_id": new_id(),
            "transcript_sha256": "a" * 64,
            "messages": 12,
            "model": "rules",
            "prompt_version": "1",
        }
        return InterviewCompleted.model_validate(values | changes)

    def cancellation(self, award: AwardProposed) -> AwardCancelled:
        names = ("application_id", "program_id", "user_id", "award_id", "amount", "currency")
        about: Fields = {name: getattr(award, name) for name in names}
        return AwardCancelled.model_validate(about | {"status": "under_review", "cancelled_by": new_id()})

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
        # Asked in between as often as it would have been.
        await self.fetch(
            "UPDATE payments SET called_at = called_at - make_interval(secs => $1::int), asked = asked + $2",
            seconds,
            questions_within(timedelta(seconds=seconds)),
        )

    @property
    def verifier(self) -> ChainVerifier:
        return make_verifier(LedgerSettings(), self.service.worker.database)

    async def live_through_everything(self) -> None:
        """Every kind of block, row and state there is, verified and signed twice; some forty blocks."""
        deliver, tick = self.service.deliver, self.service.tick
        person: Fields = {"application_id": new_id(), "program_id": self.program_id, "user_id": self.applicant}
        await self.donate("100.00")
        given = await self.donate("50.00", on_behalf_of={"name": "Acme", "reference": "ACME-1"})
        await self.donate("20.00", earmark=str(person["application_id"]))
        interview: Fields = {
            "transcript_sha256": "b" * 64,
            "messages": 10,
            "model": "rules",
            "prompt_version": "1",
        }
        interview |= {"interview_id": new_id(), "status": "ai_interview_completed"}
        await deliver(InterviewCompleted(**person, **interview))
        award = self.award("40.00", "20.00", application_id=person["application_id"])
        await deliver(award)
        decided: Fields = {
            "decision_id": new_id(),
            "decider_id": new_id(),
            "submission_sha256": "a" * 64,
            "reviews": 2,
        }
        approved: Fields = {
            "award_id": award.award_id,
            "amount": "60.00",
            "currency": "NGN",
            "final_score": "76.00",
        }
        await deliver(ApplicationApproved(**person, **decided, **approved, status="approved"))
        rejected: Fields = person | {"application_id": new_id(), "final_score": "7.50"}
        await deliver(ApplicationRejected(**rejected, **decided, status="rejected"))
        await self.set_account()
        await deliver(self.approval(award))
        await self.settle()
        await self.set_account("0000000005")
        await deliver(self.approval(award, 1))
        await self.settle()
        await self.later(3)
        await self.settle()
        await deliver(self.approval(award, 1, approved_by=self.admin))  # one person alone: an exception
        other = self.award("30.00", user_id=self.applicant)
        await deliver(other)
        await self.set_account("0000000003")
        await deliver(self.approval(other))
        await self.settle()
        ended: Fields = {
            "award_id": other.award_id,
            "cancelled_by": new_id(),
            "amount": "30.00",
            "currency": "NGN",
        }
        about: Fields = {
            "application_id": other.application_id,
            "program_id": self.program_id,
            "user_id": self.applicant,
        }
        await deliver(AwardCancelled(**about, **ended, status="approved"))
        await self.sign()
        await tick("issue_receipts")
        await tick("verify_growth")
        await self.refund(given["id"])
        said = await deliver(ProgramCreated(program_id=new_id(), currency="NGN"))
        await deliver(said.model_copy(update={"data": said.data | {"program_id": str(new_id())}}))
        await self.sign()
        await tick("issue_receipts")
        await tick("verify_growth")

    async def refund(self, donation_id: str) -> None:
        """What is left of it, asked for by one admin and approved by another."""
        path = f"/api/v1/transactions/{donation_id}/refund/"
        for user, where, body in (
            (self.admin, path, {"reason": "Sent twice."}),
            (self.other_admin, f"{path}approve/", {}),
        ):
            async with self.service.client(user, "admin") as client:
                answer = await client.post(where, json=body, headers={"Idempotency-Key": str(new_id())})
                assert answer.is_success, answer.text
        await self.service.tick("settle_refunds")

    async def take_guards_down(self) -> None:
        """No trigger, check or foreign key is in the way any more, as for someone with all rights and all knowledge."""
        for row in await self.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'ledger'"):
            await self.fetch(f"ALTER TABLE {row['tablename']} DISABLE TRIGGER ALL")
        found = await self.fetch(
            "SELECT conrelid::regclass::text AS name, conname FROM pg_constraint"
            " WHERE contype IN ('c', 'f') AND connamespace = 'ledger'::regnamespace"
        )
        for row in found:
            await self.fetch(f"ALTER TABLE {row['name']} DROP CONSTRAINT {row['conname']}")
        await self.fetch("ALTER TABLE transaction_links ALTER COLUMN id DROP IDENTITY")

    async def check_books(self) -> None:
        [guard] = await self.fetch("SELECT tgenabled FROM pg_trigger WHERE tgname = 'check_chain'")
        if self.is_sound and guard["tgenabled"] == b"A":
            outcome = await self.verifier.verify()
            assert outcome.ok, outcome.findings

    async def sign(self, **settings: Any) -> str | None:
        """One round of the signer, as its own role."""
        url = self.urls["ledger_signer"]
        database = Database(url, application_name="test-signer")
        try:
            async with Signer(LedgerSettings(**settings), database) as signer:
                return await signer.sign_once()
        finally:
            await database.close()

    async def blocks(self) -> list[str]:
        rows = await self.fetch("SELECT transaction_type, data->>'step' AS step FROM blocks ORDER BY block_index")
        return [row["transaction_type"] + (f":{row['step']}" if row["step"] else "") for row in rows]

    async def balances(self) -> dict[str, str]:
        rows = await self.fetch("SELECT account, balance FROM balances")
        return {row["account"]: str(row["balance"]) for row in rows}
