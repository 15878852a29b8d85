"""The first video freezes the answers: they and the documents must be complete, and the applicant eligible."""

from applications.domain.application import Application
from applications.domain.document import Document
from applications.domain.form import Errors, errors_in_answers, errors_in_eligibility
from applications.domain.program import Program
from applications.domain.refusals import FormIncompleteError
from applications.use_cases.ports import Desk


def errors_in_documents(program: Program, documents: list[Document]) -> Errors:
    """Required documents that are missing: (field, code, message) each."""
    given = {document.requirement_id for document in documents}
    return [
        (f"documents.{requirement.id}", "missing", f"the document `{requirement.name}` must be uploaded")
        for requirement in program.requirements
        if requirement.required and requirement.id not in given
    ]


async def require_complete(desk: Desk, application: Application) -> None:
    """Refuse unless answers and documents are all there; moves nothing.

    Raises:
        FormIncompleteError: with every missing or wrong field at once.
        ProgramNotOpenError: the programme's dates are over.
    """
    program = await desk.programs.find(application.program_id)
    if program is None:
        raise FormIncompleteError([("program_id", "unknown", "the programme is not known here")])
    program.require_open(desk.now)
    documents = await desk.documents.of([application.id])
    errors = [
        *errors_in_answers(program.form, application.answers),
        *errors_in_eligibility(program.qualifications, application.answers),
        *errors_in_documents(program, documents),
    ]
    if errors:
        raise FormIncompleteError(errors, "Answers or documents are missing or do not fit.")


async def freeze_answers(desk: Desk, application: Application) -> None:
    """Before a video is taken: a draft is checked and moves to `video_pending`; in `video_pending` nothing changes.

    The application must be locked; the caller saves it.

    Raises:
        FormIncompleteError, ProgramNotOpenError
        IllegalStateError: neither draft nor video_pending.
    """
    if application.status == "draft":
        await require_complete(desk, application)
    application.attach_video()
