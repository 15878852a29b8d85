"""An executive leaves a board: taken off by an admin, or no longer an executive at all."""

from uuid import UUID

from programs.domain.program import Program, Status
from programs.use_cases.keep_change import keep_change, keep_fact
from programs.use_cases.ports import Desk, Precondition


async def unseat_executive(desk: Desk, precondition: Precondition, program_id: UUID, user_id: UUID) -> Program:
    """Refuses with UnsoundProgramError what would leave a public programme below its quorum."""
    program = await desk.programs.get_locked(program_id)
    precondition.check(program.version)
    desk.announce.unseated(program, program.unseat(user_id))
    await keep_change(desk, program)
    return program


async def vacate_seats(desk: Desk, user_id: UUID) -> None:
    """They lost the role or the account: no board keeps them, even if it becomes too small.

    Archived programmes still say who sat on their boards.
    """
    await _vacate(desk, user_id, frozenset({Status.DRAFT, Status.OPEN, Status.CLOSED}))


async def forget_executive(desk: Desk, user_id: UUID) -> None:
    """They asked to be erased: no board shows them any more, and the name an admin entered is gone."""
    await _vacate(desk, user_id, frozenset(Status))
    await desk.programs.forget_person(user_id)


async def _vacate(desk: Desk, user_id: UUID, statuses: frozenset[Status]) -> None:
    for program_id in await desk.programs.ids_with_seat_of(user_id):
        program = await desk.programs.find_locked(program_id)
        if program is None or program.status not in statuses:
            continue
        if any(seated.user_id == user_id for seated in program.executives):
            desk.announce.unseated(program, program.unseat(user_id))
            await keep_fact(desk, program)
