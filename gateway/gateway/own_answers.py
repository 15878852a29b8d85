"""What the gateway answers itself: overview, documents, health, metrics, tickets for sockets."""

from collections.abc import Awaitable, Callable
from importlib.resources import files
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from gateway.authentication import Authentication
from gateway.exchange import Exchange
from gateway.headers import find
from gateway.live.tickets import TICKET_SECONDS, Tickets
from gateway.openapi import OpenApi
from gateway.problems import ProblemError, unauthenticated
from gateway.readiness import Readiness
from gateway.routes import TABLE, Access, Service

OwnAnswer = Callable[[Exchange], Awaitable[None]]

# The page needs its own script, its own style and the document, nothing else.
_PAGE_POLICY: Final = (
    b"default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; connect-src 'self'; frame-ancestors 'none'"
)
_SOCKETS: Final = (
    "/ws/applications/{application_id}/",
    "/ws/ai-interview/{application_id}/",
    "/ws/notifications/",
    "/ws/executive/dashboard/",
)


class OwnAnswers:
    """The handlers, and the paths they are at."""

    def __init__(
        self,
        *,
        version: str,
        readiness: Readiness,
        openapi: OpenApi,
        authentication: Authentication,
        tickets: Tickets,
    ) -> None:
        self._version = version
        self._readiness = readiness
        self._openapi = openapi
        self._authentication = authentication
        self._tickets = tickets
        page = files("gateway")
        self._page = (page / "docs_page.html").read_bytes()
        self._script = (page / "docs_page.js").read_bytes()

    def table(self) -> dict[tuple[str, str], OwnAnswer]:
        """(method, canonical path) -> handler."""
        return {
            ("GET", "/"): self.overview,
            ("GET", "/api/v1/"): self.overview,
            ("GET", "/docs"): self.docs,
            ("GET", "/docs/page.js"): self.docs_script,
            ("GET", "/openapi.json"): self.openapi,
            ("GET", "/health/live"): self.live,
            ("GET", "/health/ready"): self.ready,
            ("GET", "/metrics"): self.metrics,
            ("POST", "/api/v1/auth/ws-ticket/"): self.ticket,
        }

    async def overview(self, exchange: Exchange) -> None:
        """Everything there is, by service."""
        services = {
            service.value: [
                {"path": route.pattern, "read": route.read.value, "write": route.write.value}
                for route in TABLE
                if route.service is service
            ]
            for service in Service
        }
        content = {
            "name": "ImpactNet",
            "version": self._version,
            "documentation": "/docs",
            "openapi": "/openapi.json",
            "health": "/health/ready",
            "services": services,
            "sockets": list(_SOCKETS),
            "access": {access.value: _ACCESS[access] for access in Access},
        }
        await exchange.answer_json(200, content, [(b"cache-control", b"max-age=60")])

    async def docs(self, exchange: Exchange) -> None:
        """The page that reads `/openapi.json`."""
        headers = [(b"content-type", b"text/html; charset=utf-8"), (b"content-security-policy", _PAGE_POLICY)]
        await exchange.answer(200, self._page, headers)

    async def docs_script(self, exchange: Exchange) -> None:
        """The page's script."""
        await exchange.answer(200, self._script, [(b"content-type", b"text/javascript; charset=utf-8")])

    async def openapi(self, exchange: Exchange) -> None:
        """One document of all services."""
        body, etag = await self._openapi.document()
        headers = [(b"etag", etag.encode("ascii")), (b"cache-control", b"max-age=10")]
        sent = find(exchange.headers, b"if-none-match")
        if sent is not None and etag.encode("ascii") in sent:
            await exchange.start(304, headers)
            await exchange.body(b"")
            return
        await exchange.answer(200, body, [(b"content-type", b"application/json"), *headers])

    async def live(self, exchange: Exchange) -> None:
        """This process answers."""
        await exchange.answer_json(200, {"status": "live"})

    async def ready(self, exchange: Exchange) -> None:
        """Whether traffic should come here, and what is missing if not."""
        missing = await self._readiness.missing()
        if missing:
            await exchange.answer_json(503, {"status": "not_ready", "missing": missing})
            return
        degraded = await self._readiness.degraded()
        await exchange.answer_json(200, {"status": "degraded" if degraded else "ready", "degraded": degraded})

    async def metrics(self, exchange: Exchange) -> None:
        """Prometheus' text format."""
        await exchange.answer(200, generate_latest(), [(b"content-type", CONTENT_TYPE_LATEST.encode("ascii"))])

    async def ticket(self, exchange: Exchange) -> None:
        """A one-use ticket for a socket."""
        _, token = await self._authentication.of_request(exchange.headers, Access.TOKEN)
        if token is None:
            raise ProblemError(unauthenticated("This needs an access token."))
        content = {"ticket": self._tickets.issue(token), "expires_in": TICKET_SECONDS}
        await exchange.answer_json(200, content, [(b"cache-control", b"no-store")])


_ACCESS: Final = {
    Access.PUBLIC: "no token needed, none looked at",
    Access.OPTIONAL: "no token needed; one that is sent must be good",
    Access.TOKEN: "Authorization: Bearer <access token>",
}
