"""An admin changes what is written about a programme."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from programs.domain.program import Program
from programs.use_cases.keep_change import keep_change
from programs.use_cases.ports import Desk, Precondition


async def change_program(desk: Desk, precondition: Precondition, program_id: UUID, changes: dict[str, Any]) -> Program:
    """`changes`: fields of `Details` and their new values."""
    program = await desk.programs.get_locked(program_id)
    precondition.check(program.version)
    program.describe(replace(program.details, **changes))
    await keep_change(desk, program)
    return program
