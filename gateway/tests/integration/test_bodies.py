"""Requests as they arrive: their size, their pace, uploads that stream through."""

import asyncio
import hashlib
import json
import os
import time
from pathlib import Path
from uuid import uuid4

import pytest

ID = "01a20de4-c754-7412-a5ef-090a9ffced06"


async def test_304_and_head_come_without_a_body_and_keep_the_connection(stack, answer_of):
    stack.service.on("GET", "/api/v1/programs/", answer_of(status=304, content=b"", headers=[("ETag", '"7"')]))
    stack.service.on("HEAD", "/api/v1/posts/feed/", answer_of(content={"items": []}))
    async with stack.client() as client:
        cached = await client.get("/api/v1/programs/", headers={"If-None-Match": '"7"'})
        head = await client.head("/api/v1/posts/feed/")
        after = await client.get("/api/v1/blockchain/stats/")
    assert (cached.status_code, cached.content, cached.headers["etag"]) == (304, b"", '"7"')
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == "13"
    assert after.status_code == 200


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        b"Content-Length: +3\r\n\r\nabc",
        b"Transfer-Encoding: xchunked\r\n\r\nabc",
        b"Bad Header: 1\r\n\r\n",
        b"Host: another\r\n\r\n",
    ],
)
async def test_a_request_whose_end_is_ambiguous_is_400_and_reaches_no_service(stack, request_bytes):
    answer = await stack.raw(b"POST /api/v1/auth/register/ HTTP/1.1\r\nHost: x\r\n" + request_bytes)
    assert answer.startswith(b"HTTP/1.1 400 ")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head
    assert json.loads(body)["status"] == 400
    assert stack.service.seen == []


async def test_too_many_or_too_long_headers_are_431(stack):
    long = await stack.raw(b"GET /api/v1/ HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 40_000 + b"\r\n\r\n")
    many = await stack.raw(
        b"GET /api/v1/ HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X-H%d: 1\r\n" % n for n in range(200)) + b"\r\n"
    )
    target = await stack.raw(b"GET /api/v1/?q=" + b"a" * 10_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n")
    for answer in (long, many, target):
        assert answer.startswith(b"HTTP/1.1 431 ")
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "headers_too_large"


async def test_headers_that_take_too_long_are_408(gateway_stack):
    async with gateway_stack(headers_seconds=0.3) as stack:
        started = time.monotonic()
        answer = await stack.raw(b"GET /api/v1/ HTTP/1.1\r\nHost: x\r\n", b"X-Slow: 1\r\n", pause_seconds=0.1)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert time.monotonic() - started < 5


async def test_a_json_body_over_one_mebibyte_is_413_declared_or_not(stack, is_problem):
    async def chunks():
        for _ in range(40):
            yield b"x" * 65_536

    async with stack.client() as client:
        declared = await client.post("/api/v1/auth/register/", content=b"x" * (1024 * 1024 + 1))
        undeclared = await client.post("/api/v1/auth/register/", content=chunks())
        allowed = await client.post("/api/v1/auth/register/", content=b"x" * (1024 * 1024))
    is_problem(declared, 413, "body_too_large")
    is_problem(undeclared, 413, "body_too_large")
    assert allowed.status_code == 200
    assert [request.body_bytes for request in stack.service.seen] == [1024 * 1024]


async def test_a_body_that_stalls_is_408_and_reaches_no_service_whole(gateway_stack):
    async with gateway_stack(body_stall_seconds=0.3) as stack:
        head = b"POST /api/v1/auth/register/ HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc"
        answer = await stack.raw(head)
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"connection: close" in answer
        assert stack.service.seen == []
        token = stack.mint.token(uuid4())
        upload = (
            f"POST /api/v1/applications/{ID}/video/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
            "Content-Length: 100000\r\n\r\n"
        ).encode()
        answer = await stack.raw(upload + b"x" * 50_000)
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert not any(request.was_whole for request in stack.service.seen)


async def test_an_upload_streams_through_while_it_is_being_sent(stack):
    path = f"/api/v1/applications/{ID}/video/"
    arrived: asyncio.Queue[int] = asyncio.Queue()

    async def take(_scope, receive, send):
        total = 0
        while True:
            message = await receive()
            total += len(message.get("body", b""))
            arrived.put_nowait(total)
            if not message.get("more_body"):
                break
        await send({"type": "http.response.start", "status": 202, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    stack.service.raw[path] = take
    go_on = asyncio.Event()

    async def body():
        yield b"a" * 100_000
        await go_on.wait()
        yield b"b" * 100_000

    async with stack.client(stack.mint.token(uuid4())) as client:
        sending = asyncio.create_task(client.post(path, content=body()))
        total = 0
        while total < 100_000:
            total = await asyncio.wait_for(arrived.get(), 5)
        assert not sending.done()
        go_on.set()
        answer = await sending
    assert answer.status_code == 202


async def test_a_large_upload_arrives_whole_with_its_length_and_costs_no_memory(stack):
    path = f"/api/v1/applications/{ID}/video/"
    stack.service.keeps_bodies = False
    size = 64 * 1024 * 1024
    piece = os.urandom(1024 * 1024)
    digest = hashlib.sha256()

    async def body():
        for _ in range(64):
            digest.update(piece)
            yield piece

    async with stack.client(stack.mint.token(uuid4())) as client:
        before = _resident_bytes()
        answer = await client.post(path, content=body(), headers={"Content-Length": str(size)})
        grown = _resident_bytes() - before
    seen = stack.service.seen[0]
    assert answer.status_code == 200
    assert seen.body_sha256 == digest.hexdigest()
    assert seen.header("content-length") == str(size)
    assert seen.header("transfer-encoding") is None
    assert grown < 32 * 1024 * 1024


async def test_an_upload_declared_over_its_limit_is_413_before_a_byte_is_read(stack):
    token = stack.mint.token(uuid4())
    head = (
        f"POST /api/v1/applications/{ID}/documents/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
        f"Expect: 100-continue\r\nContent-Length: {22 * 1024 * 1024}\r\n\r\n"
    )
    answer = await stack.raw(head.encode())
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert stack.service.seen == []


async def test_a_service_that_refuses_an_upload_early_is_heard(stack):
    path = f"/api/v1/applications/{ID}/video/"

    async def refuse(_scope, _receive, send):
        body = b'{"code":"not_a_video"}'
        headers = [(b"content-type", b"application/problem+json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 422, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    stack.service.raw[path] = refuse
    async with stack.client(stack.mint.token(uuid4())) as client:
        answer = await client.post(path, content=b"x" * 8_000_000)
        after = await client.get("/api/v1/programs/")
    assert answer.status_code == 422
    assert answer.json() == {"code": "not_a_video"}
    assert after.status_code == 200


async def test_a_client_that_hangs_up_in_an_upload_leaves_the_service_an_unfinished_one(stack, eventually):
    token = stack.mint.token(uuid4())
    head = (
        f"POST /api/v1/applications/{ID}/video/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
        "Content-Length: 1000000\r\n\r\n"
    )
    _, writer = await asyncio.open_connection("127.0.0.1", stack.port)
    writer.write(head.encode() + b"x" * 300_000)
    await writer.drain()
    await eventually(lambda: stack.service.seen)
    writer.close()
    await writer.wait_closed()
    await asyncio.sleep(0.2)
    assert [request.was_whole for request in stack.service.seen] == [False]


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4096
