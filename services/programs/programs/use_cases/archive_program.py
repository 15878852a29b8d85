"""A programme that is over is put away; it stays readable."""

from uuid import UUID

from programs.domain.program import Program
from programs.use_cases.keep_change import keep_fact
from programs.use_cases.ports import Desk, Precondition


async def archive_program(desk: Desk, precondition: Precondition, program_id: UUID) -> Program:
    program = await desk.programs.get_locked(program_id)
    precondition.check(program.version)
    program.archive()
    desk.announce.archived(program)
    await keep_fact(desk, program)
    return program
