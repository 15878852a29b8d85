"""An admin says what applicants are asked."""

import json
from typing import Any
from uuid import UUID

from programs.domain.form_schema import check_form_schema
from programs.domain.program import Program
from programs.use_cases.keep_change import keep_change
from programs.use_cases.ports import Desk, Precondition


async def replace_form(desk: Desk, precondition: Precondition, program_id: UUID, schema: dict[str, Any]) -> Program:
    """`schema`: JSON Schema (draft 2020-12) of the answers, kept in the order it was sent in."""
    form_json = json.dumps(schema, ensure_ascii=False, separators=(",", ":"))
    check_form_schema(schema, form_json)
    program = await desk.programs.get_locked(program_id)
    precondition.check(program.version)
    program.replace_form(form_json)
    await keep_change(desk, program)
    return program
