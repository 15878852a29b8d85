"""The draft is saved as it is typed: the answers given replace those there were."""

from typing import Any

from applications.domain.application import Application
from applications.domain.form import errors_in_draft
from applications.domain.refusals import FieldRefusalError
from applications.use_cases.ports import Desk


async def save_draft(desk: Desk, application: Application, answers: dict[str, Any]) -> None:
    """The application must be locked.

    Raises:
        IllegalStateError: not a draft any more.
        FieldRefusalError: an answer has the wrong type or is too long.
    """
    application.edit_answers(answers)
    program = await desk.programs.find(application.program_id)
    errors = errors_in_draft(program.form if program else None, answers)
    if errors:
        raise FieldRefusalError(errors)
    await desk.applications.save_answers(application)
