"""The end of every change: still sound, one version further, kept, and told to whoever keeps a copy."""

from programs.domain.program import Program
from programs.use_cases.ports import Desk


async def keep_change(desk: Desk, program: Program) -> None:
    """Refuses with UnsoundProgramError what would break a programme that is public."""
    program.check_changed()
    await keep_fact(desk, program)


async def keep_fact(desk: Desk, program: Program) -> None:
    """For what has happened elsewhere and cannot be refused, such as a board member's suspension."""
    program.version += 1
    program.updated_at = desk.now
    await desk.programs.save(program)
    desk.announce.updated(program)
