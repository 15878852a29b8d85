"""The path of a request through the gateway: hygiene, route, token, limits, body, service."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

import structlog

from gateway import headers, problems
from gateway.accounts import accounts_of
from gateway.addresses import ClientAddresses
from gateway.authentication import Authentication
from gateway.bodies import ClientGoneError, RequestBody, refuse_with_body_unread
from gateway.cors import Cors
from gateway.exchange import Exchange, Receive, Scope, Send
from gateway.metrics import REQUEST_SECONDS, REQUESTS
from gateway.problems import ProblemError
from gateway.proxy import Proxy
from gateway.rate_limits import Caller, RateLimits, RateStoreAwayError
from gateway.routes import JSON_BYTES_MAX, METHODS, SAFE_METHODS, Access, Limit, Route, RouteTable, canonical_path
from gateway.settings import GatewaySettings

log = structlog.get_logger(__name__)
# Asked first, for building a line that nobody wants costs as much as the rest of a request.
_REQUEST_LOG: Final = logging.getLogger(__name__)

# Answers of the gateway itself: (methods, handler).
OwnAnswer = Callable[[Exchange], Awaitable[None]]
_HEALTH: Final = "/health/"


class Edge:
    """Answers every HTTP request, by itself or through a service; what goes wrong becomes a problem here."""

    def __init__(
        self,
        settings: GatewaySettings,
        *,
        authentication: Authentication,
        limits: RateLimits,
        proxy: Proxy,
        own: dict[tuple[str, str], OwnAnswer],
    ) -> None:
        """`own`: (method, canonical path) -> what the gateway answers itself."""
        self._settings = settings
        self._addresses = ClientAddresses(settings.trusted_proxies)
        self._cors = Cors(settings.origins())
        self._routes = RouteTable()
        self._authentication = authentication
        self._limits = limits
        self._proxy = proxy
        self._own = own
        self._own_paths = {path for _, path in own}

    @property
    def has_keys(self) -> bool:
        """Whether tokens can be checked."""
        return self._authentication.has_keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request; never raises for what a client or a service does wrong."""
        started = time.perf_counter()
        raw_headers = scope["headers"]
        client = scope.get("client")
        peer = client[0] if client else ""
        path = canonical_path(scope["raw_path"].decode("latin-1"))
        exchange = Exchange(
            scope,
            receive,
            send,
            path or "",
            headers.request_id_of(raw_headers),
            headers.traceparent_of(raw_headers),
            self._addresses.client_of(peer, raw_headers),
            self._addresses.scheme_of(peer, raw_headers, scope["scheme"]),
        )
        exchange.extra_headers = self._cors.headers(raw_headers)
        body: RequestBody | None = None
        route: Route | None = None
        try:
            if path is None:
                raise ProblemError(problems.bad_path())
            route = self._routes.find(path)
            own = self._own_answer(exchange)
            if route is None and own is None:
                raise ProblemError(problems.not_found())
            body = RequestBody(
                exchange,
                bytes_max=JSON_BYTES_MAX if route is None else route.body_bytes_max,
                stall_seconds=self._settings.body_stall_seconds,
            )
            if own is not None:
                # None of the gateway's own answers needs the body, but the next request begins after it.
                await body.read()
                await own(exchange)
            elif route is not None:
                await self._through(exchange, route, body)
        except ProblemError as error:
            await _refuse(exchange, error.problem, body)
        except ClientGoneError:
            pass
        except Exception:
            log.exception("request_failed", path=exchange.path, request_id=exchange.request_id)
            if exchange.status:
                return  # half an answer is out: the server cuts the connection, which the client sees
            await _refuse(exchange, problems.internal_error(), body)
        finally:
            _record(exchange, route, time.perf_counter() - started)

    def _own_answer(self, exchange: Exchange) -> OwnAnswer | None:
        method = exchange.method
        if method not in METHODS:
            raise ProblemError(problems.method_not_allowed(", ".join(sorted(METHODS))))
        if method == "OPTIONS":
            return self._preflight
        own = self._own.get(("GET" if method == "HEAD" else method, exchange.path))
        if own is None and exchange.path in self._own_paths:
            allowed = sorted(name for name, path in self._own if path == exchange.path)
            raise ProblemError(problems.method_not_allowed(", ".join(allowed)))
        if own is not None and not exchange.path.startswith((_HEALTH, "/metrics")):
            return lambda exchange: self._own_within_limits(exchange, own)
        return own

    async def _preflight(self, exchange: Exchange) -> None:
        allow = (b"allow", ", ".join(sorted(METHODS)).encode("ascii"))
        await exchange.start(204, [allow, *self._cors.preflight_headers(exchange.headers)])
        await exchange.body(b"")

    async def _own_within_limits(self, exchange: Exchange, own: OwnAnswer) -> None:
        writes = exchange.method not in SAFE_METHODS
        # Reading our documents takes no token; the one thing to post here, for a ticket, is for users.
        caller = await self._caller(exchange, Access.TOKEN if writes else Access.PUBLIC)
        await self._count(Limit.WRITES if writes else Limit.READS, caller)
        await own(exchange)

    async def _through(self, exchange: Exchange, route: Route, body: RequestBody) -> None:
        limit = route.limit(exchange.method)
        caller = await self._caller(exchange, route.access(exchange.method))
        whole: bytes | None = None
        if limit is Limit.LOGIN:
            whole = await body.read()
            caller = replace(caller, accounts=accounts_of(whole))
        await self._count(limit, caller)
        if caller.accounts:
            await self._slow_down(caller)
        if whole is None and (body.is_complete or not route.streamed):
            whole = await body.read()
        await self._proxy.forward(exchange, route, body, whole)

    async def _caller(self, exchange: Exchange, access: Access) -> Caller:
        try:
            token, _ = await self._authentication.of_request(exchange.headers, access)
        except ProblemError:
            # Guessing tokens counts, against the address they come from.
            await self._count(Limit.READS, Caller(exchange.client_address))
            raise
        return Caller(exchange.client_address, None if token is None else str(token.user_id))

    async def _count(self, limit: Limit, caller: Caller) -> None:
        try:
            refusal = await self._limits.refusal(limit, caller)
        except RateStoreAwayError:
            raise ProblemError(problems.limits_unavailable()) from None
        if refusal is not None:
            raise ProblemError(problems.rate_limited(refusal.headers()))

    async def _slow_down(self, caller: Caller) -> None:
        try:
            slow = await self._limits.slows_down(caller)
        except RateStoreAwayError:
            raise ProblemError(problems.limits_unavailable()) from None
        if slow:
            # 09: many addresses trying one account are slowed, the owner among them, and nobody is locked out.
            await asyncio.sleep(self._settings.slow_login_seconds)


def _record(exchange: Exchange, route: Route | None, seconds: float) -> None:
    service = route.service.value if route is not None else "gateway"
    method = exchange.method if exchange.method in METHODS else "other"
    REQUESTS.labels(service, method, str(exchange.status)).inc()
    REQUEST_SECONDS.labels(service).observe(seconds)
    if _REQUEST_LOG.isEnabledFor(logging.INFO) and not exchange.path.startswith((_HEALTH, "/metrics")):
        log.info(
            "request",
            request_id=exchange.request_id,
            traceparent=exchange.traceparent,
            method=method,
            # The row's pattern, never the path: ids in paths name people.
            route=route.pattern if route is not None else "gateway",
            status=exchange.status,
            milliseconds=round(seconds * 1000, 1),
        )


async def _refuse(exchange: Exchange, problem: problems.Problem, body: RequestBody | None) -> None:
    if exchange.status:
        return  # an answer has begun: cutting it is all that is left, and the server does that
    unread = body is None or not body.is_complete
    has_body = unread and (
        headers.find(exchange.headers, b"content-length") not in {None, b"0"}
        or headers.find(exchange.headers, b"transfer-encoding") is not None
    )
    if has_body:
        await refuse_with_body_unread(exchange, problem)
    else:
        await exchange.answer_problem(problem)
