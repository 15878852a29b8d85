"""A fact that cannot be booked as asked: a block says so, and somebody is told."""

from ledger.domain import drafts
from ledger.use_cases.events import Source
from ledger.use_cases.ports import Books


async def book_exception(books: Books, source: Source, code: str) -> None:
    """Block `exception` with the reason; nothing is dropped in silence."""
    await books.chain.append(
        drafts.exception(source.event_id, event_type=source.event_type, event_hash=source.content_hash, code=code)
    )
    books.announce.exception_booked(source, code)
