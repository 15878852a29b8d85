"""A document is added to a draft, or taken back from one."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final
from uuid import UUID

from applications.domain.application import Application, Status
from applications.domain.document import Document, content_type_of
from applications.domain.refusals import FieldRefusalError, NotFoundError, TooManyDocumentsError
from applications.domain.storage import ObjectStorage, StorageUnavailableError, application_prefix
from applications.use_cases.ports import Desk
from chassis.ids import new_id

# 20 MiB take a second; a storage that hangs must not hold the application's lock and a connection for long.
STORE_SECONDS_MAX: Final = 20


async def _one(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def add_document(
    desk: Desk,
    storage: ObjectStorage,
    application: Application,
    *,
    requirement_id: UUID,
    file_name: str,
    content: bytes,
    documents_max: int,
) -> Document:
    """The application must be locked. The bytes are stored last, when everything else has agreed.

    Raises:
        IllegalStateError: not a draft.
        FieldRefusalError: unknown requirement, or a content that is no pdf, jpg or png.
        TooManyDocumentsError, StorageUnavailableError
    """
    application.require(Status.DRAFT)
    program = await desk.programs.find(application.program_id)
    if program is None or requirement_id not in {each.id for each in program.requirements}:
        raise FieldRefusalError([("requirement_id", "unknown", "the programme does not ask for such a document")])
    content_type = content_type_of(content)
    if content_type is None:
        message = "must be a whole pdf, jpg or png by its content"
        raise FieldRefusalError([("file", "unsupported_content", message)])
    if len(await desk.documents.of([application.id])) >= documents_max:
        raise TooManyDocumentsError(f"An application has room for {documents_max} documents: delete one first.")
    document_id = new_id()
    key = f"{application_prefix(application.user_id, application.id)}documents/{document_id}"
    try:
        async with asyncio.timeout(STORE_SECONDS_MAX):
            stored = await storage.put_stream(key, _one(content), len(content), content_type)
    except TimeoutError as error:
        raise StorageUnavailableError from error
    document = Document(
        id=document_id,
        application_id=application.id,
        requirement_id=requirement_id,
        object_key=key,
        file_name=file_name,
        content_type=content_type,
        size_bytes=stored.size_bytes,
        sha256=stored.sha256,
        uploaded_at=desk.now,
    )
    await desk.documents.add(document, application.user_id)
    await desk.applications.note(application, "document_added")
    return document


async def remove_document(desk: Desk, application: Application, document_id: UUID) -> None:
    """The application must be locked.

    Raises:
        IllegalStateError: not a draft.
        NotFoundError
    """
    application.require(Status.DRAFT)
    for document in await desk.documents.of([application.id]):
        if document.id == document_id:
            await desk.documents.remove(document)
            await desk.applications.note(application, "document_removed")
            return
    raise NotFoundError
