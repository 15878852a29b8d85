"""The donor's bank has taken a donation back, and two people have found that so: the books let go of it."""

from decimal import Decimal
from uuid import UUID

from chassis.ids import new_id
from ledger.domain import drafts
from ledger.domain.disputes import Dispute
from ledger.domain.records import Donation, Refund
from ledger.domain.transactions import Status
from ledger.use_cases.announce_donation import payment_reference
from ledger.use_cases.ports import Books

# It may still come back to the lot that would be emptied here.
_UNDER_WAY = (Status.SUBMITTED, Status.UNKNOWN, Status.DISPUTED)


async def objection_to_return(books: Books, donation: Donation) -> str | None:
    """Why it cannot leave the books as a whole, for people to read; None when it can.

    A donation of which awards have something does not leave in part: what was paid out of it, it has paid for.
    """
    refund = await books.refunds.find_live(donation.transaction_id)
    if refund is not None and refund.status in _UNDER_WAY:
        return f"A refund of it is {refund.status}: wait for its end."
    committed = await books.lots.committed_of(donation.transaction_id)
    if committed:
        return (
            f"Awards have {committed:.2f} of it. Cancel what is not paid out; what is has to be made good, and the"
            " dispute then ends as completed."
        )
    return None


async def return_donation(books: Books, donation: Donation, dispute: Dispute) -> UUID | None:
    """Available -> clearing -> donor, all that refunds have left of it; the refund's id, None when they left nothing.

    The chain is held, and `objection_to_return` had none.
    """
    refund = await books.refunds.find_live(donation.transaction_id)
    if refund is not None:  # asked for, and there is nothing to give back any more
        await books.transactions.move(refund.transaction_id, Status.PENDING, Status.FAILED, code=dispute.code)
        await books.payments.schedule(refund.transaction_id, None)
    left = await books.lots.left_of(donation.transaction_id)
    return await _book(books, donation, dispute, left) if left > 0 else None


async def _book(books: Books, donation: Donation, dispute: Dispute, amount: Decimal) -> UUID:
    return_id = new_id()
    returned = Refund(
        transaction_id=return_id,
        donation_id=donation.transaction_id,
        program_id=donation.program_id,
        donor_id=donation.donor_id,
        user_id=donation.user_id,
        requested_by=dispute.proposed_by,
        approved_by=dispute.approved_by,
        amount=amount,
        currency=donation.currency,
        status=Status.COMPLETED,
        rail=donation.rail,
        reference=payment_reference(return_id),
        called_at=None,
        asked=0,
    )
    await books.refunds.add_return(returned, dispute.code)
    _, block = await books.chain.append(
        drafts.refund(returned.booking, "sent"), drafts.refund(returned.booking, "completed")
    )
    await books.lots.refund(donation.transaction_id, return_id, amount)
    await books.transactions.book(return_id, block)
    books.announce.refund_completed(returned)
    return return_id
