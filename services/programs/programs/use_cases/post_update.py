"""An admin tells the public how a programme is going."""

from uuid import UUID

from chassis.ids import new_id
from chassis.refusals import IllegalStateError
from programs.use_cases.ports import Desk, ProgramUpdate


async def post_update(desk: Desk, program_id: UUID, *, author_id: UUID, title: str, body: str) -> ProgramUpdate:
    """Refused for a draft: nobody could read it."""
    program = await desk.programs.get_locked(program_id)
    if not program.is_public:
        raise IllegalStateError(program.status)
    update = ProgramUpdate(new_id(), program_id, author_id, title, body, desk.now)
    await desk.programs.add_update(update)
    desk.announce.update_posted(update)
    return update
