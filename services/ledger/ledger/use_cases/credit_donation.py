"""A rail confirmed a donation: a block, the programme's balance, and a lot that future payments draw on."""

from ledger.domain import drafts
from ledger.domain.transactions import Status
from ledger.use_cases.ports import Books


async def credit_next_donation(books: Books) -> bool:
    """Credits one confirmed donation; False when there is none."""
    donation = await books.payments.next_due_donation()
    if donation is None:
        return False
    [block] = await books.chain.append(
        drafts.donation(
            donation.transaction_id,
            donor_id=donation.donor_id,
            program_id=donation.program_id,
            amount=donation.amount,
            currency=donation.currency,
            earmark=donation.earmark,
        )
    )
    # Two steps, because money that was never submitted to a rail is never completed.
    await books.transactions.move(donation.transaction_id, donation.status, Status.SUBMITTED)
    await books.transactions.move(donation.transaction_id, Status.SUBMITTED, Status.COMPLETED, block=block)
    await books.lots.add(donation, block.block_index)
    await books.payments.ask_again(donation.transaction_id, None)
    books.announce.donation_received(donation)
    return True
