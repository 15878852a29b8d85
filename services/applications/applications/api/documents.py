"""The documents of an application."""

import re
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, File, Form, Query, UploadFile

from applications.api.answers import DocumentAnswer, document_answer
from applications.api.dependencies import DeskDependency, WiringDependency
from applications.use_cases.add_document import add_document, remove_document
from chassis.api.callers import AuthenticatedCaller
from chassis.api.pages import Page
from chassis.api.problems import ProblemError
from chassis.api.routing import DocumentRoute

router = APIRouter(prefix="/api/v1/applications", tags=["applications"], route_class=DocumentRoute)

# Paths, separators and control characters have no place in a name that is shown again.
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff/\\]+")
FILE_NAME_CHARACTERS_MAX = 200


def _file_name(given: str | None) -> str:
    return _UNSAFE.sub("_", given or "").strip()[:FILE_NAME_CHARACTERS_MAX] or "document"


@router.get("/{application_id}/documents/")
async def list_documents(
    application_id: UUID, caller: AuthenticatedCaller, desk: DeskDependency, wired: WiringDependency
) -> Page[DocumentAnswer]:
    """All of them: there are at most 20."""
    application = await desk.applications.get_owned(application_id, caller.user_id)
    documents = await desk.documents.of([application.id])
    return Page[DocumentAnswer](items=[await document_answer(wired, each) for each in documents], next_cursor=None)


@router.post("/{application_id}/documents/", status_code=201)
async def upload_document(
    application_id: UUID,
    *,
    caller: AuthenticatedCaller,
    desk: DeskDependency,
    wired: WiringDependency,
    requirement_id: Annotated[UUID, Form()],
    file: Annotated[UploadFile, File(description="pdf, jpg or png, by its content")],
) -> DocumentAnswer:
    """Add a document to a draft."""
    application = await desk.applications.get_owned(application_id, caller.user_id, locked=True)
    content = await file.read()
    if len(content) > wired.settings.document_size_bytes_max:
        detail = f"A document has at most {wired.settings.document_size_bytes_max} bytes."
        raise ProblemError(413, "body_too_large", detail)
    document = await add_document(
        desk,
        wired.storage,
        application,
        requirement_id=requirement_id,
        file_name=_file_name(file.filename),
        content=content,
        documents_max=wired.settings.documents_max,
    )
    return await document_answer(wired, document)


@router.delete("/{application_id}/documents/{document_id}/", status_code=204)
async def delete_document(
    application_id: UUID, document_id: UUID, caller: AuthenticatedCaller, desk: DeskDependency
) -> None:
    """Take a document back from a draft."""
    application = await desk.applications.get_owned(application_id, caller.user_id, locked=True)
    await remove_document(desk, application, document_id)


@router.delete("/{application_id}/documents/", status_code=204)
async def delete_document_by_query(
    application_id: UUID, document_id: Annotated[UUID, Query()], caller: AuthenticatedCaller, desk: DeskDependency
) -> None:
    """The same, with the document named in the query."""
    application = await desk.applications.get_owned(application_id, caller.user_id, locked=True)
    await remove_document(desk, application, document_id)
