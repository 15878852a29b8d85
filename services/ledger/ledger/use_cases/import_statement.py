"""A statement comes in: kept whole, or not at all; the same bytes again change nothing."""

from uuid import UUID

from chassis.refusals import IllegalStateError, NotFoundError
from ledger.domain.refusals import SamePersonError
from ledger.use_cases.statement_ports import FileView, NewFile, ReadFile, StatementShelf


async def import_statement(shelf: StatementShelf, read: ReadFile, imported_by: UUID | None) -> tuple[FileView, bool]:
    """The file as it is kept, and whether it is new. Lines that earlier files had as well are kept and count once."""
    known = await shelf.find_live(read.sha256)
    new = known is None
    file_id = known or await shelf.add(
        NewFile(read.sha256, read.format, read.mapping, read.size_bytes, read.statements, imported_by)
    )
    view = await shelf.find(file_id)
    if view is None:
        raise NotFoundError
    return view, new


async def withdraw_statement(shelf: StatementShelf, file_id: UUID, *, reason: str, withdrawn_by: UUID) -> FileView:
    """A second person says that a file was a mistake: it stays, and counts no longer.

    Raises:
        NotFoundError, SamePersonError
        IllegalStateError: withdrawn already.
    """
    view = await shelf.find(file_id)
    if view is None:
        raise NotFoundError
    if view.withdrawn_at is not None:
        raise IllegalStateError("withdrawn")
    if view.imported_by == withdrawn_by:
        raise SamePersonError("A statement is withdrawn by somebody else than imported it.")
    await shelf.withdraw(file_id, reason, withdrawn_by)
    withdrawn = await shelf.find(file_id)
    if withdrawn is None:
        raise NotFoundError
    return withdrawn
