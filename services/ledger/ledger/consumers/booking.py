"""How an event reaches the books: once, and only when what it builds on is there."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from chassis.subscriptions import Delivery, DependencyMissingError
from contracts.fact import Fact
from ledger.domain import drafts
from ledger.domain.refusals import BadShapeError, NotYetKnownError, RefusalError
from ledger.use_cases.events import Source
from ledger.use_cases.ports import Books, BooksOpener, EventRegister

F = TypeVar("F", bound=Fact)


@dataclass(frozen=True, slots=True)
class Booking:
    """Opens the books for events."""

    open_books: BooksOpener
    register: EventRegister

    def once(self, book: Callable[[F, Books, Source], Awaitable[None]]) -> Callable[[F, Delivery], Awaitable[None]]:
        """A handler that books a fact one time, however often and however late it is delivered."""

        async def handle(fact: F, delivery: Delivery) -> None:
            source = await self.register.admit(delivery.work, delivery.event)
            if source is None:
                return
            try:
                await book(fact, self.open_books.within(delivery.work), source)
            except NotYetKnownError as missing:
                raise DependencyMissingError(missing.detail) from missing

        return handle

    def recorded_once(
        self, book: Callable[[F, Books, Source], Awaitable[None]]
    ) -> Callable[[F, Delivery], Awaitable[None]]:
        """Like `once`, for facts that move no money: one whose fields a block cannot hold becomes an exception."""

        async def record(fact: F, books: Books, source: Source) -> None:
            try:
                await book(fact, books, source)
            except BadShapeError as refusal:
                await book_exception(books, source, refusal)

        return self.once(record)

    async def compare_repeated(self, delivery: Delivery) -> None:
        """The inbox knew the event: is it still saying the same?"""
        await self.register.compare(delivery.work, delivery.event)


async def book_exception(books: Books, source: Source, refusal: RefusalError) -> None:
    """The block of a fact that cannot be booked as asked."""
    exception = drafts.exception(
        source.event_id, event_type=source.event_type, event_hash=source.content_hash, code=refusal.CODE
    )
    await books.chain.append(exception)
