"""An admin replaces qualifications, requirements, criteria, benefits or the timeline as a whole."""

from collections.abc import Sequence
from uuid import UUID

from programs.domain.parts import Part, PartKind
from programs.domain.program import Program
from programs.use_cases.keep_change import keep_change
from programs.use_cases.ports import Desk, Precondition


async def replace_list(
    desk: Desk,
    precondition: Precondition,
    program_id: UUID,
    kind: PartKind,
    *,
    items: Sequence[Part],
    sent_ids: Sequence[UUID | None],
) -> Program:
    """`sent_ids`: for each item the id the caller sent, which it keeps; None for a new one."""
    program = await desk.programs.get_locked(program_id)
    precondition.check(program.version)
    program.replace_list(kind, items, sent_ids)
    await keep_change(desk, program)
    return program
