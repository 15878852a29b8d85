"""An award was cancelled: what is unpaid of it goes back to the programme, to the lots it came from."""

from uuid import UUID

from ledger.domain import drafts
from ledger.domain.lots import Allocation
from ledger.domain.transactions import TransactionType
from ledger.use_cases.book_exception import book_exception
from ledger.use_cases.events import Source
from ledger.use_cases.ports import Books


async def release_commitment(books: Books, source: Source, *, award_id: UUID) -> None:
    """Block `decommitment`; an award the ledger does not hold money for is an `exception`."""
    award = await books.awards.find_locked(award_id)
    if award is None or award.unpaid <= 0:
        code = "award_unknown" if award is None else "nothing_to_release"
        await book_exception(books, source, code)
        if award is not None:
            await books.payments.close_award(award_id)
        return
    amount = award.unpaid
    left = [
        Allocation(lot.id, lot.remaining) for lot in await books.lots.of_award_locked(award_id) if lot.remaining > 0
    ]
    await books.transactions.add_commitment(TransactionType.DECOMMITMENT, source.event_id, award, amount)
    await books.lots.release(award_id, left)
    await books.awards.change(award_id, released=amount)
    # What is in flight now and comes back later must not stay committed to an award that is no more.
    await books.payments.close_award(award_id)
    [block] = await books.chain.append(drafts.decommitment(source.event_id, award.reference, amount, award.currency))
    await books.transactions.book(source.event_id, block)
    books.announce.commitment_released(award, source.event_id, amount)
