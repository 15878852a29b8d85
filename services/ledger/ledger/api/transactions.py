"""Money for those whose it is: donations, what was paid."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field, StringConstraints

from chassis.api.callers import AuthenticatedCaller, Caller
from chassis.api.pages import Page, PageQuery, encode_cursor
from chassis.api.preconditions import conditional
from chassis.api.routing import UnitOfWorkRoute, Work, requires_idempotency_key
from chassis.api.values import Answer, Body, CurrencyCode, PositiveMoney, RecipientName
from chassis.ids import new_id
from ledger.api.answers import NOT_KEPT, PRIVATE
from ledger.api.blockchain import answer, find_block, transaction_of_block, verdict_of
from ledger.api.dependencies import Wiring
from ledger.api.shapes import BlockByHashShape
from ledger.domain.block import format_timestamp
from ledger.domain.money import format_amount, parse_positive
from ledger.domain.refusals import ForbiddenError, NotFoundError, RailUnavailableError
from ledger.domain.transactions import Status, TransactionType
from ledger.use_cases.announce_donation import PAYSTACK, SANDBOX, Offer, announce_donation
from ledger.use_cases.readings import TransactionReading, TransactionView

router = APIRouter(prefix="/api/v1/transactions", tags=["transactions"], route_class=UnitOfWorkRoute)


class Recipient(Answer):
    name: str
    account_masked: str


class PaymentAnswer(Answer):
    rail: str
    reference: str


class TransactionAnswer(Answer):
    id: str
    transaction_type: str
    status: str
    amount: str
    currency: str
    program_id: str
    application_id: str | None
    award_id: str | None
    tranche_id: str | None
    earmark: str | None
    recipient: Recipient | None
    code: str | None
    blockchain_hash: str | None
    previous_block_hash: str | None
    receipt_url: str | None
    invoice_url: str | None
    initiated_at: str
    completed_at: str | None
    payment: PaymentAnswer | None


class TransactionsQuery(PageQuery):
    application_id: UUID | None = None
    program_id: UUID | None = None
    award_id: UUID | None = None
    transaction_type: TransactionType | None = None
    status: Status | None = None


class Behalf(Body):
    name: RecipientName
    reference: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:/-]{1,100}$")]


class DonationBody(Body):
    program_id: UUID
    amount: PositiveMoney
    currency: CurrencyCode = "NGN"
    on_behalf_of: Behalf | None = None
    earmark: Annotated[UUID | None, Field(description="The application, award or beneficiary this is for.")] = None
    rail: Annotated[
        Literal["sandbox", "manual", "paystack"] | None,
        Field(description="Admins may say how it arrives; else the setting. `sandbox` only where that is the setting."),
    ] = None


def _id(value: UUID | None) -> str | None:
    return None if value is None else str(value)


def transaction_answer(row: TransactionView) -> TransactionAnswer:
    recipient = None
    if row.account is not None:
        recipient = Recipient(name=row.account.account_name, account_masked=f"******{row.account.last4}")
    return TransactionAnswer(
        id=str(row.id),
        transaction_type=row.transaction_type,
        status=row.status,
        amount=format_amount(row.amount, row.currency),
        currency=row.currency,
        program_id=str(row.program_id),
        application_id=_id(row.application_id),
        award_id=_id(row.award_id),
        tranche_id=_id(row.tranche_id),
        earmark=_id(row.earmark),
        recipient=recipient,
        code=row.code,
        blockchain_hash=row.blockchain_hash,
        previous_block_hash=row.previous_block_hash,
        receipt_url=f"/api/v1/transactions/{row.id}/receipt/" if row.receipt_number is not None else None,
        invoice_url=None,
        initiated_at=format_timestamp(row.initiated_at),
        completed_at=format_timestamp(row.completed_at) if row.completed_at else None,
        payment=PaymentAnswer(rail=row.rail, reference=row.reference) if row.rail and row.reference else None,
    )


def _viewer(caller: Caller) -> UUID | None:
    """Admins see every transaction, everyone else their own."""
    return None if caller.is_admin else caller.user_id


async def _find(reader: TransactionReading, caller: Caller, transaction_id: UUID) -> TransactionView:
    row = await reader.find(transaction_id, viewer=_viewer(caller))
    if row is None:
        raise NotFoundError
    return row


@router.get("/")
async def list_transactions(
    work: Work,
    wiring: Wiring,
    caller: AuthenticatedCaller,
    query: Annotated[TransactionsQuery, Query()],
    response: Response,
) -> Page[TransactionAnswer]:
    response.headers["Cache-Control"] = NOT_KEPT
    position = query.position(UUID)
    filters = {
        "application_id": query.application_id,
        "program_id": query.program_id,
        "award_id": query.award_id,
        "transaction_type": query.transaction_type,
        "status": query.status,
    }
    rows = await wiring.transactions(work).page(
        viewer=_viewer(caller), before=position[0] if position else None, limit=query.limit, filters=filters
    )
    shown = rows[: query.limit]
    items = [transaction_answer(row) for row in shown]
    return Page(items=items, next_cursor=encode_cursor(shown[-1].id) if len(rows) > query.limit else None)


@router.get("/{transaction_id}/", response_model=TransactionAnswer)
async def read_transaction(
    request: Request, work: Work, wiring: Wiring, caller: AuthenticatedCaller, transaction_id: UUID
) -> Response:
    row = await _find(wiring.transactions(work), caller, transaction_id)
    # The tag is of the bytes: a receipt comes, and an erased account goes, without a new version of the row.
    return conditional(request, transaction_answer(row).model_dump_json().encode(), cache=PRIVATE)


@router.get("/blockchain/{block_hash}/", response_model=BlockByHashShape)
async def read_by_hash(request: Request, work: Work, wiring: Wiring, block_hash: str) -> Response:
    """A block by its hash with what was checked of it, for everybody."""
    await wiring.public(work).snapshot()
    reader = wiring.chain(work)
    block = await find_block(reader, block_hash)
    verdict = await verdict_of(reader, block, wiring)
    return answer(request, verdict | {"transaction": await transaction_of_block(wiring.public(work), block)})


@router.post("/donations/", status_code=201)
@requires_idempotency_key
async def post_donation(
    work: Work, wiring: Wiring, caller: AuthenticatedCaller, body: DonationBody
) -> TransactionAnswer:
    """Pending until the rail confirms it: sandbox and Paystack by themselves, a bank transfer by a second admin."""
    if (body.on_behalf_of is not None or body.rail is not None) and not caller.is_admin:
        raise ForbiddenError("Only admins record donations of others, or say how they arrive.")
    behalf = None if body.on_behalf_of is None else (body.on_behalf_of.name, body.on_behalf_of.reference)
    rail = body.rail or wiring.settings.donation_rail
    if rail == PAYSTACK and PAYSTACK not in wiring.webhooks:
        raise RailUnavailableError
    # It confirms whatever it is told: where real money comes in, one admin alone could make some of it.
    if rail == SANDBOX and wiring.settings.donation_rail != SANDBOX:
        raise RailUnavailableError
    offer = Offer(body.program_id, parse_positive(body.amount, body.currency), body.currency, body.earmark, behalf)
    donation = await announce_donation(
        wiring.books(work),
        offer,
        transaction_id=new_id(),
        recorded_by=caller.user_id,
        rail=rail,
    )
    return transaction_answer(await _find(wiring.transactions(work), caller, donation.transaction_id))
