"""How an event reaches the books: once, and only when what it builds on is there."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from chassis.database import UnitOfWork
from chassis.subscriptions import Delivery, DependencyMissingError
from contracts.envelope import Event
from contracts.fact import Fact
from ledger.consumers.needs import needs_of
from ledger.domain.refusals import BadShapeError, NotYetKnownError
from ledger.use_cases.book_exception import book_exception
from ledger.use_cases.events import Source
from ledger.use_cases.ports import Books, BooksOpener

F = TypeVar("F", bound=Fact)


@dataclass(frozen=True, slots=True)
class Booking:
    """Opens the books for events."""

    open_books: BooksOpener

    async def prepare(self, arrived: Sequence[tuple[Event, Fact]], work: UnitOfWork) -> None:
        """Take the chain, then read what a batch needs in one statement per kind, rather than for each event."""
        books = self.open_books.within(work)
        await books.chain.hold()
        needs = needs_of([fact for _, fact in arrived])
        await books.foresee([event.id for event, _ in arrived], needs)

    def once(self, book: Callable[[F, Books, Source], Awaitable[None]]) -> Callable[[F, Delivery], Awaitable[None]]:
        """A handler that books a fact one time, however often and however late it is delivered."""

        async def handle(fact: F, delivery: Delivery) -> None:
            books = self.open_books.within(delivery.work)
            source: Source = delivery.reading
            if not await books.register.admit(source, delivery.content):
                return
            try:
                await book(fact, books, source)
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
                await book_exception(books, source, refusal.CODE)

        return self.once(record)

    async def compare_repeated(self, delivery: Delivery) -> None:
        """The event was handled before, or still waits: is it saying the same?"""
        register = self.open_books.within(delivery.work).register
        await register.compare(delivery.reading, delivery.content, waiting=delivery.earlier)


def read_event(event: Event, content: dict[str, Any]) -> Source:
    """What is to be known of an event before its transaction: the hash that tells a repeat from a contradiction."""
    return Source.of(event.id, event.type, content)
