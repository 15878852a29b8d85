"""The interview and the dashboard over a socket."""

import json
from typing import Any
from uuid import uuid4

from contracts import applications


async def test_a_message_of_the_interview_is_answered_in_tokens_and_then_whole(live, applicant, opened):
    path = f"/api/v1/applications/{applicant.application_id}/ai-interview/message/"
    heard: list[bytes] = []

    async def answer(_scope: Any, receive: Any, send: Any) -> None:
        heard.append((await receive())["body"])
        headers = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for event in (
            b'event: token\ndata: {"delta":"Good "}\n\n',
            b'event: token\ndata: {"delta":"day"}\n\n',
            b'event: message\ndata: {"assistant_message":{"content":"Good day"},"completed":false}\n\n',
        ):
            await send({"type": "http.response.body", "body": event, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    live.service.raw[path] = answer
    async with opened(live, f"/ws/ai-interview/{applicant.application_id}/", applicant.token) as socket:
        await socket.welcomed()
        await socket.send({"type": "message", "content": "Hello"})
        frames = [await socket.said() for _ in range(3)]
    assert [json.loads(body) for body in heard] == [{"content": "Hello"}]
    assert [frame["type"] for frame in frames] == ["token", "token", "message"]
    assert frames[0]["delta"] == "Good "
    assert frames[2]["assistant_message"] == {"content": "Good day"}
    assert frames[2]["completed"] is False


async def test_what_the_interview_refuses_is_an_error_frame(live, applicant, answer_of, opened):
    path = f"/api/v1/applications/{applicant.application_id}/ai-interview/message/"
    problem = {"code": "illegal_state", "detail": "Over.", "status": 409}
    live.service.on("POST", path, answer_of(status=409, content=problem))
    async with opened(live, f"/ws/ai-interview/{applicant.application_id}/", applicant.token) as socket:
        await socket.welcomed()
        await socket.send({"type": "message", "content": "Hello"})
        frame = await socket.said()
    assert (frame["type"], frame["code"], frame["status"]) == ("error", "illegal_state", 409)


async def test_the_dashboard_begins_with_a_snapshot_and_goes_on_with_what_changed(
    live, applicant, announcer, answer_of, opened
):
    path = "/api/v1/executive/dashboard/"
    snapshot = {"queue_sizes": {"under_review": 1}, "my_pending_reviews": 1, "at": "2026-01-01T00:00:00Z"}
    live.service.on("GET", path, answer_of(content=snapshot))
    recused = applicant.fact(
        applications.ExecutiveRecused, "under_review", executive_id=uuid4(), recused_user_id=uuid4()
    )
    async with opened(live, "/ws/executive/dashboard/", live.mint.token(uuid4(), "executive")) as socket:
        await socket.welcomed()
        first = await socket.said()
        assert (first["type"], first["data"]) == ("snapshot", snapshot)
        live.service.on("GET", path, answer_of(content={**snapshot, "my_pending_reviews": 0, "at": "later"}))
        await announcer.say(recused)
        delta = await socket.said()
        assert (delta["type"], delta["data"]) == ("delta", {"my_pending_reviews": 0})
        # Another board's event changes nothing here, and nothing of it is shown.
        await announcer.say(recused)
        await socket.quiet(1.5)
        live.service.on("GET", path, answer_of(status=403, content={}))
        await announcer.say(recused)
        assert await socket.close_code() == 4003
    async with opened(live, "/ws/executive/dashboard/", live.mint.token(uuid4())) as socket:
        assert await socket.close_code() == 4003
