"""Services that are away, hung, or talk for a long time."""

import asyncio
import time
from uuid import uuid4

ID = "01a20de4-c754-7412-a5ef-090a9ffced06"


async def test_a_service_that_is_away_is_503_and_the_others_answer(gateway_stack, deserted_port, is_problem):
    async with gateway_stack(ledger_url=f"http://127.0.0.1:{deserted_port}") as stack, stack.client() as client:
        started = time.monotonic()
        away = await client.get("/api/v1/blockchain/stats/")
        assert time.monotonic() - started < 5
        is_problem(away, 503, "service_unavailable")
        assert away.headers["retry-after"]
        assert (await client.get("/api/v1/programs/")).status_code == 200


async def test_a_hung_service_is_504_within_five_seconds_and_takes_no_other_with_it(
    gateway_stack, hung_service, is_problem
):
    async with (
        hung_service() as hung,
        gateway_stack(ledger_url=hung, connections_per_service_max=4) as stack,
        stack.client() as client,
    ):
        started = time.monotonic()
        waiting = [asyncio.create_task(client.get("/api/v1/blockchain/stats/")) for _ in range(8)]
        await asyncio.sleep(0.2)
        other = await client.get("/api/v1/programs/")
        assert other.status_code == 200
        assert time.monotonic() - started < 1
        answers = await asyncio.gather(*waiting)
        assert time.monotonic() - started < 11
        first = [answer for answer in answers if answer.status_code == 504]
        assert first
        is_problem(first[0], 504, "service_timeout")
        assert {answer.status_code for answer in answers} <= {503, 504}


async def test_a_post_without_a_key_is_sent_once_when_the_service_dies_in_the_middle(
    gateway_stack, dying_service, is_problem
):
    url, heard = dying_service
    async with gateway_stack(identity_url=url) as stack, stack.client() as client:
        is_problem(await client.post("/api/v1/auth/register/", json={}), 503, "service_unavailable")
    assert len(heard) == 1


async def test_a_stream_of_events_arrives_piece_by_piece(stack):
    path = f"/api/v1/applications/{ID}/ai-interview/message/"
    go_on = asyncio.Event()

    async def stream(_scope, receive, send):
        await receive()
        headers = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"event: token\ndata: {}\n\n", "more_body": True})
        await go_on.wait()
        await send({"type": "http.response.body", "body": b"event: message\ndata: {}\n\n"})

    stack.service.raw[path] = stream
    client = stack.client(stack.mint.token(uuid4()))
    async with client, client.stream("POST", path, json={"content": "hi"}) as answer:
        pieces = answer.aiter_bytes()
        assert await asyncio.wait_for(anext(pieces), 5) == b"event: token\ndata: {}\n\n"
        go_on.set()
        assert b"".join([piece async for piece in pieces]) == b"event: message\ndata: {}\n\n"
