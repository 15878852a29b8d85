"""What people see at the bank: a donation that has arrived, a transfer that was made, failed or came back."""

from typing import Annotated, Final, Literal
from uuid import UUID

import structlog
from fastapi import APIRouter, Response
from pydantic import Field, StringConstraints

from chassis.api.callers import AdminCaller
from chassis.api.routing import UnitOfWorkRoute, Work, requires_idempotency_key
from chassis.api.values import Answer, Body, PositiveMoney, RequiredText
from chassis.refusals import FieldRefusalError
from ledger.api.answers import NOT_KEPT
from ledger.api.dependencies import Wiring
from ledger.api.transactions import TransactionAnswer, transaction_answer
from ledger.domain.money import format_amount, parse_positive
from ledger.domain.refusals import IllegalStateError, NotFoundError
from ledger.domain.transactions import RailStatus, TransactionType
from ledger.use_cases.confirm_donation import confirm_donation
from ledger.use_cases.payment_ports import ManualRecord
from ledger.use_cases.readings import TransactionView
from ledger.use_cases.record_transfer import find_manual, record_transfer

log = structlog.get_logger(__name__)

router = APIRouter(prefix="/api/v1/transactions", tags=["transactions"], route_class=UnitOfWorkRoute)

_OUTCOMES: Final = {"completed": RailStatus.PAID, "failed": RailStatus.FAILED, "reversed": RailStatus.REVERSED}


class Confirmation(Body):
    """`{}` for a donation. A disbursement needs `outcome`, the bank's own reference, and a proof or a note."""

    outcome: Literal["completed", "failed", "reversed"] | None = None
    bank_reference: Annotated[
        str | None,
        StringConstraints(pattern=r"^[A-Za-z0-9_.:/ -]{1,100}$"),
        Field(description="As the bank's statement shows it; it proves one transfer only."),
    ] = None
    amount: Annotated[PositiveMoney | None, Field(description="What left the bank; as asked for when left out.")] = None
    proof_sha256: Annotated[
        str | None,
        StringConstraints(pattern=r"^[0-9a-f]{64}$"),
        Field(description="Of the document that proves it, kept where documents are kept."),
    ] = None
    note: RequiredText | None = None


class Instructions(Answer):
    """What to type into the bank's form."""

    transaction_id: str
    reference: str
    amount: str
    currency: str
    bank_code: str
    account_number: str
    account_name: str


def _record(body: Confirmation, row: TransactionView, recorded_by: UUID) -> ManualRecord:
    """Raises FieldRefusalError naming each field that is missing."""
    missing = [name for name in ("outcome", "bank_reference") if getattr(body, name) is None]
    if body.proof_sha256 is None and body.note is None:
        missing.append("proof_sha256")
    if missing or body.outcome is None or body.bank_reference is None:
        raise FieldRefusalError([(name, "missing", "a transfer is confirmed with this") for name in missing])
    amount = row.amount if body.amount is None else parse_positive(body.amount, row.currency)
    return ManualRecord(_OUTCOMES[body.outcome], amount, body.bank_reference, body.proof_sha256, body.note, recorded_by)


@router.post("/{transaction_id}/confirm/", status_code=202)
@requires_idempotency_key
async def post_confirmation(
    work: Work, wiring: Wiring, caller: AdminCaller, transaction_id: UUID, body: Confirmation
) -> TransactionAnswer:
    """Another admin than those before, freshly confirmed, says what the bank shows; the worker books it."""
    caller.require_step_up(work.now)
    reader = wiring.transactions(work)
    row = await reader.find(transaction_id, viewer=None)
    if row is None:
        raise NotFoundError
    if row.transaction_type == TransactionType.DISBURSEMENT:
        record = _record(body, row, caller.user_id)
        await record_transfer(wiring.books(work), transaction_id=transaction_id, record=record)
    elif row.transaction_type == TransactionType.DONATION:
        if body.model_fields_set:
            raise FieldRefusalError(
                [
                    (name, "not_for_donations", "a donation is confirmed with {}")
                    for name in sorted(body.model_fields_set)
                ]
            )
        await confirm_donation(wiring.books(work), transaction_id=transaction_id, confirmed_by=caller.user_id)
    else:
        raise IllegalStateError(row.status, "There is nothing at the bank to confirm.")
    answer = await reader.find(transaction_id, viewer=None)
    return transaction_answer(answer or row)


@router.get("/{transaction_id}/instructions/")
async def read_instructions(
    work: Work, wiring: Wiring, caller: AdminCaller, transaction_id: UUID, response: Response
) -> Instructions:
    """The account that a person is to pay to, in full: for admins with a fresh step-up, and it is logged."""
    caller.require_step_up(work.now)
    books = wiring.books(work)
    try:
        payment = await find_manual(books, transaction_id)
    except IllegalStateError as by_itself:  # a rail pays it: there is nothing for people to do
        raise NotFoundError from by_itself
    account = await books.payments.account_of(payment)
    if account is None:
        raise NotFoundError
    response.headers["Cache-Control"] = NOT_KEPT
    log.info("payee_account_shown", transaction_id=str(transaction_id), admin_id=str(caller.user_id))
    return Instructions(
        transaction_id=str(transaction_id),
        reference=payment.reference,
        amount=format_amount(payment.amount, payment.currency),
        currency=payment.currency,
        bank_code=account.bank_code,
        account_number=account.account_number,
        account_name=account.account_name,
    )
