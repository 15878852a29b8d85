"""An interview ended: a block fixes the hash of its transcript."""

from ledger.domain.drafts import Draft
from ledger.use_cases.ports import Books


async def record_interview(books: Books, draft: Draft) -> None:
    """Nothing of it is looked up: the draft is all there is."""
    await books.chain.append(draft)
