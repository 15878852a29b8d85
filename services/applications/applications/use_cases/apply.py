"""A member applies to a programme that is open: a draft begins."""

from typing import Any
from uuid import UUID

from applications.domain.application import Application, Status
from applications.domain.form import errors_in_draft
from applications.domain.refusals import FieldRefusalError, NotFoundError
from applications.use_cases.ports import Desk
from chassis.ids import new_id


async def apply(desk: Desk, program_id: UUID, user_id: UUID, answers: dict[str, Any]) -> Application:
    """Raises NotFoundError, ProgramNotOpenError, ApplicationExistsError, FieldRefusalError."""
    program = await desk.programs.find(program_id)
    if program is None:
        raise NotFoundError
    program.require_open(desk.now)
    errors = errors_in_draft(program.form, answers)
    if errors:
        raise FieldRefusalError(errors)
    application = Application(
        id=new_id(),
        program_id=program_id,
        user_id=user_id,
        status=Status.DRAFT,
        version=1,
        answers=answers,
        created_at=desk.now,
        updated_at=desk.now,
    )
    await desk.applications.add(application)
    desk.announce.started(application)
    return application
