"""An admin gives an executive a seat on a programme's board."""

from uuid import UUID

from chassis.ids import new_id
from programs.domain.parts import Executive
from programs.domain.program import Program
from programs.domain.refusals import NotAnExecutiveError
from programs.use_cases.keep_change import keep_change
from programs.use_cases.ports import Desk


async def seat_executive(
    desk: Desk, program_id: UUID, *, user_id: UUID, display_name: str, title: str, is_chair: bool
) -> tuple[Program, Executive]:
    """Someone who returns gets the seat they had: a person reviews an application once."""
    program = await desk.programs.get_locked(program_id)
    if await desk.people.role_of(user_id) != "executive":
        raise NotAnExecutiveError
    seat_id = await desk.programs.find_seat_id(program_id, user_id) or new_id()
    executive = Executive(seat_id, user_id, display_name, title, is_chair)
    program.seat(executive)
    desk.announce.seated(program, executive)
    await keep_change(desk, program)
    return program, executive
