"""What programs says: accounts open, titles change, drafts are taken back."""

from uuid import UUID

from chassis.subscriptions import Delivery, Subscriptions
from contracts.programs import ProgramCreated, ProgramDeleted, ProgramPublished, ProgramUpdated
from ledger.consumers.booking import Booking
from ledger.domain.records import Program
from ledger.use_cases.events import Source
from ledger.use_cases.ports import Books
from ledger.use_cases.register_program import forget_program, register_program, rename_program


def subscribe(subscriptions: Subscriptions, booking: Booking) -> None:
    async def on_changed(fact: ProgramPublished | ProgramUpdated, delivery: Delivery) -> None:
        books = booking.open_books.within(delivery.work)
        await rename_program(books, program_id=fact.program_id, title=fact.title, revision=fact.revision)

    async def on_deleted(fact: ProgramDeleted, delivery: Delivery) -> None:
        await forget_program(booking.open_books.within(delivery.work), program_id=fact.program_id)

    booking.on_record(subscriptions, ProgramCreated, _program, _register)
    subscriptions.on(ProgramPublished, on_changed)
    subscriptions.on(ProgramUpdated, on_changed)
    subscriptions.on(ProgramDeleted, on_deleted)


def _program(fact: ProgramCreated, _: UUID) -> Program:
    return Program(fact.program_id, fact.currency)


async def _register(program: Program, books: Books, source: Source) -> None:
    await register_program(books, source, program)
