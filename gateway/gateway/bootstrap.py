"""Puts the gateway together; the only file that knows all concrete classes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from importlib.metadata import version

import structlog

from chassis.tokens import TokenVerifier
from gateway.authentication import Authentication, SigningKeys
from gateway.cors import Cors
from gateway.edge import Edge
from gateway.exchange import Receive, Scope, Send
from gateway.live.endpoint import LiveSockets
from gateway.live.hub import Hub
from gateway.live.interview import InterviewRelay
from gateway.live.introduction import Introduction
from gateway.live.rights import Rights
from gateway.live.ring import Ring
from gateway.live.stream import Stream
from gateway.live.tickets import Tickets
from gateway.openapi import OpenApi
from gateway.own_answers import OwnAnswers
from gateway.proxy import Proxy
from gateway.rate_limits import RateLimits
from gateway.readiness import Readiness
from gateway.routes import Service
from gateway.server import EdgeServer, server_config
from gateway.settings import GatewaySettings
from gateway.standing import Standing
from gateway.upstreams import Upstreams

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Gateway:
    """The running parts, as an ASGI application."""

    edge: Edge
    sockets: LiveSockets
    stream: Stream
    readiness: Readiness

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """HTTP to the edge, WebSockets to the live part."""
        if scope["type"] == "http":
            await self.edge(scope, receive, send)
        elif scope["type"] == "websocket":
            await self.sockets(scope, receive, send)

    async def leave(self) -> None:
        """Not ready any more, sockets drained; the server goes on answering until this is done."""
        self.readiness.is_draining = True
        await self.sockets.drain()


@contextlib.asynccontextmanager
async def running_gateway(settings: GatewaySettings) -> AsyncIterator[Gateway]:
    """The gateway with its background work, which ends with the block."""
    verifier = TokenVerifier(issuer=settings.token_issuer, audience=settings.token_audience)
    standing, hub = Standing(), Hub()
    ring = Ring(seconds=settings.ring_seconds, bytes_max=settings.ring_bytes_max)
    async with Upstreams(settings) as upstreams, contextlib.AsyncExitStack() as stack:
        keys = SigningKeys(settings, verifier, upstreams.client(Service.IDENTITY))
        authentication = Authentication(verifier, keys, standing)
        stream = Stream(settings, ring=ring, hub=hub, standing=standing, keys=keys)
        standing.on_loss(hub.apply)
        tickets = Tickets(settings)
        stack.push_async_callback(tickets.close)
        limits = RateLimits(settings)
        readiness = Readiness()
        readiness.needs["signing_keys"] = lambda: authentication.has_keys
        # At the start: until what was said in the last half hour is read, a revoked session might pass. Kafka away is
        # no reason to turn requests away: the services know revocations too.
        readiness.needs["feed"] = lambda: stream.is_caught_up or (stream.has_tried and not stream.is_connected)
        readiness.likes["kafka"] = lambda: stream.is_connected
        readiness.likes["limits_store"] = limits.store_answers
        release = version("impactnet-gateway")
        own = OwnAnswers(
            version=release,
            readiness=readiness,
            openapi=OpenApi(settings, upstreams, version=release),
            authentication=authentication,
            tickets=tickets,
        )
        sockets = LiveSockets(
            settings,
            cors=Cors(settings.origins()),
            introduction=Introduction(authentication, tickets),
            rights=Rights(upstreams),
            interviews=InterviewRelay(upstreams),
            hub=hub,
            ring=ring,
            stream=stream,
        )
        edge = Edge(
            settings,
            authentication=authentication,
            limits=limits,
            proxy=Proxy(settings, upstreams),
            own=own.table(),
        )
        work = [
            asyncio.create_task(work, name=name)
            for name, work in (("keys", keys.run()), ("feed", stream.run()), ("pace", sockets.keep_pace()))
        ]
        for task in work:
            task.add_done_callback(_say_if_dead)
        try:
            yield Gateway(edge, sockets, stream, readiness)
        finally:
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)


async def serve(settings: GatewaySettings) -> None:
    """Run until SIGTERM or SIGINT, then drain and return."""
    async with running_gateway(settings) as gateway:
        await EdgeServer(server_config(gateway, settings), gateway.leave).serve()


def _say_if_dead(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        log.critical("background_work_died", work=task.get_name(), exc_info=task.exception())
