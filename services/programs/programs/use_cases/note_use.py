"""What others have done with a programme: from then on it cannot be deleted, or its criteria not changed."""

from uuid import UUID

from programs.use_cases.ports import Desk


async def note_application(desk: Desk, program_id: UUID) -> None:
    """Someone applies: the programme is there to stay."""
    program = await desk.programs.find_locked(program_id)
    if program is not None and program.applied_at is None:
        program.applied_at = desk.now
        await desk.programs.save(program)


async def freeze_criteria(desk: Desk, program_id: UUID) -> None:
    """Someone has submitted: everyone is scored by the same criteria from now on."""
    program = await desk.programs.find_locked(program_id)
    if program is not None and program.criteria_frozen_at is None:
        program.criteria_frozen_at = desk.now
        program.applied_at = program.applied_at or desk.now
        await desk.programs.save(program)


async def note_funding(desk: Desk, program_id: UUID) -> None:
    """Money has come in: the programme is there to stay."""
    program = await desk.programs.find_locked(program_id)
    if program is not None and program.funded_at is None:
        program.funded_at = desk.now
        await desk.programs.save(program)
