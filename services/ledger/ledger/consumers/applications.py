"""What applications says: interviews, decisions, awards, and the approval on which the ledger pays."""

from decimal import Decimal
from functools import partial
from uuid import UUID

from chassis.ids import driver_id, new_id
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
from ledger.domain import drafts
from ledger.domain.drafts import Draft
from ledger.domain.money import parse_positive
from ledger.domain.records import Tranche
from ledger.domain.refusals import RefusalError
from ledger.use_cases.book_exception import book_exception
from ledger.use_cases.events import Source
from ledger.use_cases.ports import Books
from ledger.use_cases.record_decision import Decision, record_decision
from ledger.use_cases.record_interview import record_interview
from ledger.use_cases.release_commitment import release_commitment
from ledger.use_cases.reserve_commitment import Proposal, reserve_commitment
from ledger.use_cases.start_disbursement import ApprovedRequest, start_disbursement


def subscribe(subscriptions: Subscriptions, booking: Booking, *, payment_rail: str) -> None:
    booking.on_record(subscriptions, InterviewCompleted, _interview, _record_interview)
    booking.on_record(subscriptions, ApplicationApproved, _approval, _record_decision)
    booking.on_record(subscriptions, ApplicationRejected, _rejection, _record_decision)
    booking.on(subscriptions, AwardProposed, _proposal, _reserve)
    booking.on(subscriptions, AwardCancelled, _cancelled, _release)
    booking.on(subscriptions, DisbursementApproved, _request, partial(_pay, payment_rail))


# --- what each asks, in the ledger's own words ------------------------------------------------------------------------


def _interview(fact: InterviewCompleted, event_id: UUID) -> Draft:
    return drafts.interview(
        event_id,
        application_id=fact.application_id,
        transcript_sha256=fact.transcript_sha256,
        messages=fact.messages,
        model=fact.model,
        prompt_version=fact.prompt_version,
    )


def _approval(fact: ApplicationApproved, _: UUID) -> Decision:
    return Decision(
        application_id=fact.application_id,
        program_id=fact.program_id,
        outcome="approved",
        submission_sha256=fact.submission_sha256,
        reviews=fact.reviews,
        final_score=Decimal(fact.final_score),
        decided_by=fact.decider_id,
        award_id=fact.award_id,
    )


def _rejection(fact: ApplicationRejected, _: UUID) -> Decision:
    return Decision(
        application_id=fact.application_id,
        program_id=fact.program_id,
        outcome="rejected",
        submission_sha256=fact.submission_sha256,
        reviews=fact.reviews,
        final_score=Decimal(fact.final_score),
        decided_by=fact.decider_id,
        award_id=None,
    )


def _proposal(fact: AwardProposed, _: UUID) -> Proposal:
    # These ids go into half a dozen rows, account names and an answer.
    return Proposal(
        award_id=driver_id(fact.award_id),
        application_id=driver_id(fact.application_id),
        program_id=driver_id(fact.program_id),
        user_id=driver_id(fact.user_id),
        amount=parse_positive(fact.amount, fact.currency),
        currency=fact.currency,
        tranches=[
            Tranche(plan.tranche_id, parse_positive(plan.amount, fact.currency), plan.due_on) for plan in fact.tranches
        ],
    )


def _cancelled(fact: AwardCancelled, _: UUID) -> UUID:
    return fact.award_id


def _request(fact: DisbursementApproved, _: UUID) -> ApprovedRequest:
    return ApprovedRequest(
        request_id=fact.request_id,
        award_id=fact.award_id,
        tranche_id=fact.tranche_id,
        application_id=fact.application_id,
        program_id=fact.program_id,
        user_id=fact.user_id,
        amount=parse_positive(fact.amount, fact.currency),
        currency=fact.currency,
        requested_by=fact.requested_by,
        approved_by=fact.approved_by,
    )


# --- booking it -------------------------------------------------------------------------------------------------------


async def _record_interview(draft: Draft, books: Books, _: Source) -> None:
    await record_interview(books, draft)


async def _record_decision(decision: Decision, books: Books, source: Source) -> None:
    await record_decision(books, source, decision)


async def _reserve(fact: AwardProposed, proposal: Proposal | RefusalError, books: Books, source: Source) -> None:
    if isinstance(proposal, RefusalError):
        books.announce.commitment_refused(
            award_id=fact.award_id,
            application_id=fact.application_id,
            program_id=fact.program_id,
            user_id=fact.user_id,
            code=proposal.CODE,
        )
        return
    await reserve_commitment(books, source, proposal)


async def _release(_: AwardCancelled, award_id: UUID | RefusalError, books: Books, source: Source) -> None:
    if isinstance(award_id, RefusalError):
        raise award_id
    await release_commitment(books, source, award_id=award_id)


async def _pay(
    rail: str, _: DisbursementApproved, request: ApprovedRequest | RefusalError, books: Books, source: Source
) -> None:
    if isinstance(request, RefusalError):
        await book_exception(books, source, request.CODE)
        return
    await start_disbursement(books, source, request, transaction_id=new_id(), rail=rail)
