"""An award was proposed: the money is set aside, lot by lot, or the award is refused with the reason."""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from ledger.domain import drafts
from ledger.domain.lots import allocate
from ledger.domain.records import Award, Program, Tranche
from ledger.domain.refusals import DonationDisputedError, InsufficientFundsError, NotYetKnownError
from ledger.domain.transactions import TransactionType
from ledger.use_cases.events import Source
from ledger.use_cases.ports import Books


class Proposal(NamedTuple):
    """What the board decided."""

    award_id: UUID
    application_id: UUID
    program_id: UUID
    user_id: UUID
    amount: Decimal
    currency: str
    tranches: Sequence[Tranche]


async def reserve_commitment(books: Books, source: Source, proposal: Proposal) -> None:
    """Moves available -> committed for the whole award, or announces `commitment_refused`; never anything between.

    Of two proposals at once the second sees what the first has left: whoever books holds the chain.

    Raises:
        NotYetKnownError: the programme has not been heard of yet.
    """
    program = await books.programs.find(proposal.program_id)
    if program is None:
        raise NotYetKnownError(f"program {proposal.program_id}")
    code = await _objection(books, program, proposal)
    if code is None:
        beneficiary_id = await books.people.find_beneficiary(proposal.application_id)
        purposes = {proposal.application_id, proposal.award_id} | ({beneficiary_id} if beneficiary_id else set())
        lots = await books.lots.covering(proposal.program_id, proposal.currency, proposal.amount, purposes)
        try:
            allocations = allocate(lots, proposal.amount, {str(each) for each in purposes})
        except (InsufficientFundsError, DonationDisputedError) as refusal:
            code = refusal.CODE
    if code is not None:
        books.announce.commitment_refused(
            award_id=proposal.award_id,
            application_id=proposal.application_id,
            program_id=proposal.program_id,
            user_id=proposal.user_id,
            code=code,
        )
        return
    beneficiary_id = await books.people.beneficiary_of(
        proposal.application_id, proposal.program_id, proposal.user_id, proposal.currency
    )
    award = Award(
        proposal.award_id,
        proposal.application_id,
        proposal.program_id,
        beneficiary_id,
        proposal.user_id,
        proposal.amount,
        proposal.currency,
    )
    await books.transactions.add_commitment(TransactionType.COMMITMENT, source.event_id, award, award.amount)
    await books.awards.add(award, source.event_id, proposal.tranches)
    await books.lots.reserve(award.award_id, allocations)
    [block] = await books.chain.append(
        drafts.commitment(source.event_id, award.reference, award.amount, award.currency)
    )
    await books.transactions.book(source.event_id, block)
    books.announce.commitment_reserved(award, source.event_id)


async def _objection(books: Books, program: Program, proposal: Proposal) -> str | None:
    if proposal.currency != program.currency:
        return "currency_mismatch"
    if sum((tranche.amount for tranche in proposal.tranches), Decimal(0)) != proposal.amount:
        return "tranches_do_not_sum"
    if await books.awards.find_locked(proposal.award_id) is not None:
        return "award_exists"
    return None
