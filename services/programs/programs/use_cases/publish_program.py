"""A draft becomes an open programme."""

from uuid import UUID

from programs.domain.program import Program
from programs.use_cases.ports import Desk, Precondition


async def publish_program(desk: Desk, precondition: Precondition, program_id: UUID) -> Program:
    """Refuses with UnsoundProgramError, naming everything that is missing at once."""
    program = await desk.programs.get_locked(program_id)
    precondition.check(program.version)
    program.publish(desk.now)
    program.version += 1
    program.updated_at = desk.now
    await desk.programs.save(program)
    desk.announce.published(program)
    return program
