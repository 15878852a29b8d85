"""A ledger whose rail is our own Paystack, and what its people do."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pydantic import SecretStr
from services.ledger.tests.paystack_server import SECRET_KEY, PaystackServer, running_paystack
from services.ledger.tests.scenario import Scenario

from chassis.ids import new_id
from chassis.testing.harness import running_service
from ledger.bootstrap import SERVICE

# Long enough for a busy machine; what hangs takes this long.
TIMEOUT_SECONDS = 3


@dataclass
class Paying:
    """A ledger whose rail is Paystack, and that Paystack."""

    scenario: Scenario
    paystack: PaystackServer

    async def donated(self, amount: str, *, paid: int | None = None, currency: str = "NGN") -> dict[str, Any]:
        """A donation that a donor has paid at the checkout, and Paystack told us so."""
        donation = await self.announce(amount)
        kobo = int(Decimal(amount) * 100) if paid is None else paid
        charge = self.paystack.pay(donation["payment"]["reference"], kobo, currency)
        await self.webhook(*self.paystack.signed("charge.success", charge))
        return await self.read(donation["id"])

    async def announce(self, amount: str) -> dict[str, Any]:
        body = {"program_id": str(self.scenario.program_id), "amount": amount, "currency": "NGN"}
        async with self.scenario.service.client(self.scenario.admin, "admin") as client:
            answer = await client.post(
                "/api/v1/transactions/donations/", json=body, headers={"Idempotency-Key": str(new_id())}
            )
        assert answer.status_code == 201, answer.text
        donation: dict[str, Any] = answer.json()
        return donation

    async def read(self, transaction_id: str) -> dict[str, Any]:
        async with self.scenario.service.client(self.scenario.admin, "admin") as client:
            found: dict[str, Any] = (await client.get(f"/api/v1/transactions/{transaction_id}/")).json()
        return found

    async def webhook(self, body: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
        """Delivered and applied."""
        async with self.scenario.service.client() as client:
            answer = await client.post("/api/v1/payments/webhooks/paystack/", content=body, headers=dict(headers))
        assert answer.status_code == 200, answer.text
        await self.scenario.service.tick("apply_webhooks")
        await self.scenario.service.tick("credit_donations")
        await self.scenario.service.tick("settle_payments")
        said: dict[str, Any] = answer.json()
        return said

    async def approved(self, amount: str = "60.00") -> Any:
        """An award with one approved disbursement, not yet sent."""
        await self.donated("100.00")
        award = self.scenario.award(amount)
        await self.scenario.service.deliver(award)
        await self.scenario.set_account()
        await self.scenario.service.deliver(self.scenario.approval(award))
        return award

    async def payment(self) -> Any:
        [row] = await self.scenario.fetch(
            "SELECT t.*, p.reference, p.due_at FROM transactions t JOIN payments p ON p.transaction_id = t.id"
            " WHERE transaction_type = 'disbursement'"
        )
        return row

    async def step(self) -> None:
        """The worker takes one payment one step further, however long that takes."""
        await self.scenario.fetch("UPDATE payments SET due_at = now() WHERE due_at IS NOT NULL AND direction = 'out'")
        timers = self.scenario.service.worker_parts.timers
        await next(timer for timer in timers if timer.name == "settle_payments").run()

    async def ask_again(self, times: int = 1) -> None:
        for _ in range(times):
            await self.scenario.settle()


@asynccontextmanager
async def paying_by_paystack(urls: Mapping[str, str]) -> AsyncIterator[Paying]:
    async with (
        running_paystack() as paystack,
        running_service(
            SERVICE, urls, donation_rail="paystack", payment_rail="paystack", paystack_url=paystack.url,
            paystack_secret_key=SecretStr(SECRET_KEY), rail_timeout_seconds=TIMEOUT_SECONDS,
        ) as service,
    ):  # fmt: skip
        scenario = Scenario(service, urls, new_id(), new_id(), new_id(), new_id())
        await scenario.create_program()
        yield Paying(scenario, paystack)
