"""The parts that pay, put together: rails, their webhooks, and the timers that take payments a step further."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

from chassis.database import Database
from chassis.timers import Glance, Timer
from ledger.adapters.manual_rail import ManualRail
from ledger.adapters.payment_metrics import PaymentGauges
from ledger.adapters.paystack_client import PaystackClient
from ledger.adapters.paystack_rail import PaystackRail
from ledger.adapters.paystack_webhooks import PaystackWebhooks
from ledger.adapters.sandbox_rail import SandboxRail
from ledger.adapters.timed_rail import TimedRail
from ledger.settings import LedgerSettings
from ledger.use_cases.apply_webhook import apply_next_webhook
from ledger.use_cases.close_dispute import close_next_dispute
from ledger.use_cases.credit_donation import credit_due_donations
from ledger.use_cases.payment_ports import Rail, WebhookSource
from ledger.use_cases.ports import BooksOpener
from ledger.use_cases.settle_payment import settle_next_payment
from ledger.use_cases.settle_refund import settle_next_refund
from ledger.use_cases.sweep_payments import sweep_payments

# People wait for a donation or a payment to come through; an index lookup twice a second costs nothing.
MONEY_TIMER_SECONDS: Final = 0.5
# Payments, and refunds, under way with a rail at once: it takes a second or so over each, and meanwhile they need no
# connection to the database. A provider's limits are per second.
SETTLED_AT_ONCE: Final = 4
# Webhooks, which only make a payment due: in whatever order, and their commits wait for the disk together.
APPLIED_AT_ONCE: Final = 4
# What hangs has been hanging for an hour: a minute more is nothing.
SWEEP_TIMER_SECONDS: Final = 60

# What of these has something to do: of each the answer is an index's first entry, and one statement serves all.
_LOOK: Final = """
SELECT EXISTS (SELECT FROM payments WHERE due_at <= $1 AND direction = 'in') AS donations,
    EXISTS (SELECT FROM payments WHERE due_at <= $1 AND direction = 'out') AS transfers,
    EXISTS (SELECT FROM webhooks_pending) AS webhooks,
    EXISTS (SELECT FROM disputes WHERE approved_at IS NOT NULL AND closed_at IS NULL) AS disputes
"""
_TIMERS_OF: Final = {
    "donations": ("credit_donations",),
    "transfers": ("settle_payments", "settle_refunds"),
    "webhooks": ("apply_webhooks",),
    "disputes": ("close_disputes",),
}


class PaymentParts:
    """`rails` are all that are set up here, chosen or not: what was begun on a rail is finished on it."""

    def __init__(self, settings: LedgerSettings, database: Database, open_books: BooksOpener) -> None:
        self._database = database
        self._open_books = open_books
        self._gauges = PaymentGauges()
        self.resources: Sequence[AbstractAsyncContextManager[Any]] = ()
        self.webhooks: Mapping[str, WebhookSource] = {}
        rails: list[Rail] = [SandboxRail(database), ManualRail(database)]
        if settings.paystack_secret_key is not None:
            key = settings.paystack_secret_key.get_secret_value()
            client = PaystackClient(settings.paystack_url, key, settings.rail_timeout_seconds)
            rails.append(PaystackRail(client))
            self.resources = (client,)
            self.webhooks = {PaystackWebhooks.name: PaystackWebhooks(key)}
        self.rails: Mapping[str, Rail] = {rail.name: TimedRail(rail, settings.rail_timeout_seconds) for rail in rails}

    @property
    def timers(self) -> list[Timer]:
        glance = Glance(self._look)
        return [
            Timer("credit_donations", MONEY_TIMER_SECONDS, self._credit, glance=glance),
            Timer("settle_payments", MONEY_TIMER_SECONDS, self._settle, SETTLED_AT_ONCE, glance),
            Timer("settle_refunds", MONEY_TIMER_SECONDS, self._settle_refunds, SETTLED_AT_ONCE, glance),
            Timer("apply_webhooks", MONEY_TIMER_SECONDS, self._apply_webhooks, APPLIED_AT_ONCE, glance),
            Timer("close_disputes", MONEY_TIMER_SECONDS, self._close_disputes, glance=glance),
            Timer("sweep_payments", SWEEP_TIMER_SECONDS, self._sweep),
        ]

    async def _look(self) -> set[str]:
        [row] = await self._database.fetch(_LOOK, self._database.clock.now())
        return {name for what, names in _TIMERS_OF.items() if row[what] for name in names}

    async def _credit(self) -> bool:
        return await credit_due_donations(self._open_books, self.rails)

    async def _settle(self) -> bool:
        return await settle_next_payment(self._open_books, self.rails)

    async def _settle_refunds(self) -> bool:
        return await settle_next_refund(self._open_books, self.rails)

    async def _apply_webhooks(self) -> bool:
        async with self._open_books() as books:
            return await apply_next_webhook(books)

    async def _close_disputes(self) -> bool:
        async with self._open_books() as books:
            return await close_next_dispute(books)

    async def _sweep(self) -> None:
        async with self._open_books() as books:
            found, overdue = await sweep_payments(books)
            self._gauges.report(found, overdue, books.now)
