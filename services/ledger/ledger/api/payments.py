"""Payment providers tell us what has happened; admins see what is open, and what fits nothing."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import Field

from chassis.api.callers import AdminCaller
from chassis.api.pages import Page, PageQuery, encode_cursor
from chassis.api.problems import ProblemError
from chassis.api.routing import StrictRequest, UnitOfWorkRoute, UnkeyedRoute, Work
from chassis.api.values import Answer
from ledger.api.dependencies import LedgerWiring, Wiring
from ledger.domain.block import format_timestamp
from ledger.domain.money import format_amount
from ledger.domain.refusals import NotFoundError
from ledger.use_cases.payment_readings import OpenDispute, OpenPayment, UnmatchedNotice

# A webhook of Paystack's has a few KiB; a signature over more is not worth computing for strangers.
WEBHOOK_BYTES_MAX: Final = 256 * 1024
DELIVERY_ID_MAX: Final = 2**63 - 1  # the database's bigint


class SignedRoute(UnkeyedRoute):
    """The signature is checked over the raw bytes before anything else: before a connection is taken, and parsed."""

    body_bytes_max = WEBHOOK_BYTES_MAX

    async def prepare(self, request: StrictRequest) -> None:
        wiring: LedgerWiring = request.app.state.wiring
        source = wiring.webhooks.get(request.path_params["provider"])
        if source is None:
            raise NotFoundError
        if not source.is_signed(request.headers, await request.body()):
            headers = {"WWW-Authenticate": "Signature"}
            raise ProblemError(401, "signature_invalid", "This is not signed by the provider.", headers=headers)


webhooks = APIRouter(prefix="/api/v1/payments/webhooks", tags=["payments"], route_class=SignedRoute)
router = APIRouter(prefix="/api/v1/payments", tags=["payments"], route_class=UnitOfWorkRoute)

_RAW_BODY: Final[Mapping[str, Any]] = {
    "parameters": [
        {
            "name": "x-paystack-signature",
            "in": "header",
            "required": True,
            "description": "HMAC-SHA512 of the raw body under the provider's secret key, hex.",
            "schema": {"type": "string"},
        }
    ],
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["event", "data"],
                    "properties": {"event": {"type": "string"}, "data": {"type": "object"}},
                }
            }
        },
    },
}


class WebhookAnswer(Answer):
    received: bool
    repeated: bool


@webhooks.post("/{provider}/", openapi_extra=dict(_RAW_BODY))
async def post_webhook(request: Request, work: Work, wiring: Wiring, provider: str) -> WebhookAnswer:
    """Kept, and applied by the worker: a webhook only makes us ask the provider. A repeat changes nothing."""
    body = await request.body()
    notice = wiring.webhooks[provider].read(body)
    added = await wiring.books(work).payments.webhooks.add(provider, sha256(body).hexdigest(), notice)
    return WebhookAnswer(received=True, repeated=not added)


class DisputeAnswer(Answer):
    code: str
    status_before: str
    rail_status: str | None
    rail_amount: str | None
    rail_currency: str | None
    opened_at: str
    outcome: str | None
    reason: str | None
    proposed_by: str | None
    approved_by: str | None
    committed: Annotated[str | None, Field(description="Of a donation in the books: set aside for awards, unpaid.")]
    paid: Annotated[str | None, Field(description="Of a donation in the books: paid out to beneficiaries.")]


class OpenPaymentAnswer(Answer):
    transaction_id: str
    transaction_type: str
    status: str
    code: str | None
    rail: str
    reference: str
    amount: str
    currency: str
    initiated_at: str
    asked: int
    due_at: str | None
    dispute: DisputeAnswer | None


class UnmatchedAnswer(Answer):
    provider: str
    event: str
    reference: str | None
    status: str | None
    amount: str | None
    currency: str | None
    sha256: str
    received_at: str


def _dispute(found: OpenDispute, currency: str) -> DisputeAnswer:
    return DisputeAnswer(
        code=found.code,
        status_before=found.status_before,
        rail_status=found.rail_status,
        rail_amount=None if found.rail_amount is None else str(found.rail_amount),
        rail_currency=found.rail_currency,
        opened_at=format_timestamp(found.opened_at),
        outcome=found.outcome,
        reason=found.reason,
        proposed_by=None if found.proposed_by is None else str(found.proposed_by),
        approved_by=None if found.approved_by is None else str(found.approved_by),
        committed=None if found.committed is None else format_amount(found.committed, currency),
        paid=None if found.paid is None else format_amount(found.paid, currency),
    )


def _open(row: OpenPayment) -> OpenPaymentAnswer:
    return OpenPaymentAnswer(
        transaction_id=str(row.transaction_id),
        transaction_type=row.transaction_type,
        status=row.status,
        code=row.code,
        rail=row.rail,
        reference=row.reference,
        amount=format_amount(row.amount, row.currency),
        currency=row.currency,
        initiated_at=format_timestamp(row.initiated_at),
        asked=row.asked,
        due_at=None if row.due_at is None else format_timestamp(row.due_at),
        dispute=None if row.dispute is None else _dispute(row.dispute, row.currency),
    )


def _unmatched(row: UnmatchedNotice) -> UnmatchedAnswer:
    return UnmatchedAnswer(
        provider=row.provider,
        event=row.event,
        reference=row.reference,
        status=row.status,
        amount=None if row.amount is None else str(row.amount),
        currency=row.currency,
        sha256=row.sha256,
        received_at=format_timestamp(row.received_at),
    )


@router.get("/open/")
async def list_open_payments(
    work: Work, wiring: Wiring, caller: AdminCaller, query: Annotated[PageQuery, Query()]
) -> Page[OpenPaymentAnswer]:
    """Payments on their way or disputed, the oldest first."""
    del caller
    position = query.position(UUID)
    rows = await wiring.payments(work).open_payments(after=position[0] if position else None, limit=query.limit)
    shown = rows[: query.limit]
    following = encode_cursor(shown[-1].transaction_id) if len(rows) > query.limit else None
    return Page(items=[_open(row) for row in shown], next_cursor=following)


@router.get("/unmatched/")
async def list_unmatched(
    work: Work, wiring: Wiring, caller: AdminCaller, query: Annotated[PageQuery, Query()]
) -> Page[UnmatchedAnswer]:
    """What providers told us about references that are none of ours: for reconciliation."""
    del caller
    position = query.position(int)
    after = None if position is None else max(0, min(position[0], DELIVERY_ID_MAX))
    rows = await wiring.payments(work).unmatched(after=after, limit=query.limit)
    shown = rows[: query.limit]
    following = encode_cursor(shown[-1].delivery_id) if len(rows) > query.limit else None
    return Page(items=[_unmatched(row) for row in shown], next_cursor=following)
