"""A programme nobody applied to or gave to can be taken back."""

from uuid import UUID

from programs.use_cases.ports import Desk, Precondition


async def delete_program(desk: Desk, precondition: Precondition, program_id: UUID) -> None:
    """Refuses with ProgramInUseError once anyone has applied or given: archive it instead."""
    program = await desk.programs.get_locked(program_id)
    precondition.check(program.version)
    program.check_deletable()
    await desk.programs.remove(program.id)
    desk.announce.deleted(program)
