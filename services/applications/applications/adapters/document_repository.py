"""Documents in PostgreSQL (their bytes are in object storage), and objects that wait to be deleted."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import delete, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert

from applications.adapters.tables import abandoned_objects, applications, documents
from applications.domain.document import Document
from chassis.database import UnitOfWork
from chassis.personal_data import Vault

FILE_NAME: Final = "documents.file_name"
# A signed URL that was given out a moment ago may still be in use.
GRACE: Final = timedelta(minutes=15)


class DocumentRepository:
    """Keeps the promises of `use_cases.ports.Documents`."""

    def __init__(self, work: UnitOfWork, vault: Vault) -> None:
        self._work = work
        self._connection = work.connection
        self._vault = vault

    async def of(self, application_ids: Sequence[UUID]) -> list[Document]:
        statement = (
            select(documents, applications.c.user_id)
            .join(applications, applications.c.id == documents.c.application_id)
            .where(documents.c.application_id.in_(application_ids))
            .order_by(documents.c.id)
        )
        found = []
        for row in await self._connection.execute(statement):
            name = await self._vault.find(self._connection, row.user_id, row.sealed_file_name, FILE_NAME)
            found.append(
                Document(
                    id=row.id,
                    application_id=row.application_id,
                    requirement_id=row.requirement_id,
                    object_key=row.object_key,
                    file_name=name or "",
                    content_type=row.content_type,
                    size_bytes=row.size_bytes,
                    sha256=row.sha256,
                    uploaded_at=row.created_at,
                    scan=row.scan,
                )
            )
        return found

    async def add(self, document: Document, owner_id: UUID) -> None:
        sealed = await self._vault.seal(self._connection, owner_id, document.file_name, FILE_NAME)
        await self._connection.execute(
            insert(documents).values(
                id=document.id,
                application_id=document.application_id,
                requirement_id=document.requirement_id,
                object_key=document.object_key,
                sealed_file_name=sealed,
                content_type=document.content_type,
                size_bytes=document.size_bytes,
                sha256=document.sha256,
                scan=document.scan,
                created_at=document.uploaded_at,
                updated_at=document.uploaded_at,
            )
        )

    async def remove(self, document: Document) -> None:
        await self._connection.execute(delete(documents).where(documents.c.id == document.id))
        await AbandonedObjectRepository(self._work).add(document.object_key)


class AbandonedObjectRepository:
    """Keeps the promises of `use_cases.ports.AbandonedObjects`."""

    def __init__(self, work: UnitOfWork) -> None:
        self._work = work

    async def add(self, *object_keys: str) -> None:
        rows = [{"object_key": key, "due_at": self._work.now + GRACE} for key in object_keys]
        if rows:
            await self._work.connection.execute(upsert(abandoned_objects).values(rows).on_conflict_do_nothing())

    async def expect(self, object_key: str, until: datetime) -> None:
        statement = upsert(abandoned_objects).values(object_key=object_key, due_at=until)
        await self._work.connection.execute(statement.on_conflict_do_nothing())

    async def lock_due(self) -> str | None:
        statement = select(abandoned_objects.c.object_key).where(abandoned_objects.c.due_at <= self._work.now)
        statement = statement.order_by(abandoned_objects.c.due_at).limit(1).with_for_update(skip_locked=True)
        found: str | None = await self._work.connection.scalar(statement)
        return found

    async def keep(self, object_key: str) -> bool:
        statement = delete(abandoned_objects).where(abandoned_objects.c.object_key == object_key)
        return (await self._work.connection.execute(statement)).rowcount == 1
