"""A sample service on the chassis: the standard tables and one of its own, in the schema of `programs`."""

import asyncio
from collections.abc import Iterator
from typing import Annotated
from uuid import UUID

import asyncpg
import pytest
from fastapi import APIRouter, Depends, Request
from sqlalchemy import Column, String, Table, UniqueConstraint, Uuid, func, insert, select

from chassis.api.callers import AuthenticatedCaller, OptionalCaller
from chassis.api.problems import ProblemTable
from chassis.api.routing import UnitOfWorkRoute, Work, requires_idempotency_key
from chassis.api.values import Answer, Body, Name, PositiveMoney
from chassis.ids import new_id
from chassis.migrations import standard_tables_sql
from chassis.refusals import RefusalError
from chassis.service import Foundation, Parts, Service
from chassis.settings import ServiceSettings
from chassis.subscriptions import Delivery, DependencyMissingError, Subscriptions
from chassis.tables import service_metadata
from chassis.testing.servers import PostgresServer
from contracts.applications import ApplicationStarted
from contracts.feed import ReplyCreated
from contracts.programs import ProgramArchived, ProgramClosed, ProgramCreated
from local_stack.roles import provision

metadata = service_metadata()
notes = Table(
    "notes",
    metadata,
    Column("note_id", Uuid, primary_key=True),
    Column("name", String(200), nullable=False),
    UniqueConstraint("name"),
)


class SampleSettings(ServiceSettings):
    CONTEXT = "programs"


class NameTakenError(RefusalError):
    """That name is taken."""

    CODE = "name_taken"


class NoteBody(Body):
    name: Name


class PaymentBody(Body):
    name: Name
    amount: PositiveMoney


class NoteAnswer(Answer):
    note_id: UUID
    name: str


router = APIRouter(prefix="/api/v1/notes", route_class=UnitOfWorkRoute)


async def _add(work: Work, name: str) -> NoteAnswer:
    if await work.connection.scalar(select(notes.c.note_id).where(notes.c.name == name)):
        raise NameTakenError
    note = NoteAnswer(note_id=new_id(), name=name)
    await work.connection.execute(insert(notes).values(note_id=note.note_id, name=name))
    work.announce(ProgramCreated(program_id=note.note_id, currency="NGN"))
    return note


@router.post("/", status_code=201)
async def add_note(body: NoteBody, work: Work, caller: OptionalCaller) -> NoteAnswer:
    del caller
    return await _add(work, body.name)


@router.post("/paid/", status_code=201)
@requires_idempotency_key
async def pay_note(body: PaymentBody, work: Work, caller: AuthenticatedCaller) -> NoteAnswer:
    del caller
    return await _add(work, body.name)


@router.post("/broken/", status_code=201)
async def break_after_writing(body: NoteBody, work: Work) -> NoteAnswer:
    await _add(work, body.name)
    raise RuntimeError("a fault after the effect")


async def _tries(request: Request) -> list[int]:
    """One list for each running service."""
    state = request.app.state
    state.tries = getattr(state, "tries", [])
    tries: list[int] = state.tries
    return tries


Tries = Annotated[list[int], Depends(_tries)]


@router.put("/shared/")
async def share_note(body: NoteBody) -> NoteBody:
    return body


@router.get("/{note_id}/")
async def read_note(note_id: UUID, work: Work) -> NoteAnswer:
    row = (await work.connection.execute(select(notes).where(notes.c.note_id == note_id))).one()
    return NoteAnswer.model_validate(row)


@router.get("/ending/{ends}/")
@router.post("/ending/{ends}/")
async def end_own_session(ends: int, work: Work, tries: Tries) -> dict[str, int]:
    """Answers with how often it was tried; the first `ends` times its session ends while it works."""
    tries.append(ends)
    if len(tries) <= ends:
        await work.connection.execute(select(func.pg_terminate_backend(func.pg_backend_pid())))
    await work.connection.execute(select(1))
    return {"tries": len(tries)}


def build(foundation: Foundation) -> Parts:
    """Handlers: an effect per started application; a closed program waits for its note; an archived one fails."""
    del foundation
    subscriptions = Subscriptions()

    async def on_started(fact: ApplicationStarted, delivery: Delivery) -> None:
        await delivery.work.connection.execute(
            insert(notes).values(note_id=delivery.event.id, name=f"started {fact.application_id} {delivery.event.id}")
        )
        delivery.work.announce(ProgramCreated(program_id=fact.application_id, currency="NGN"))

    async def on_closed(fact: ProgramClosed, delivery: Delivery) -> None:
        if not await delivery.work.connection.scalar(select(notes.c.name).where(notes.c.note_id == fact.program_id)):
            raise DependencyMissingError(f"note {fact.program_id}")
        await delivery.work.connection.execute(
            insert(notes).values(note_id=delivery.event.id, name=f"closed {fact.program_id} {delivery.event.id}")
        )

    async def on_archived(fact: ProgramArchived, delivery: Delivery) -> None:
        await delivery.work.connection.execute(
            insert(notes).values(note_id=delivery.event.id, name=f"archived {fact.program_id}")
        )
        raise RuntimeError("this handler always fails")

    async def on_reply(fact: ReplyCreated, delivery: Delivery) -> None:
        del fact, delivery
        raise RuntimeError("this handler always fails")

    subscriptions.on(ApplicationStarted, on_started)
    subscriptions.on(ProgramClosed, on_closed)
    subscriptions.on(ProgramArchived, on_archived)
    subscriptions.on(ReplyCreated, on_reply)
    return Parts(routers=[router], problems=ProblemTable({NameTakenError: 409}), subscriptions=subscriptions)


SAMPLE = Service(
    context="programs",
    version="0.0.0",
    description="A sample.",
    settings=SampleSettings,
    metadata=metadata,
    build=build,
)


async def _create_tables(url: str) -> None:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        for statement in (*standard_tables_sql(1), *standard_tables_sql(2)):
            await connection.execute(statement)
        await connection.execute("CREATE TABLE notes (note_id uuid PRIMARY KEY, name varchar(200) NOT NULL UNIQUE)")
    finally:
        await connection.close()


@pytest.fixture(scope="session")
def sample_template(postgres_server: PostgresServer) -> str:
    """A database with the sample's tables, to copy from."""
    urls = asyncio.run(provision(postgres_server.admin_url, "template_sample", postgres_server.passwords))
    asyncio.run(_create_tables(urls["programs_migrator"]))
    return "template_sample"


@pytest.fixture
def sample_urls(postgres_server: PostgresServer, sample_template: str) -> Iterator[dict[str, str]]:
    """URLs by role of a new database with the sample's tables."""
    name = f"sample_{new_id().hex[-12:]}"
    made = provision(postgres_server.admin_url, name, postgres_server.passwords, template=sample_template)
    yield {**asyncio.run(made), "admin": postgres_server.database_admin_url(name)}
    postgres_server.drop(name)


@pytest.fixture
def sample_service() -> Service:
    return SAMPLE
