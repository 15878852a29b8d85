"""Answers that never change, whole or streamed and pinned to a height: strong ETags, 304, gzip for who asks, HEAD."""

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator, Callable
from hashlib import sha256
from typing import Final

from fastapi import Request
from fastapi.responses import Response, StreamingResponse

from chassis.api.preconditions import PUBLIC_CACHE, client_has, conditional
from ledger.api.negotiation import accepts_gzip

# The first blocks of a chain never change.
IMMUTABLE: Final = "public, max-age=31536000, immutable"
# zlib's own default; higher levels take several times as long for a few per cent.
_GZIP_LEVEL: Final = 6
_GZIP_WINDOW: Final = 16 + zlib.MAX_WBITS  # 16 stands for gzip's framing


async def _nothing() -> AsyncIterator[bytes]:
    """What HEAD has to say after its headers."""
    pieces: tuple[bytes, ...] = ()
    for piece in pieces:
        yield piece


async def _gzipped(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    compressor = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, _GZIP_WINDOW)
    async for piece in pieces:
        # Half a megabyte takes milliseconds, in which others shall be answered.
        packed = await asyncio.to_thread(compressor.compress, piece)
        if packed:
            yield packed
    yield compressor.flush()


async def packed_if_asked(request: Request, content: bytes, *, media_type: str, cache: str) -> Response:
    """As `conditional`, packed for whoever asks: a few hundred blocks repeat the same words."""
    is_packed = accepts_gzip(request)
    # The tag is of what is packed, for other versions of zlib pack otherwise.
    etag = f'"{sha256(content).hexdigest()[:32]}{"-gzip" if is_packed else ""}"'
    if is_packed and not client_has(request, etag):
        content = await asyncio.to_thread(gzip.compress, content, _GZIP_LEVEL, mtime=0)
    answer = conditional(request, content, etag=etag, media_type=media_type, cache=cache)
    answer.headers["Vary"] = f"{answer.headers['Vary']}, Accept-Encoding"
    if is_packed and answer.body:
        answer.headers["Content-Encoding"] = "gzip"
    return answer


def pinned_stream(
    request: Request,
    make: Callable[[], AsyncIterator[bytes]],
    *,
    tag: str,
    height: int,
    filename: str,
    media_type: str,
) -> Response:
    """What `make` yields, as of a height, or 304 where the client has it.

    `tag` names the bytes: format, version and the chain up to the height. Without `?height=` the answer is that of the
    tip now: `Content-Location` says where it stays.
    """
    is_pinned = "height" in request.query_params
    is_packed = accepts_gzip(request)
    etag = f'"{tag}-gzip"' if is_packed else f'"{tag}"'
    headers = {
        "ETag": etag,
        "Cache-Control": IMMUTABLE if is_pinned else PUBLIC_CACHE,
        "Vary": "Accept-Encoding",
        "Content-Location": f"{request.url.path}?height={height}",
        "ImpactNet-Height": str(height),
    }
    if client_has(request, etag):
        return Response(status_code=304, headers=headers)
    headers["Content-Disposition"] = f'attachment; filename="{filename}"'
    if is_packed:
        headers["Content-Encoding"] = "gzip"
    # A stream without pieces: unlike an empty answer it names no length.
    pieces = _nothing() if request.method == "HEAD" else make()
    if request.method == "HEAD":
        return StreamingResponse(pieces, 200, headers, media_type)
    return StreamingResponse(_gzipped(pieces) if is_packed else pieces, 200, headers, media_type)
