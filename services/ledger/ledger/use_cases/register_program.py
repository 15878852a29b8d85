"""A programme was created: its account opens with a block. Its title changes, or it is taken back, without one."""

from uuid import UUID

from ledger.domain import drafts
from ledger.domain.money import CURRENCIES
from ledger.domain.records import Program
from ledger.use_cases.book_exception import book_exception
from ledger.use_cases.events import Source
from ledger.use_cases.ports import Books


async def register_program(books: Books, source: Source, program: Program) -> None:
    """Block `program_create`; a currency the genesis block does not have, or a second creation, is an exception."""
    code = None
    if program.currency not in CURRENCIES:
        code = "currency_unsupported"
    elif await books.programs.find(program.program_id) is not None:
        code = "program_exists"
    if code is not None:
        await book_exception(books, source, code)
        return
    await books.programs.add(program)
    await books.chain.append(drafts.program_create(source.event_id, program.program_id, program.currency))


async def rename_program(books: Books, *, program_id: UUID, title: str, revision: int) -> None:
    """Keeps the newest title, for receipts and lists; nothing of it enters the chain."""
    await books.programs.set_title(program_id, title, revision)


async def forget_program(books: Books, *, program_id: UUID) -> None:
    """It was taken back: nobody gives to it any more, and what is shown of programmes leaves it out.

    Its block stays, as blocks do. So does money that was on its way: whoever deletes in that moment leaves it here.
    """
    await books.programs.delete(program_id)
