"""What applications says: interviews, decisions, awards, and the approval on which the ledger pays."""

from decimal import Decimal
from functools import partial

from chassis.ids import new_id
from chassis.subscriptions import Subscriptions
from contracts.applications import (
    ApplicationApproved,
    ApplicationRejected,
    AwardCancelled,
    AwardProposed,
    DisbursementApproved,
    InterviewCompleted,
)
from ledger.consumers.booking import Booking
from ledger.domain.money import parse_positive
from ledger.domain.records import Tranche
from ledger.domain.refusals import AmountInvalidError, CurrencyUnsupportedError
from ledger.use_cases.book_exception import book_exception
from ledger.use_cases.events import Source
from ledger.use_cases.ports import Books
from ledger.use_cases.record_decision import Decision, record_decision
from ledger.use_cases.record_interview import record_interview
from ledger.use_cases.release_commitment import release_commitment
from ledger.use_cases.reserve_commitment import Proposal, reserve_commitment
from ledger.use_cases.start_disbursement import ApprovedRequest, start_disbursement


def subscribe(subscriptions: Subscriptions, booking: Booking, *, payment_rail: str) -> None:
    pay = partial(_on_disbursement_approved, payment_rail)
    subscriptions.on(InterviewCompleted, booking.recorded_once(_on_interview_completed))
    subscriptions.on(AwardProposed, booking.once(_on_award_proposed))
    subscriptions.on(AwardCancelled, booking.once(_on_award_cancelled))
    subscriptions.on(ApplicationApproved, booking.recorded_once(_on_approved))
    subscriptions.on(ApplicationRejected, booking.recorded_once(_on_rejected))
    subscriptions.on(DisbursementApproved, booking.once(pay))


async def _on_interview_completed(fact: InterviewCompleted, books: Books, source: Source) -> None:
    await record_interview(
        books,
        source,
        application_id=fact.application_id,
        transcript_sha256=fact.transcript_sha256,
        messages=fact.messages,
        model=fact.model,
        prompt_version=fact.prompt_version,
    )


async def _on_award_proposed(fact: AwardProposed, books: Books, source: Source) -> None:
    try:
        proposal = Proposal(
            award_id=fact.award_id,
            application_id=fact.application_id,
            program_id=fact.program_id,
            user_id=fact.user_id,
            amount=parse_positive(fact.amount, fact.currency),
            currency=fact.currency,
            tranches=[
                Tranche(plan.tranche_id, parse_positive(plan.amount, fact.currency), plan.due_on)
                for plan in fact.tranches
            ],
        )
    except (AmountInvalidError, CurrencyUnsupportedError) as refusal:
        books.announce.commitment_refused(
            award_id=fact.award_id,
            application_id=fact.application_id,
            program_id=fact.program_id,
            user_id=fact.user_id,
            code=refusal.CODE,
        )
        return
    await reserve_commitment(books, source, proposal)


async def _on_award_cancelled(fact: AwardCancelled, books: Books, source: Source) -> None:
    await release_commitment(books, source, award_id=fact.award_id)


async def _on_approved(fact: ApplicationApproved, books: Books, source: Source) -> None:
    decision = Decision(
        application_id=fact.application_id,
        program_id=fact.program_id,
        outcome="approved",
        submission_sha256=fact.submission_sha256,
        reviews=fact.reviews,
        final_score=Decimal(fact.final_score),
        decided_by=fact.decider_id,
        award_id=fact.award_id,
    )
    await record_decision(books, source, decision)


async def _on_rejected(fact: ApplicationRejected, books: Books, source: Source) -> None:
    decision = Decision(
        application_id=fact.application_id,
        program_id=fact.program_id,
        outcome="rejected",
        submission_sha256=fact.submission_sha256,
        reviews=fact.reviews,
        final_score=Decimal(fact.final_score),
        decided_by=fact.decider_id,
        award_id=None,
    )
    await record_decision(books, source, decision)


async def _on_disbursement_approved(rail: str, fact: DisbursementApproved, books: Books, source: Source) -> None:
    try:
        amount = parse_positive(fact.amount, fact.currency)
    except (AmountInvalidError, CurrencyUnsupportedError) as refusal:
        await book_exception(books, source, refusal.CODE)
        return
    request = ApprovedRequest(
        request_id=fact.request_id,
        award_id=fact.award_id,
        tranche_id=fact.tranche_id,
        application_id=fact.application_id,
        program_id=fact.program_id,
        user_id=fact.user_id,
        amount=amount,
        currency=fact.currency,
        requested_by=fact.requested_by,
        approved_by=fact.approved_by,
    )
    await start_disbursement(books, source, request, transaction_id=new_id(), rail=rail)
