"""Refunds: one admin asks, another approves with a fresh step-up, and neither is the donor."""

from uuid import UUID

from fastapi import APIRouter

from chassis.api.callers import AdminCaller
from chassis.api.routing import UnitOfWorkRoute, Work, requires_idempotency_key
from chassis.api.values import Empty, Reason
from chassis.ids import new_id
from ledger.api.dependencies import LedgerWiring, Wiring
from ledger.api.transactions import TransactionAnswer, transaction_answer
from ledger.domain.refusals import NotFoundError
from ledger.use_cases.approve_refund import approve_refund
from ledger.use_cases.ask_refund import ask_refund

router = APIRouter(prefix="/api/v1/transactions", tags=["transactions"], route_class=UnitOfWorkRoute)


async def _answer(wiring: LedgerWiring, work: Work, transaction_id: UUID) -> TransactionAnswer:
    row = await wiring.transactions(work).find(transaction_id, viewer=None)
    if row is None:
        raise NotFoundError
    return transaction_answer(row)


@router.post("/{transaction_id}/refund/", status_code=201)
@requires_idempotency_key
async def post_refund(
    work: Work, wiring: Wiring, caller: AdminCaller, transaction_id: UUID, body: Reason
) -> TransactionAnswer:
    """Asks for what is left of a donation; answers the refund's own transaction, pending."""
    refund = await ask_refund(
        wiring.books(work),
        donation_id=transaction_id,
        transaction_id=new_id(),
        asked_by=caller.user_id,
        reason=body.reason,
    )
    return await _answer(wiring, work, refund.transaction_id)


@router.post("/{transaction_id}/refund/approve/", status_code=202)
@requires_idempotency_key
async def post_refund_approval(
    work: Work, wiring: Wiring, caller: AdminCaller, transaction_id: UUID, body: Empty
) -> TransactionAnswer:
    """`transaction_id` is the donation's, as when it was asked for."""
    del body
    caller.require_step_up(work.now)
    refund = await approve_refund(wiring.books(work), donation_id=transaction_id, approved_by=caller.user_id)
    return await _answer(wiring, work, refund.transaction_id)
