"""Paystack as a rail: transfers to bank accounts, donors' charges, refunds. Amounts in kobo, statuses by its reference.

Sources: paystack.com/docs/api (transfer recipient, transfer, transaction, refund), /docs/transfers/how-transfers-work,
/docs/api/errors.
"""

from datetime import timedelta
from decimal import Decimal
from typing import Any, Final
from urllib.parse import quote

from ledger.adapters.paystack_client import (
    PAGE_ITEMS,
    PAGES_MAX,
    PaystackAnswer,
    PaystackClient,
    from_subunits,
    to_subunits,
)
from ledger.domain.payments import RailAnswer
from ledger.domain.records import PayeeAccount
from ledger.domain.transactions import RailStatus
from ledger.use_cases.payment_ports import PayeeRefusedError, RailUnsureError

# How long a transfer request may still be under way to Paystack after we have given up on it: our time-out (60 s at
# most), what the kernel goes on retransmitting of a closed socket (15 minutes at Linux' defaults), and the 30 minutes
# in which Paystack itself keeps a transfer that waits for approval. Waiting longer costs nothing but patience.
LOST_AFTER: Final = timedelta(hours=1)
# Paystack repeats its webhooks for 72 hours: as long as that, returns are asked about too.
WATCHED_FOR: Final = timedelta(hours=72)

# /docs/transfers/how-transfers-work: conclusive are success, reversed, failed, abandoned, blocked, rejected.
_TRANSFER: Final = {
    "success": RailStatus.PAID,
    "reversed": RailStatus.REVERSED,
    "failed": RailStatus.FAILED,
    "abandoned": RailStatus.FAILED,
    "blocked": RailStatus.FAILED,
    "rejected": RailStatus.FAILED,
    "pending": RailStatus.PROCESSING,
    "processing": RailStatus.PROCESSING,
    "queued": RailStatus.PROCESSING,
    "otp": RailStatus.PROCESSING,
    "received": RailStatus.PROCESSING,
}
# A donor may try again as long as the checkout is open: until money came, nothing is final.
_CHARGE: Final = {"success": RailStatus.PAID, "reversed": RailStatus.REVERSED}
_REFUND: Final = {
    "processed": RailStatus.PAID,
    "failed": RailStatus.FAILED,
    "pending": RailStatus.PROCESSING,
    "processing": RailStatus.PROCESSING,
    "needs-attention": RailStatus.PROCESSING,
}
# Errors after which, by their meaning, no transfer or refund exists: the request was refused before one was made.
# Whatever is not listed may mean anything: it is asked about.
_NOTHING_WAS_CREATED: Final = frozenset(
    {
        "invalid_Key",
        "invalid_key",
        "invalid_transfer_recipient",
        "invalid_bank_code",
        "insufficient_balance",
        "transfer_unavailable",
        "transaction_not_found",
        "refund_amount_exceeded",
    }
)
_PAYEE_REFUSALS: Final = frozenset({400, 404, 422})
_NOT_FOUND: Final = frozenset({400, 404})


class PaystackRail:
    """Keeps `payment_ports.Rail`."""

    name = "paystack"
    lost_after = LOST_AFTER
    watched_for = WATCHED_FOR

    def __init__(self, client: PaystackClient) -> None:
        self._client = client

    async def prepare(self, account: PayeeAccount) -> str:
        """The recipient's code; Paystack gives the known one when the account was seen before."""
        answer = await self._client.post(
            "/transferrecipient",
            type="nuban",
            name=account.account_name,
            account_number=account.account_number,
            bank_code=account.bank_code,
            currency=account.currency,
        )
        if answer.ok and isinstance(answer.data, dict) and isinstance(answer.data.get("recipient_code"), str):
            return str(answer.data["recipient_code"])
        if answer.http_status in _PAYEE_REFUSALS and answer.kind == "validation_error":
            raise PayeeRefusedError("account_refused")
        raise RailUnsureError(f"recipient: HTTP {answer.http_status} {answer.code}")

    async def send(self, reference: str, amount: Decimal, currency: str, destination: str) -> RailAnswer:
        answer = await self._client.post(
            "/transfer",
            source="balance",
            amount=to_subunits(amount, currency),
            currency=currency,
            recipient=destination,
            reference=reference,
            reason=f"ImpactNet {reference}",
        )
        if not answer.ok:
            return _refusal(answer, "transfer")
        return _read(answer.data, reference, _TRANSFER)

    async def ask(self, reference: str) -> RailAnswer:
        answer = await self._client.get(f"/transfer/verify/{quote(reference, safe='')}")
        if answer.ok:
            return _read(answer.data, reference, _TRANSFER)
        # Their documented 404 for a reference that no transfer has; for charges they say it with a 400.
        if answer.http_status in _NOT_FOUND and "not found" in answer.message.lower():
            return RailAnswer(RailStatus.NOT_FOUND)
        raise RailUnsureError(f"verify: HTTP {answer.http_status} {answer.code}")

    async def ask_donation(self, reference: str) -> RailAnswer:
        charge = await self._find_charge(reference)
        if charge is None:
            return RailAnswer(RailStatus.NOT_FOUND)
        return _read(charge, reference, _CHARGE, otherwise=RailStatus.PROCESSING)

    async def _find_charge(self, reference: str) -> Any:
        answer = await self._client.get(f"/transaction/verify/{quote(reference, safe='')}")
        if answer.ok:
            return answer.data
        if answer.code == "transaction_not_found" or (
            answer.http_status in _NOT_FOUND and "not found" in answer.message.lower()
        ):
            return None
        raise RailUnsureError(f"verify: HTTP {answer.http_status} {answer.code}")

    async def refund(self, reference: str, amount: Decimal, currency: str, *, donation: str) -> RailAnswer:
        """Refunds have no reference of ours at Paystack: the merchant's note carries it."""
        answer = await self._client.post(
            "/refund",
            transaction=donation,
            amount=to_subunits(amount, currency),
            currency=currency,
            merchant_note=reference,
        )
        if not answer.ok:
            return _refusal(answer, "refund")
        return _read_refund(answer.data)

    async def ask_refund(self, reference: str, *, donation: str) -> RailAnswer:
        charge = await self._find_charge(donation)
        if not isinstance(charge, dict) or not isinstance(charge.get("id"), int):
            raise RailUnsureError("the refunded transaction is not known")
        for page in range(1, PAGES_MAX + 1):
            answer = await self._client.get("/refund", transaction=charge["id"], perPage=PAGE_ITEMS, page=page)
            if not answer.ok or not isinstance(answer.data, list):
                raise RailUnsureError(f"refunds: HTTP {answer.http_status} {answer.code}")
            for item in answer.data:
                if isinstance(item, dict) and item.get("merchant_note") == reference:
                    return _read_refund(item)
            if len(answer.data) < PAGE_ITEMS:
                return RailAnswer(RailStatus.NOT_FOUND)
        raise RailUnsureError(f"more than {PAGES_MAX * PAGE_ITEMS} refunds")


def _refusal(answer: PaystackAnswer, what: str) -> RailAnswer:
    """Failed only where nothing was created; a reference that is used already was received before, for example."""
    if answer.code in _NOTHING_WAS_CREATED:
        return RailAnswer(RailStatus.FAILED, code=answer.code.lower())
    raise RailUnsureError(f"{what}: HTTP {answer.http_status} {answer.code}")


def _read(
    data: Any, reference: str, statuses: dict[str, RailStatus], *, otherwise: RailStatus | None = None
) -> RailAnswer:
    """Raises RailUnsureError for an answer about something else, or in a form that is not the documented one."""
    if not isinstance(data, dict) or str(data.get("reference")).lower() != reference.lower():
        raise RailUnsureError("the answer is about another reference")
    return _answer(data, statuses, otherwise)


def _read_refund(data: Any) -> RailAnswer:
    if not isinstance(data, dict):
        raise RailUnsureError("no refund")
    return _answer(data, _REFUND, None)


def _answer(data: dict[str, Any], statuses: dict[str, RailStatus], otherwise: RailStatus | None) -> RailAnswer:
    said = str(data.get("status"))
    status = statuses.get(said, otherwise)
    if status is None:
        raise RailUnsureError(f"status {said!r} is not a documented one")
    try:
        amount, currency = from_subunits(data.get("amount"), data.get("currency"))
    except ValueError as error:
        raise RailUnsureError(str(error)) from error
    code = None if status is RailStatus.PAID else f"paystack_{said.replace('-', '_')}"
    return RailAnswer(status, amount, currency, code)
