"""Object storage on a real S3 server: streams in parts, keeps nothing of what is refused, says when it is away."""

import asyncio
import hashlib
import resource
from dataclasses import replace

import httpx
import pytest
from pydantic import SecretStr

from chassis.object_storage import ObjectTooLargeError, StorageUnavailableError
from chassis.s3 import PART_BYTES, S3Storage
from chassis.s3_settings import S3Settings
from local_stack.object_storage import BUCKET, REGION
from local_stack.ports import free_ports

KEYS = ("access-of-tests", "secret-of-tests")
MIB = 1024 * 1024


def _settings(endpoint):
    return S3Settings(endpoint, endpoint, SecretStr(KEYS[0]), SecretStr(KEYS[1]), BUCKET, REGION)


@pytest.fixture
async def storage(s3_server):
    async with S3Storage(_settings(s3_server.endpoint)) as opened:
        yield opened


async def _chunks(size, piece=64 * 1024):
    block = bytes(range(256)) * (piece // 256)
    for at in range(0, size, piece):
        yield block[: min(piece, size - at)]


@pytest.mark.parametrize("size", [0, 1, PART_BYTES, 2 * PART_BYTES + 5])
async def test_a_stream_of_any_length_is_stored_and_hashed(storage, size):
    stored = await storage.put_stream(f"sizes/{size}", _chunks(size), size, "video/mp4")
    expected = b"".join([chunk async for chunk in _chunks(size)])
    assert (stored.size_bytes, stored.sha256) == (size, hashlib.sha256(expected).hexdigest())
    assert await storage.find_size(f"sizes/{size}") == size
    assert b"".join([chunk async for chunk in storage.open_stream(f"sizes/{size}")]) == expected
    assert await storage.read_head(f"sizes/{size}", 16) == expected[:16]


async def test_a_large_stream_does_not_cost_memory(storage):
    await storage.put_stream("memory/first", _chunks(32 * MIB), 32 * MIB, "video/mp4")
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    await storage.put_stream("memory/large", _chunks(256 * MIB), 256 * MIB, "video/mp4")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib < 48 * 1024
    await storage.delete_prefix("memory/")


async def test_of_a_stream_that_is_too_long_nothing_is_kept(storage):
    with pytest.raises(ObjectTooLargeError):
        await storage.put_stream("long/one", _chunks(3 * PART_BYTES), 2 * PART_BYTES, "video/mp4")
    assert await storage.find_size("long/one") is None


async def test_of_a_stream_that_breaks_off_nothing_is_kept(storage):
    async def broken():
        async for chunk in _chunks(2 * PART_BYTES):
            yield chunk
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await storage.put_stream("broken/one", broken(), 10 * PART_BYTES, "video/mp4")
    assert await storage.find_size("broken/one") is None


async def test_what_belongs_to_a_person_goes_by_prefix_and_nothing_else(storage):
    for key in ("people/a/one", "people/a/applications/x/two", "people/ab/three"):
        await storage.put_stream(key, _chunks(10), 10, "image/png")
    assert await storage.delete_prefix("people/a/") == 2
    assert await storage.find_size("people/a/one") is None
    assert await storage.find_size("people/ab/three") == 10


async def test_an_address_needs_its_signature(storage):
    await storage.put_stream("signed/one", _chunks(10), 10, "video/mp4")
    url = await storage.get_url("signed/one", 60, "video/mp4")
    async with httpx.AsyncClient() as browser:
        assert (await browser.get(url)).status_code == 200
        # Storages differ in how they say it: no signature at all is 400 to some.
        assert (await browser.get(url.partition("?")[0])).status_code in (400, 403)
        assert (await browser.get(url.replace("signed/one", "people/ab/three"))).status_code == 403


async def test_what_is_missing_is_said_and_deleting_it_is_no_error(storage):
    assert await storage.find_size("nothing/here") is None
    await storage.delete("nothing/here")
    with pytest.raises(FileNotFoundError):
        await storage.copy("nothing/here", "nothing/there", "video/mp4")
    with pytest.raises(FileNotFoundError):
        await storage.read_head("nothing/here", 1)


async def test_a_small_object_comes_back_whole_and_none_that_is_larger_than_asked_for(storage):
    await storage.put("small/one", b"%PDF-1.7", "application/pdf")
    assert await storage.get("small/one", 8) == b"%PDF-1.7"
    with pytest.raises(ObjectTooLargeError):
        await storage.get("small/one", 7)
    with pytest.raises(FileNotFoundError):
        await storage.get("small/two", 8)


async def test_a_storage_that_is_away_is_a_refusal():
    [port] = free_ports(1)
    async with S3Storage(_settings(f"http://127.0.0.1:{port}")) as away:
        with pytest.raises(StorageUnavailableError):
            await away.put_stream("a/b", _chunks(10), 10, "video/mp4")
        with pytest.raises(StorageUnavailableError):
            await away.find_size("a/b")


async def test_a_storage_that_breaks_off_in_the_middle_of_an_object_is_a_refusal():
    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nonly so much")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(half, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, S3Storage(_settings(f"http://127.0.0.1:{port}")) as broken:
        with pytest.raises(StorageUnavailableError):
            await broken.get("a/b", 1000)
        with pytest.raises(StorageUnavailableError):
            _ = [chunk async for chunk in broken.open_stream("a/b")]


async def test_a_storage_that_knows_other_keys_is_away_to_those_who_wait(s3_server):
    settings = replace(_settings(s3_server.endpoint), secret_key=SecretStr("another secret"))
    async with S3Storage(settings) as refused:
        with pytest.raises(StorageUnavailableError):
            await refused.get("a/b", 8)
