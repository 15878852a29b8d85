"""Asks a broker, in Kafka's own protocol, whether it serves: an open port alone says nothing."""

import asyncio
import contextlib
import struct
from typing import Final

_METADATA: Final = 3  # the request's key and version in Kafka's protocol guide
_METADATA_VERSION: Final = 1
_RESPONSE_SIZE_BYTES_MAX: Final = 1 << 20  # a one-node cluster's answer about no topics takes some 50 bytes
_ANSWER_SECONDS_MAX: Final = 2.0


async def is_serving(host: str, port: int) -> bool:
    """True when the broker answers a metadata request and knows itself as a live member with a controller."""
    with contextlib.suppress(OSError, EOFError, TimeoutError, struct.error):
        async with asyncio.timeout(_ANSWER_SECONDS_MAX):
            return await _ask(host, port)
    return False


async def _ask(host: str, port: int) -> bool:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        client = b"local-stack"
        header = struct.pack(">hhih", _METADATA, _METADATA_VERSION, 1, len(client)) + client
        request = header + struct.pack(">i", 0)  # about no topics: brokers and controller are always told
        writer.write(struct.pack(">i", len(request)) + request)
        (size_bytes,) = struct.unpack(">i", await reader.readexactly(4))
        if not 0 < size_bytes <= _RESPONSE_SIZE_BYTES_MAX:
            return False
        return _has_live_broker(await reader.readexactly(size_bytes))
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def _has_live_broker(answer: bytes) -> bool:
    """Reads MetadataResponse v1: correlation id, brokers (id, host, port, rack), controller id, topics."""
    offset = 4
    (count,) = struct.unpack_from(">i", answer, offset)
    offset += 4
    for _ in range(count):
        (host_length,) = struct.unpack_from(">h", answer, offset + 4)
        offset += 4 + 2 + host_length + 4
        (rack_length,) = struct.unpack_from(">h", answer, offset)
        offset += 2 + max(0, rack_length)
    (controller,) = struct.unpack_from(">i", answer, offset)
    return bool(count >= 1 and controller >= 0)
