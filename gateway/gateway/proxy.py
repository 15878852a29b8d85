"""Carries a request to its service and the answer back, streaming both; sends everything exactly once."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final

import aiohttp
import structlog
from aiohttp import http_exceptions
from yarl import URL

from gateway import headers
from gateway.bodies import ClientGoneError, RequestBody, drain
from gateway.exchange import Exchange
from gateway.metrics import UPSTREAM_FAILURES
from gateway.problems import ProblemError, service_too_slow, service_unavailable
from gateway.routes import Route, Service
from gateway.settings import GatewaySettings
from gateway.upstreams import Upstreams

log = structlog.get_logger(__name__)

# Answers up to here are sent in one piece; most of ours are a few KiB.
_WHOLE_BYTES_MAX: Final = 256 * 1024
# A client that takes no byte of a download for this long has left without saying so (06: streams 60 s idle).
_SLOW_CLIENT_SECONDS: Final = 60.0
_NO_BODY: Final = frozenset({204, 304})


class Proxy:
    """The way to the services."""

    def __init__(self, settings: GatewaySettings, upstreams: Upstreams) -> None:
        self._settings = settings
        self._upstreams = upstreams

    async def forward(self, exchange: Exchange, route: Route, body: RequestBody, whole: bytes | None) -> None:
        """Send the request, answer with what the service says.

        `whole` is the body when it has been read already; None streams it.

        Raises:
            ProblemError: 503 when the service cannot be reached, 504 when it is too slow; 408, 413 for the body.
            ClientGoneError: the client hung up in the middle.
        """
        service = route.service
        upload = _Upload(body) if whole is None else None
        try:
            response = await self._send(exchange, route, whole if upload is None else upload, body)
        except (aiohttp.ClientError, http_exceptions.HttpProcessingError, TimeoutError, OSError) as error:
            if upload is not None and upload.failure is not None:
                raise upload.failure from error
            raise self._failure(service, error) from error
        try:
            await self._answer(exchange, route, response, upload)
        finally:
            # A connection on which everything was sent and read is back in the pool by now; this closes any other.
            response.close()

    async def _send(
        self, exchange: Exchange, route: Route, data: "bytes | _Upload | None", body: RequestBody
    ) -> aiohttp.ClientResponse:
        sent = headers.to_service(
            exchange.headers,
            client_address=exchange.client_address,
            scheme=exchange.scheme,
            request_id=exchange.request_id,
            traceparent=exchange.traceparent,
        )
        if isinstance(data, _Upload) and body.length is not None:
            sent.append(("Content-Length", str(body.length)))
        query = exchange.query.decode("ascii", "surrogateescape")
        url = self._upstreams.base(route.service) + exchange.path + (f"?{query}" if query else "")
        request = self._upstreams.client(route.service).request(
            exchange.method,
            # Encoded already, and checked: nothing may be read into it a second time.
            URL(url, encoded=True),
            data=data.pieces() if isinstance(data, _Upload) else (data or None),
            headers=sent,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(
                total=None,
                connect=self._settings.connect_seconds,
                sock_connect=self._settings.connect_seconds,
                # Runs from the last byte sent, and again from each byte of the answer.
                sock_read=route.silence_seconds,
            ),
        )
        if not isinstance(data, _Upload):
            return await request
        async with data.watched(route.silence_seconds):
            return await request

    async def _answer(
        self, exchange: Exchange, route: Route, response: aiohttp.ClientResponse, upload: "_Upload | None"
    ) -> None:
        answered = headers.to_client(response.raw_headers)
        length = response.content_length
        has_no_body = exchange.method == "HEAD" or response.status in _NO_BODY
        cut_short = upload is not None and not upload.is_sent
        if cut_short:
            # The service has answered before the upload's end: what is still coming must not be read as a request.
            answered.append((b"connection", b"close"))
        if has_no_body:
            if length is not None and response.status not in _NO_BODY:
                answered.append((b"content-length", str(length).encode()))
            await exchange.start(response.status, answered)
            await exchange.body(b"")
            return
        if length is not None and length <= _WHOLE_BYTES_MAX:
            try:
                content = await response.read()
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                raise self._failure(route.service, error) from error
            answered.append((b"content-length", str(len(content)).encode()))
            await exchange.start(response.status, answered)
            await exchange.body(content, more=cut_short)
        else:
            if length is not None:
                answered.append((b"content-length", str(length).encode()))
            await exchange.start(response.status, answered)
            if not await self._stream(exchange, route, response):
                return
            await exchange.body(b"", more=cut_short)
        if cut_short:
            await drain(exchange)
            await exchange.body(b"")

    async def _stream(self, exchange: Exchange, route: Route, response: aiohttp.ClientResponse) -> bool:
        """Pass pieces on as they come. False when it broke off: then the connection is cut, for the client to see."""
        gone = asyncio.ensure_future(_disconnected(exchange))
        # Closing the answer ends the read below: a stream that nobody listens to holds no connection.
        gone.add_done_callback(lambda task: None if task.cancelled() else response.close())
        try:
            while piece := await response.content.readany():
                async with asyncio.timeout(_SLOW_CLIENT_SECONDS):
                    await exchange.body(piece, more=True)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            if not gone.done():
                UPSTREAM_FAILURES.labels(route.service, "broken").inc()
                log.warning("answer_broken", service=route.service, path=exchange.path, error=type(error).__name__)
            return False
        else:
            return not gone.done()
        finally:
            gone.cancel()

    def _failure(self, service: Service, error: BaseException) -> ProblemError:
        # No connection in time is 503 as a refused one is; no answer in time is 504.
        too_slow = isinstance(error, TimeoutError) and not isinstance(error, aiohttp.ConnectionTimeoutError)
        UPSTREAM_FAILURES.labels(service, "slow" if too_slow else "away").inc()
        log.warning("service_failed", service=service, error=type(error).__name__)
        return ProblemError(service_too_slow(service) if too_slow else service_unavailable(service))


class _Upload:
    """A streamed body on its way; remembers whether it got there and what went wrong on the client's side."""

    def __init__(self, body: RequestBody) -> None:
        self._body = body
        self._deadline: asyncio.Timeout | None = None
        self._silence_seconds = 0.0
        self.failure: ProblemError | ClientGoneError | None = None

    @property
    def is_sent(self) -> bool:
        return self._body.is_complete

    @contextlib.asynccontextmanager
    async def watched(self, silence_seconds: float) -> AsyncIterator[None]:
        """Raise TimeoutError inside when the service takes nothing of what we have for so long."""
        self._silence_seconds = silence_seconds
        async with asyncio.timeout(None) as deadline:
            self._deadline = deadline
            try:
                yield
            finally:
                self._deadline = None

    async def pieces(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._body.pieces():
                self._expect_taken(within=asyncio.get_running_loop().time() + self._silence_seconds)
                yield piece
                self._expect_taken(within=None)
        except (ProblemError, ClientGoneError) as error:
            self.failure = error
            raise

    def _expect_taken(self, *, within: float | None) -> None:
        if self._deadline is not None:
            self._deadline.reschedule(within)


async def _disconnected(exchange: Exchange) -> None:
    """Return when the client has hung up."""
    while (await exchange.receive())["type"] != "http.disconnect":
        pass
