"""`/applications/{id}/video/`: a video streamed through, or put straight into object storage by signed addresses."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Annotated, Any, Final
from uuid import UUID

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import Field, StringConstraints

from applications.api.dependencies import DeskDependency, Wiring, WiringDependency
from applications.api.file_part import stream_file_part
from applications.api.video_answer import video_answer
from applications.domain.storage import ObjectTooLargeError
from applications.domain.video import SIGNATURE_BYTES, ContentType, NotAVideoError, content_type_of
from applications.domain.video_record import Video
from applications.use_cases.complete_upload import check_arrival, complete_upload, find_upload
from applications.use_cases.receive_video import receive_video, require_room_for_video, video_key
from applications.use_cases.request_upload import request_upload
from chassis.api.callers import AuthenticatedCaller, Caller
from chassis.api.problems import ProblemError
from chassis.api.routing import OwnWorkRoute, UnitOfWorkRoute, idempotency_of, replayed
from chassis.api.values import Body
from chassis.database import Database
from chassis.idempotency import StoredAnswer
from chassis.ids import new_id

PREFIX: Final = "/api/v1/applications"
# Boundaries and part headers round the file.
FRAMING_BYTES_MAX: Final = 64 * 1024
# 09-values: an upload may take hours, as long as bytes come; what is not referred to after two days is deleted.
UPLOAD_TIME_MAX: Final = timedelta(hours=48)

streamed = APIRouter(prefix=PREFIX, tags=["applications"])
addressed = APIRouter(prefix=PREFIX, tags=["applications"], route_class=UnitOfWorkRoute)
completed = APIRouter(prefix=PREFIX, tags=["applications"], route_class=OwnWorkRoute)

_MULTIPART: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            }
        },
    }
}


@streamed.post("/{application_id}/video/", status_code=202, openapi_extra=_MULTIPART)
async def upload_video(
    application_id: UUID, request: Request, caller: AuthenticatedCaller, wired: WiringDependency
) -> Response:
    """Multipart with one part `file`: mp4, mov or webm, up to 2 GiB. Answered 202; the worker looks at it next."""
    database: Database = request.app.state.database
    size_bytes_max = wired.settings.video_size_bytes_max
    async with database.unit_of_work() as work:
        # Before the first byte is read: whose it is, and whether its state allows it.
        desk = wired.open_desk(work)
        application = await desk.applications.get_owned(application_id, caller.user_id)
        await require_room_for_video(desk, application)
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > size_bytes_max + FRAMING_BYTES_MAX:
        raise ProblemError(413, "body_too_large", f"A video has at most {size_bytes_max} bytes.")
    chunks = stream_file_part(request, "file")
    head = await _read_head(chunks)
    content_type = content_type_of(head)
    if content_type is None:
        raise NotAVideoError
    video_id = new_id()
    key = video_key(application, video_id)
    async with database.unit_of_work() as work:
        await wired.open_desk(work).abandoned_objects.expect(key, work.now + UPLOAD_TIME_MAX)
    try:
        stored = await wired.storage.put_stream(key, _rejoined(head, chunks), size_bytes_max, content_type)
        key_of_request = idempotency_of(request, caller.user_id, stored.sha256.encode())
        async with database.unit_of_work() as work:
            known = await key_of_request.find_answer(work.connection) if key_of_request else None
            if known is None:
                desk = wired.open_desk(work)
                application = await desk.applications.get_owned(application_id, caller.user_id, locked=True)
                video = await receive_video(
                    desk, application, video_id=video_id, content_type=content_type, stored=stored
                )
                body = await _body(wired, video)
                if key_of_request is not None:
                    answer = StoredAnswer(202, {"content-type": "application/json"}, body)
                    await key_of_request.store(work.connection, answer)
    except Exception as error:
        await _discard(database, wired, key)
        if isinstance(error, ObjectTooLargeError):
            raise ProblemError(413, "body_too_large", error.detail, headers={"Connection": "close"}) from error
        raise
    if known is not None:
        await _discard(database, wired, key)
        return replayed(known)
    return Response(body, 202, media_type="application/json")


async def _read_head(chunks: AsyncIterator[bytes]) -> bytes:
    """At least the bytes that tell a video from other things, unless the file is shorter."""
    head = b""
    async for chunk in chunks:
        head += chunk
        if len(head) >= SIGNATURE_BYTES:
            break
    return head


async def _rejoined(head: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield head
    async for chunk in rest:
        yield chunk


async def _discard(database: Database, wired: Wiring, key: str) -> None:
    """The object is not wanted: the worker deletes it soon, rather than in two days."""
    async with database.unit_of_work() as work:
        objects = wired.open_desk(work).abandoned_objects
        await objects.keep(key)
        await objects.add(key)


async def _body(wired: Wiring, video: Video) -> bytes:
    return orjson.dumps(await video_answer(wired, video))


class UploadRequest(Body):
    """What is going to be put at the signed address."""

    content_type: ContentType
    size_bytes: Annotated[int, Field(ge=1)]
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class UploadCompletion(Body):
    upload_id: UUID


@addressed.post("/{application_id}/video/upload-url/")
async def request_upload_url(
    application_id: UUID,
    body: UploadRequest,
    caller: AuthenticatedCaller,
    desk: DeskDependency,
    wired: WiringDependency,
) -> dict[str, Any]:
    """A signed address to PUT the file to; over 64 MiB one for each part, in order, 64 MiB each but the last."""
    if body.size_bytes > wired.settings.video_size_bytes_max:
        raise ProblemError(413, "body_too_large", f"A video has at most {wired.settings.video_size_bytes_max} bytes.")
    application = await desk.applications.get_owned(application_id, caller.user_id, locked=True)
    seconds = wired.settings.signed_url_seconds
    upload = await request_upload(
        desk,
        wired.storage,
        application,
        content_type=body.content_type,
        size_bytes=body.size_bytes,
        sha256=body.sha256,
        expires_seconds=seconds,
    )
    answer: dict[str, Any] = {
        "upload_id": str(upload.video.id),
        "method": "PUT",
        "url": upload.url,
        "headers": {},
        "expires_in": seconds,
    }
    if upload.parts:
        answer["parts"] = [{"number": part.number, "url": part.url} for part in upload.parts]
    return answer


@completed.post("/{application_id}/video/complete/", status_code=202)
async def complete_video_upload(
    application_id: UUID,
    body: UploadCompletion,
    request: Request,
    caller: AuthenticatedCaller,
    wired: WiringDependency,
) -> Response:
    """The file is there. Saying so again answers the same: the video as it is now."""
    database: Database = request.app.state.database
    async with database.unit_of_work() as work:
        video = await _owned_upload(wired, work, application_id, body.upload_id, caller)
    content_type = video.content_type
    if video.status == "awaiting_upload":
        content_type = await check_arrival(wired.storage, video)
    async with database.unit_of_work() as work:
        desk = wired.open_desk(work)
        application = await desk.applications.get_owned(application_id, caller.user_id, locked=True)
        video = await find_upload(desk, application, body.upload_id)
        await complete_upload(desk, application, video, content_type)
        answer = await _body(wired, video)
    return Response(answer, 202, media_type="application/json")


async def _owned_upload(wired: Wiring, work: Any, application_id: UUID, upload_id: UUID, caller: Caller) -> Video:
    desk = wired.open_desk(work)
    application = await desk.applications.get_owned(application_id, caller.user_id)
    return await find_upload(desk, application, upload_id)
