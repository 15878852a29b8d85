"""`/applications/{id}/ai-interview/`: started, read, answered (as JSON or as a stream of events), contested."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, Final
from uuid import UUID

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import Response

from applications.api.dependencies import DeskDependency, Wiring, WiringDependency
from applications.api.message_answer import interview_body, message_body
from applications.api.server_sent_events import Item, event_stream
from applications.domain.interview import Exchange, InterviewerUnavailableError, Turn
from applications.domain.interview_record import Recorded
from applications.use_cases.answer_interview import (
    Asked,
    get_interview,
    pause_interview,
    record_answer,
    record_turn,
)
from applications.use_cases.contest_flag import contest_flag
from applications.use_cases.start_interview import begin_interview, prepare_interview
from chassis.api.callers import AuthenticatedCaller
from chassis.api.pages import PageParameters, page_of
from chassis.api.problems import ProblemError
from chassis.api.routing import OwnWorkRoute, UnitOfWorkRoute, idempotency_of, replayed
from chassis.api.values import Body, Empty, Reason, RequiredText
from chassis.database import Database
from chassis.idempotency import IdempotencyKey, StoredAnswer
from chassis.refusals import FieldRefusalError

PREFIX: Final = "/api/v1/applications/{application_id}/ai-interview"
# A model that is away is rarely back sooner; the applicant has the message still in front of them.
RETRY_AFTER_SECONDS: Final = 5

conversation = APIRouter(prefix=PREFIX, tags=["ai-interview"], route_class=OwnWorkRoute)
records = APIRouter(prefix=PREFIX, tags=["ai-interview"], route_class=UnitOfWorkRoute)


class Answer(Body):
    """What the applicant says; up to 4,000 characters."""

    content: RequiredText


@conversation.post("/", status_code=201)
async def start_interview(
    application_id: UUID, body: Empty, request: Request, caller: AuthenticatedCaller, wired: WiringDependency
) -> Response:
    """Begins the interview and asks the first question. Needs a ready video; there is no way back to the draft."""
    del body
    database: Database = request.app.state.database
    key = idempotency_of(request, caller.user_id, await request.body())
    async with database.unit_of_work() as work:
        stored = await key.find_answer(work.connection) if key else None
    if stored is not None:
        return replayed(stored)
    # Read only: nothing has begun before there is a first question.
    async with database.unit_of_work() as work:
        desk = wired.open_desk(work)
        application = await desk.applications.get_owned(application_id, caller.user_id)
        exchange = await prepare_interview(desk, application, wired.interview_caps)
    try:
        turn = await _ask(wired, exchange)
    except InterviewerUnavailableError as error:
        raise _unavailable(error) from error
    async with database.unit_of_work() as work:
        desk = wired.open_desk(work)
        application = await desk.applications.get_owned(application_id, caller.user_id, locked=True)
        interview, question = await begin_interview(desk, application, wired.interviewer, turn, wired.interview_caps)
        first = message_body(Recorded(question, 1))
        answer = orjson.dumps({"interview": interview_body(interview), "message": first})
        await _store(key, work.connection, 201, answer)
    return Response(answer, 201, media_type="application/json")


@records.get("/messages/")
async def list_messages(
    application_id: UUID, query: PageParameters, caller: AuthenticatedCaller, desk: DeskDependency
) -> dict[str, Any]:
    """The conversation in order, as it was recorded."""
    application = await desk.applications.get_owned(application_id, caller.user_id)
    interview = await get_interview(desk, application)
    position = query.position(int)
    after = 0 if position is None else position[0]
    # An interview has at most 25 messages: cut here, not in the database.
    recorded = [each for each in await desk.interviews.recorded(interview, caller.user_id) if each.position > after]
    page = page_of(recorded[: query.limit + 1], query.limit, item=message_body, key=lambda each: (each.position,))
    return {"interview": interview_body(interview), **page}


@conversation.post(
    "/message/",
    responses={
        200: {
            "description": "Both messages; with `Accept: text/event-stream` as events `token` …, `message`.",
            "content": {"application/json": {}, "text/event-stream": {"schema": {"type": "string"}}},
        }
    },
)
async def answer_interview(
    application_id: UUID, body: Answer, request: Request, caller: AuthenticatedCaller, wired: WiringDependency
) -> Response:
    """Answers the last question. What you say is kept even when the interviewer is away (503): send it again then."""
    if len(body.content) > wired.interview_caps.message_characters:
        message = f"must have at most {wired.interview_caps.message_characters} characters"
        raise FieldRefusalError([("content", "string_too_long", message)])
    database: Database = request.app.state.database
    key = idempotency_of(request, caller.user_id, await request.body())
    async with database.unit_of_work() as work:
        stored = await key.find_answer(work.connection) if key else None
        if stored is None:
            desk = wired.open_desk(work)
            application = await desk.applications.get_owned(application_id, caller.user_id, locked=True)
            asked = await record_answer(desk, application, body.content, wired.interview_caps)
    wants_stream = "text/event-stream" in request.headers.get("accept", "")
    if stored is not None:
        if wants_stream:
            return await event_stream(_once(("message", stored.body)))
        return replayed(stored)
    items = _converse(database, wired, application_id=application_id, user_id=caller.user_id, asked=asked, key=key)
    if wants_stream:
        return await event_stream(items)
    answer = b""
    async for name, data in items:
        if name == "message":
            answer = data
    return Response(answer, 200, media_type="application/json")


@records.post("/messages/{message_id}/contest/", status_code=201)
async def contest(
    application_id: UUID, message_id: UUID, body: Reason, caller: AuthenticatedCaller, desk: DeskDependency
) -> dict[str, Any]:
    """Says why a flag on one of your answers is wrong; the board reads it beside the flag."""
    application = await desk.applications.get_owned(application_id, caller.user_id, locked=True)
    recorded = await contest_flag(desk, application, message_id, body.reason)
    return message_body(recorded)


async def _converse(
    database: Database,
    wired: Wiring,
    *,
    application_id: UUID,
    user_id: UUID,
    asked: Asked,
    key: IdempotencyKey | None,
) -> AsyncIterator[Item]:
    """`token` for each piece of the reply, then `message` with what has been recorded."""
    turn: Turn | None = None
    try:
        async with aclosing(wired.interviewer.speak(asked.exchange)) as pieces:
            async for piece in pieces:
                if isinstance(piece, str):
                    yield "token", orjson.dumps({"delta": piece})
                else:
                    turn = piece
        if turn is None:
            raise InterviewerUnavailableError
    except InterviewerUnavailableError as error:
        async with database.unit_of_work() as work:
            desk = wired.open_desk(work)
            await pause_interview(desk, await desk.applications.get_locked(application_id), asked)
        raise _unavailable(error) from error
    async with database.unit_of_work() as work:
        desk = wired.open_desk(work)
        application = await desk.applications.get_owned(application_id, user_id, locked=True)
        replied = await record_turn(desk, application, asked, turn)
        answer = orjson.dumps(
            {
                "user_message": message_body(replied.user_message),
                "assistant_message": message_body(replied.assistant_message),
                "completed": replied.completed,
            }
        )
        await _store(key, work.connection, 200, answer)
    yield "message", answer


async def _ask(wired: Wiring, exchange: Exchange) -> Turn:
    async with aclosing(wired.interviewer.speak(exchange)) as pieces:
        async for piece in pieces:
            if isinstance(piece, Turn):
                return piece
    raise InterviewerUnavailableError


async def _once(item: Item) -> AsyncIterator[Item]:
    yield item


async def _store(key: IdempotencyKey | None, connection: Any, status: int, answer: bytes) -> None:
    """Keep the answer with its effect; the key is locked here, for the one that found it free is committed."""
    if key is not None and await key.find_answer(connection) is None:
        await key.store(connection, StoredAnswer(status, {"content-type": "application/json"}, answer))


def _unavailable(error: InterviewerUnavailableError) -> ProblemError:
    return ProblemError(503, error.CODE, error.detail, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})
