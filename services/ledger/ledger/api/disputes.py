"""The way out of `disputed`: one admin says what has happened, another confirms it with a fresh step-up."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from chassis.api.callers import AdminCaller
from chassis.api.routing import UnitOfWorkRoute, Work, requires_idempotency_key
from chassis.api.values import Body, RequiredText
from ledger.api.dependencies import LedgerWiring, Wiring
from ledger.api.transactions import TransactionAnswer, transaction_answer
from ledger.domain.disputes import Outcome
from ledger.domain.refusals import NotFoundError
from ledger.use_cases.resolve_dispute import approve_resolution, propose_resolution

router = APIRouter(prefix="/api/v1/transactions", tags=["transactions"], route_class=UnitOfWorkRoute)


class Resolution(Body):
    outcome: Annotated[Outcome, Field(description="What has become of the money.")]
    reason: Annotated[RequiredText, Field(description="How that was found out; kept with the dispute.")]


class Approval(Body):
    outcome: Annotated[Outcome, Field(description="The one proposed: what is approved is what was read.")]


async def _answer(wiring: LedgerWiring, work: Work, transaction_id: UUID) -> TransactionAnswer:
    row = await wiring.transactions(work).find(transaction_id, viewer=None)
    if row is None:
        raise NotFoundError
    return transaction_answer(row)


@router.post("/{transaction_id}/resolve/", status_code=202)
@requires_idempotency_key
async def post_resolution(
    work: Work, wiring: Wiring, caller: AdminCaller, transaction_id: UUID, body: Resolution
) -> TransactionAnswer:
    """Proposes how a disputed payment ended; nothing moves until another admin approves exactly this."""
    caller.require_step_up(work.now)
    await propose_resolution(
        wiring.books(work),
        transaction_id=transaction_id,
        outcome=body.outcome,
        reason=body.reason,
        proposed_by=caller.user_id,
    )
    return await _answer(wiring, work, transaction_id)


@router.post("/{transaction_id}/resolve/approve/", status_code=202)
@requires_idempotency_key
async def post_resolution_approval(
    work: Work, wiring: Wiring, caller: AdminCaller, transaction_id: UUID, body: Approval
) -> TransactionAnswer:
    """The books follow within a second."""
    caller.require_step_up(work.now)
    await approve_resolution(
        wiring.books(work), transaction_id=transaction_id, outcome=body.outcome, approved_by=caller.user_id
    )
    return await _answer(wiring, work, transaction_id)
