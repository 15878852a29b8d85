"""A second person approved a disbursement: the money leaves the commitment and waits for the rail to be called."""

import secrets
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from ledger.domain import drafts
from ledger.domain.lots import allocate
from ledger.domain.payments import SALT_BYTES, personal_commitment
from ledger.domain.records import Award, Disbursement, PayeeAccount
from ledger.domain.refusals import NotYetKnownError
from ledger.domain.transactions import Status
from ledger.use_cases.announce_donation import payment_reference
from ledger.use_cases.book_exception import book_exception
from ledger.use_cases.events import Source
from ledger.use_cases.ports import Books


@dataclass(frozen=True, slots=True)
class ApprovedRequest:
    request_id: UUID
    award_id: UUID
    tranche_id: UUID
    application_id: UUID
    program_id: UUID
    user_id: UUID
    amount: Decimal
    currency: str
    requested_by: UUID
    approved_by: UUID


async def start_disbursement(
    books: Books, source: Source, request: ApprovedRequest, *, transaction_id: UUID, rail: str
) -> None:
    """Books `sent` (committed -> clearing) with the lots that pay; the rail itself is called after the commit.

    What cannot be paid is said: `disbursement_failed` when the payee has no account, an `exception` block when the
    request contradicts the books.

    Raises:
        NotYetKnownError: the award is not here yet.
    """
    award = await books.awards.find_locked(request.award_id)
    if award is None:
        raise NotYetKnownError(f"award {request.award_id}")
    code = None if _is_about(award, request) else "award_differs"
    code = code or await _contradiction(books, award, request)
    if code is not None:
        await book_exception(books, source, code)
        books.announce.disbursement_failed(_describe(request, award, transaction_id, "", rail), code, paid_nothing=True)
        return
    # Whose award it was may have been erased; then it is nobody's, and nobody is paid.
    account = None if award.user_id is None else await books.people.find_payee(award.user_id)
    if account is None or account.currency != request.currency:
        code = "payee_account_missing" if account is None else "payee_account_currency"
        refused = _describe(request, award, transaction_id, "", rail)
        await books.transactions.add_refused_disbursement(
            refused, code, requested_by=request.requested_by, approved_by=request.approved_by
        )
        books.announce.disbursement_failed(refused, code, paid_nothing=True)
        return
    await _send(books, award, request, account, transaction_id=transaction_id, rail=rail)


async def _send(
    books: Books, award: Award, request: ApprovedRequest, account: PayeeAccount, *, transaction_id: UUID, rail: str
) -> None:
    salt = secrets.token_bytes(SALT_BYTES)
    commitment = personal_commitment(salt, account.fields())
    disbursement = _describe(request, award, transaction_id, commitment, rail)
    sealed = await books.people.seal_snapshot(request.user_id, account, salt)
    await books.transactions.add_disbursement(
        disbursement, sealed, requested_by=request.requested_by, approved_by=request.approved_by
    )
    lots = await books.lots.of_award_locked(award.award_id, request.amount)
    await books.awards.change(award.award_id, paid=request.amount)
    await books.lots.pay(award.award_id, transaction_id, allocate(lots, request.amount))
    [block] = await books.chain.append(drafts.disbursement(disbursement.booking, "sent"))
    await books.transactions.book(transaction_id, block)


def _is_about(award: Award, request: ApprovedRequest) -> bool:
    """Whether it is this award's application, programme and, unless erased, person that it is about."""
    asked_for = (request.application_id, request.program_id, request.user_id)
    return asked_for == (award.application_id, award.program_id, award.user_id or request.user_id)


async def _contradiction(books: Books, award: Award, request: ApprovedRequest) -> str | None:
    planned = await books.awards.find_tranche(award.award_id, request.tranche_id)
    if planned is None:
        return "tranche_unknown"
    if planned != request.amount or award.currency != request.currency:
        return "amount_differs"
    if request.approved_by in {request.requested_by, request.user_id} or request.requested_by == request.user_id:
        return "same_person"
    if await books.transactions.has_live_payment(request.tranche_id):
        return "already_paid"
    if request.amount > award.unpaid:
        return "exceeds_commitment"
    return None


def _describe(request: ApprovedRequest, award: Award, transaction_id: UUID, commitment: str, rail: str) -> Disbursement:
    return Disbursement(
        transaction_id=transaction_id,
        request_id=request.request_id,
        status=Status.PENDING,
        award=award.reference,
        application_id=request.application_id,
        tranche_id=request.tranche_id,
        user_id=request.user_id,
        amount=request.amount,
        currency=request.currency,
        payee_commitment=commitment,
        rail=rail,
        reference=payment_reference(transaction_id),
        called_at=None,
        asked=0,
    )
