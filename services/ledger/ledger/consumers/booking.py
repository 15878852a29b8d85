"""How an event reaches the books: once, and only when what it builds on is there."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from chassis.database import UnitOfWork
from chassis.ids import driver_id
from chassis.subscriptions import Delivery, DependencyMissingError, Subscriptions
from contracts.envelope import Event
from contracts.fact import Fact
from ledger.consumers.needs import needs_of
from ledger.domain.refusals import BadShapeError, NotYetKnownError, RefusalError
from ledger.use_cases.book_exception import book_exception
from ledger.use_cases.events import Source
from ledger.use_cases.ports import Books, BooksOpener

F = TypeVar("F", bound=Fact)
C = TypeVar("C")

# What a fact asks of the books, in their own words; it needs no database, so it is made before the transaction.
Understand = Callable[[F, UUID], C]
Book = Callable[[F, C, Books, Source], Awaitable[None]]


class Reading(NamedTuple):
    """What is known of an event before its transaction: its id and hash, and what it asks or why it cannot be asked."""

    source: Source
    command: Any


@dataclass(frozen=True, slots=True)
class Booking:
    """Opens the books for events."""

    open_books: BooksOpener
    _understand: dict[type[Fact], Understand[Any, Any]] = field(default_factory=dict)

    async def prepare(self, arrived: Sequence[tuple[UUID, Fact]], work: UnitOfWork) -> None:
        """Take the chain, then read what a batch needs in one statement per kind, rather than for each event."""
        needs = needs_of([fact for _, fact in arrived])
        await self.open_books.within(work).foresee([event_id for event_id, _ in arrived], needs)

    def assume(self, event_id: UUID, fact: Fact, work: UnitOfWork) -> bool:
        """Whether a lone event can be booked without reading anything first."""
        return self.open_books.within(work).assume(event_id, needs_of([fact]))

    def mistaken(self, work: UnitOfWork) -> None:
        """What was assumed is not so."""
        self.open_books.within(work).mistaken()

    def read(self, event: Event, content: dict[str, Any], fact: Fact | None) -> Reading:
        """The hash that tells a repeat from a contradiction, and the command; its refusal where it cannot be made."""
        source = Source.of(driver_id(event.id), event.type, content)
        understand = None if fact is None else self._understand.get(type(fact))
        if fact is None or understand is None:
            return Reading(source, None)
        try:
            return Reading(source, understand(fact, source.event_id))
        except RefusalError as refusal:
            return Reading(source, refusal)

    def on(
        self,
        subscriptions: Subscriptions,
        fact_type: type[F],
        understand: Understand[F, C],
        book: Book[F, C | RefusalError],
    ) -> None:
        """Books such a fact one time, however often and however late it is delivered."""
        self._understand[fact_type] = understand

        async def handle(fact: F, delivery: Delivery) -> None:
            reading: Reading = delivery.reading
            books = self.open_books.within(delivery.work)
            if not await books.register.admit(reading.source, delivery.content):
                return
            try:
                await book(fact, reading.command, books, reading.source)
            except NotYetKnownError as missing:
                raise DependencyMissingError(missing.detail) from missing

        subscriptions.on(fact_type, handle)

    def on_record(
        self,
        subscriptions: Subscriptions,
        fact_type: type[F],
        understand: Understand[F, C],
        book: Callable[[C, Books, Source], Awaitable[None]],
    ) -> None:
        """Like `on`, for facts that move no money: one whose fields a block cannot hold becomes an exception."""

        async def record(_: F, command: C | RefusalError, books: Books, source: Source) -> None:
            try:
                if isinstance(command, RefusalError):
                    raise command
                await book(command, books, source)
            except BadShapeError as refusal:
                await book_exception(books, source, refusal.CODE)

        self.on(subscriptions, fact_type, understand, record)

    async def compare_repeated(self, delivery: Delivery) -> None:
        """The event was handled before, or still waits: is it saying the same?"""
        register = self.open_books.within(delivery.work).register
        reading: Reading = delivery.reading
        earlier: Reading | None = delivery.earlier
        await register.compare(reading.source, delivery.content, waiting=earlier and earlier.source)
