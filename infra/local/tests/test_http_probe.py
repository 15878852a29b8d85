"""Asking whether a server is there: what is no answer is taken for none, whatever came in its place."""

import asyncio

import pytest

from local_stack.http_probe import Answer, ask


async def asked_of_one_who_says(said: bytes) -> Answer | None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        return await ask(server.sockets[0].getsockname()[1], "/health/ready")


@pytest.mark.parametrize(
    "said", [b"", b"HTTP/1.1", b"HTTP/1.1 \r\n\r\n", b"SSH-2.0-x\r\n", b"HTTP/1.1 twenty OK\r\n\r\n"]
)
async def test_what_is_no_answer_is_none(said):
    assert await asked_of_one_who_says(said) is None


async def test_nobody_is_none(unused_tcp_port):
    assert await ask(unused_tcp_port, "/health/ready") is None


@pytest.mark.parametrize("status", [200, 503])
async def test_status_and_body_are_told(status):
    said = f"HTTP/1.1 {status} X\r\nContent-Length: 2\r\n\r\n{{}}".encode()
    assert await asked_of_one_who_says(said) == Answer(status, "{}")
