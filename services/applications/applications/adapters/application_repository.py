"""Applications in PostgreSQL: their answers sealed under the applicant's key, every save one version on."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import exists, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.engine import Row
from sqlalchemy.exc import IntegrityError

from applications.adapters.sealing import seal_or_forget
from applications.adapters.tables import application_history, applications
from applications.domain.application import Application, Status, TimelineEntry
from applications.domain.refusals import ApplicationExistsError, NotFoundError
from chassis.database import UnitOfWork
from chassis.ids import new_id
from chassis.personal_data import Vault
from chassis.tables import user_standings

ANSWERS = "applications.answers"
REASON = "application_history.reason"
LIVE_INDEX = "uq_applications_live"


class ApplicationRepository:
    """Keeps the promises of `use_cases.ports.Applications`."""

    def __init__(self, work: UnitOfWork, vault: Vault) -> None:
        self._work = work
        self._connection = work.connection
        self._vault = vault

    async def add(self, application: Application) -> None:
        values = {**_columns(application), "id": application.id, "sealed_answers": await self._seal(application)}
        values |= {"program_id": application.program_id, "user_id": application.user_id}
        values |= {"version": application.version, "created_at": application.created_at}
        # The partial unique index decides, also between two requests at once.
        statement = upsert(applications).values(values).on_conflict_do_nothing().returning(applications.c.id)
        if await self._connection.scalar(statement) is None:
            raise ApplicationExistsError
        await self.note(application, "application_started")

    async def find(self, application_id: UUID) -> Application | None:
        row = (await self._connection.execute(select(applications).where(applications.c.id == application_id))).first()
        return None if row is None else await self._read(row)

    async def get_locked(self, application_id: UUID) -> Application:
        # NO KEY UPDATE: rows that refer to it (documents, messages) may still be written by others.
        statement = select(applications).where(applications.c.id == application_id).with_for_update(key_share=True)
        row = (await self._connection.execute(statement)).first()
        if row is None:
            raise NotFoundError
        return await self._read(row)

    async def get_owned(self, application_id: UUID, user_id: UUID, *, locked: bool = False) -> Application:
        statement = select(applications).where(applications.c.id == application_id, applications.c.user_id == user_id)
        row = (
            await self._connection.execute(statement.with_for_update(key_share=True) if locked else statement)
        ).first()
        if row is None:
            raise NotFoundError
        return await self._read(row)

    async def page_of_owner(self, user_id: UUID, before: UUID | None, limit: int) -> list[Application]:
        statement = select(applications).where(applications.c.user_id == user_id)
        if before is not None:
            statement = statement.where(applications.c.id < before)
        rows = (await self._connection.execute(statement.order_by(applications.c.id.desc()).limit(limit + 1))).all()
        return [await self._read(row) for row in rows]

    async def save(self, application: Application, event: str | None = None, reason: str | None = None) -> None:
        application.version += 1
        application.updated_at = self._work.now
        values = {**_columns(application), "version": application.version}
        changing = update(applications).where(applications.c.id == application.id).values(values)
        try:
            await self._connection.execute(changing)
        except IntegrityError as error:
            # A rejected application that lives again meets the one its owner has started meanwhile.
            if LIVE_INDEX in str(error.orig):
                raise ApplicationExistsError from error
            raise
        if event is not None:
            await self.note(application, event, reason)

    async def save_answers(self, application: Application) -> None:
        sealed = await self._seal(application)
        statement = update(applications).where(applications.c.id == application.id).values(sealed_answers=sealed)
        await self._connection.execute(statement)
        await self.save(application)

    async def note(self, application: Application, event: str, reason: str | None = None) -> None:
        sealed = await seal_or_forget(self._vault, self._connection, application.user_id, reason, REASON)
        await self._connection.execute(
            insert(application_history).values(
                id=new_id(),
                application_id=application.id,
                event=event,
                status=application.status,
                sealed_reason=sealed,
                at=self._work.now,
            )
        )

    async def timeline(self, application: Application) -> list[TimelineEntry]:
        statement = select(application_history).where(application_history.c.application_id == application.id)
        entries = []
        for row in await self._connection.execute(statement.order_by(application_history.c.id)):
            reason = await self._vault.find(self._connection, application.user_id, row.sealed_reason, REASON)
            entries.append(TimelineEntry(row.event, row.status, row.at, reason))
        return entries

    async def set_blocks(self, hashes: Mapping[UUID, str]) -> None:
        # Most blocks are not about our decisions: look first, in one statement for the batch; lock in one order.
        statement = select(applications.c.id, applications.c.decision_event_id).where(
            applications.c.decision_event_id.in_(hashes)
        )
        for row in (await self._connection.execute(statement.order_by(applications.c.id).with_for_update())).all():
            values = {"blockchain_hash": hashes[row.decision_event_id], "updated_at": self._work.now}
            changing = update(applications).where(applications.c.id == row.id)
            await self._connection.execute(changing.values(**values, version=applications.c.version + 1))

    async def live_of(self, user_id: UUID) -> list[UUID]:
        over = ("approved", "rejected", "withdrawn")
        statement = select(applications.c.id).where(
            applications.c.user_id == user_id, applications.c.status.not_in(over)
        )
        return list((await self._connection.scalars(statement.order_by(applications.c.id))).all())

    async def lock_all_of(self, user_id: UUID) -> None:
        statement = select(applications.c.id).where(applications.c.user_id == user_id)
        await self._connection.execute(statement.order_by(applications.c.id).with_for_update(key_share=True))

    async def is_erased(self, user_id: UUID) -> bool:
        standing = exists().where(user_standings.c.user_id == user_id, user_standings.c.erased)
        return bool(await self._connection.scalar(select(standing)))

    async def _seal(self, application: Application) -> bytes:
        plain = json.dumps(application.answers, ensure_ascii=False, allow_nan=False)
        return await self._vault.seal(self._connection, application.user_id, plain, ANSWERS)

    async def _read(self, row: Row[Any]) -> Application:
        opened = await self._vault.find(self._connection, row.user_id, row.sealed_answers, ANSWERS)
        return Application(
            id=row.id,
            program_id=row.program_id,
            user_id=row.user_id,
            status=Status(row.status),
            version=row.version,
            # Nothing is left of the answers of a person who has been erased.
            answers={} if opened is None else json.loads(opened),
            created_at=row.created_at,
            updated_at=row.updated_at,
            interview_started_at=row.interview_started_at,
            submitted_at=row.submitted_at,
            reviewed_at=row.reviewed_at,
            approved_at=row.approved_at,
            final_score=row.final_score,
            decision_event_id=row.decision_event_id,
            blockchain_hash=row.blockchain_hash,
        )


def _columns(application: Application) -> dict[str, Any]:
    """The columns that change with the application, but for version and answers."""
    return {
        "status": application.status.value,
        "updated_at": application.updated_at,
        "interview_started_at": application.interview_started_at,
        "submitted_at": application.submitted_at,
        "reviewed_at": application.reviewed_at,
        "approved_at": application.approved_at,
        "final_score": application.final_score,
        "decision_event_id": application.decision_event_id,
        "blockchain_hash": application.blockchain_hash,
    }
