"""A programme begins as a draft."""

from uuid import UUID

from programs.domain.program import Details, Program
from programs.domain.slugs import slug_of
from programs.use_cases.ports import Desk


async def create_program(desk: Desk, *, program_id: UUID, details: Details, created_by: UUID) -> Program:
    """Its account opens in the ledger, and the others learn of the draft."""
    details.check()
    program = Program(
        id=program_id,
        slug=slug_of(details.title),
        details=details,
        created_by=created_by,
        created_at=desk.now,
        updated_at=desk.now,
    )
    await desk.programs.add(program)
    desk.announce.created(program)
    desk.announce.updated(program)
    return program
