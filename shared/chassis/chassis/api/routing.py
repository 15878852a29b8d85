"""Routes whose handlers run in one unit of work: read the body, open it, answer, commit; the one commit per request."""

import re
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from functools import cached_property
from inspect import isasyncgenfunction, iscoroutinefunction
from typing import Annotated, Any, ClassVar, Final, TypeVar
from uuid import UUID

from fastapi import Depends, Request, params
from fastapi.dependencies.models import Dependant
from fastapi.responses import Response
from fastapi.routing import APIRoute
from pydantic import BaseModel

from chassis.api.callers import find_caller, require_caller, require_token
from chassis.api.problems import ProblemError
from chassis.api.strict_json import parse_strictly
from chassis.database import Database, UnitOfWork, database_is_away
from chassis.failpoints import failpoint
from chassis.idempotency import KEY_CHARACTERS_MAX, IdempotencyKey, StoredAnswer
from chassis.refusals import FieldRefusalError, NotFoundError

# 09-values: a JSON body.
JSON_BYTES_MAX: Final = 1024 * 1024
# What a replay repeats besides status and body.
_REPLAYED_HEADERS: Final = ("content-type", "etag", "location")
# 09: `{id}` matches UUIDs only. What else Python reads as one (no dashes, braces, urn:uuid:) is no id to the gateway:
# it would limit and time such a path by another row of its table.
_ID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
E = TypeVar("E", bound=Callable[..., Any])
_FORMS: Final = ("multipart/form-data", "application/x-www-form-urlencoded")
_BODY_METHODS: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_SAFE_METHODS: Final = frozenset({"GET", "HEAD"})
# A read that took longer met a database that is away, not a connection that ended: a second wait would be over the 5 s
# within which clients hear 503.
_REPEATED_WITHIN_SECONDS: Final = 0.5


class StrictRequest(Request):
    """A request whose body has a cap and whose JSON is parsed strictly."""

    body_bytes_max: int = JSON_BYTES_MAX

    async def body(self) -> bytes:
        if not hasattr(self, "_body"):
            chunks, size = [], 0
            async for chunk in self.stream():
                size += len(chunk)
                if size > self.body_bytes_max:
                    detail = f"The body is over {self.body_bytes_max} bytes."
                    raise ProblemError(413, "body_too_large", detail, headers={"Connection": "close"})
                chunks.append(chunk)
            self._body = b"".join(chunks)
        return self._body

    async def json(self) -> Any:
        if not hasattr(self, "_json"):
            self._json = parse_strictly(await self.body())
        return self._json


class _DiscardedError(Exception):
    """Leaves the unit of work without keeping anything of it."""

    def __init__(self, response: Response) -> None:
        self.response = response


def _idempotency_key_of(request: Request) -> str | None:
    keys = request.headers.getlist("idempotency-key")
    if not keys or request.method != "POST":
        return None
    key = keys[0]
    if len(keys) > 1 or not key or len(key) > KEY_CHARACTERS_MAX or not key.isascii() or not key.isprintable():
        message = f"1 to {KEY_CHARACTERS_MAX} printable ASCII characters"
        raise FieldRefusalError([("Idempotency-Key", "malformed", message)])
    return key


def _check_media_type(route: APIRoute, request: Request) -> None:
    if route.body_field is None or request.method not in _BODY_METHODS:
        return
    expected = _FORMS if isinstance(route.body_field.field_info, params.Form) else ("application/json",)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in expected:
        has_body = request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers
        if has_body:
            raise ProblemError(415, "unsupported_media_type", f"Send the body as {expected[0]}.")


def _check_query(request: Request, known: frozenset[str]) -> None:
    """A filter that nobody knows would be ignored, and a parameter that comes twice heard once and ignored once."""
    counted = Counter(name for name, _ in request.query_params.multi_items())
    repeated = [(name, "repeated", "may be given once") for name, times in counted.items() if times > 1]
    if repeated:
        raise FieldRefusalError(repeated)
    # What pydantic says where a query has a shape of its own. A POST's query is part of what its key stands for.
    if request.method in _SAFE_METHODS and (unknown := [name for name in counted if name not in known]):
        raise FieldRefusalError([(name, "extra_forbidden", "Extra inputs are not permitted") for name in unknown])


def _needs_caller(dependant: Dependant) -> bool:
    return any(each.call is require_caller or _needs_caller(each) for each in dependant.dependencies)


def _ids_in_path(dependant: Dependant) -> frozenset[str]:
    own = {field.alias for field in dependant.path_params if field.field_info.annotation is UUID}
    return frozenset(own).union(*(_ids_in_path(each) for each in dependant.dependencies))


def _names_in_query(dependant: Dependant) -> frozenset[str]:
    names: set[str] = set()
    for field in dependant.query_params:
        kind = field.field_info.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            names.update(info.alias or name for name, info in kind.model_fields.items())
        else:
            names.add(field.alias)
    return frozenset(names).union(*(_names_in_query(each) for each in dependant.dependencies))


def _refuse_threads(dependant: Dependant) -> None:
    """A plain function would be run in a thread, for each request, where a call is all that it takes."""
    for called in (dependant.call, getattr(dependant.call, "__call__", None)):  # noqa: B004 -- an object's own may be one
        if iscoroutinefunction(called) or isasyncgenfunction(called):
            break
    else:
        raise TypeError(f"{dependant.call!r} is run for requests: make it a coroutine function")
    for each in dependant.dependencies:
        _refuse_threads(each)


class _StrictRoute(APIRoute):
    """What all routes have in common: who comes without a token is told so before anything else.

    Raises:
        TypeError: when it is made of an endpoint or a dependency that is no coroutine function.
    """

    body_bytes_max: ClassVar[int] = JSON_BYTES_MAX

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        _refuse_threads(self.dependant)
        return super().get_route_handler()

    @cached_property
    def needs_caller(self) -> bool:
        return _needs_caller(self.dependant)

    @cached_property
    def ids_in_path(self) -> frozenset[str]:
        return _ids_in_path(self.dependant)

    @cached_property
    def names_in_query(self) -> frozenset[str]:
        return _names_in_query(self.dependant)

    def open(self, request: Request) -> StrictRequest:
        """The request, once what can be seen of it without reading its body is in order."""
        if self.needs_caller:
            require_token(request)
        if not all(_ID.fullmatch(request.path_params[name]) for name in self.ids_in_path):
            raise NotFoundError
        _check_query(request, self.names_in_query)
        strict = StrictRequest(request.scope, request.receive)
        strict.body_bytes_max = self.body_bytes_max
        return strict


class OwnWorkRoute(_StrictRoute):
    """A route whose handler opens short units of work itself, and holds no connection between them.

    For handlers that do something slow in the middle (hash a password), or that must keep something although they
    refuse (an attempt that was counted, a session that a replayed token revoked). An Idempotency-Key is accepted; a
    handler honors it by `idempotency_of`, otherwise nothing is kept of it.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer = super().get_route_handler()

        async def handle(request: Request) -> Response:
            strict = self.open(request)
            _idempotency_key_of(request)
            _check_media_type(self, strict)
            if request.method in _BODY_METHODS:
                await strict.body()
            return await answer(strict)

        return handle


class UnitOfWorkRoute(_StrictRoute):
    """A route whose handler finds an open `UnitOfWork` (see `Work`).

    The body is read before a connection is taken, so that a slow client holds none. What the handler announces, its
    effect and, for a keyed POST, its answer are committed together before the first byte of the answer is sent. An
    answer of 400 or more, or an exception, keeps nothing. What only reads is answered once more when its connection
    turns out to have ended, and so need not ask first whether it is there still.

    `IDEMPOTENT` False exempts routes whose answer must not be kept (it holds tokens). `KEY_REQUIRED` is set on the
    endpoint by `requires_idempotency_key`.
    """

    IDEMPOTENT: ClassVar[bool] = True

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer = super().get_route_handler()

        async def handle(request: Request) -> Response:
            strict = self.open(request)
            key = _idempotency_key_of(request)
            if key is None and getattr(self.endpoint, "requires_idempotency_key", False):
                await find_caller(request)  # a token that does not count is told first
                detail = "Money moves here: send an Idempotency-Key, so that a repeat cannot move it twice."
                raise ProblemError(400, "idempotency_key_required", detail)
            _check_media_type(self, strict)
            payload = await strict.body() if request.method in _BODY_METHODS else b""
            await self.prepare(strict)
            database: Database = request.app.state.database
            if request.method not in _SAFE_METHODS:
                return await in_one_unit_of_work(strict, database.unit_of_work(), key, payload)
            begun = time.monotonic()
            try:
                return await in_one_unit_of_work(strict, database.unit_of_work(is_repeatable=True), key, payload)
            except Exception as error:
                if not database_is_away(error) or time.monotonic() - begun > _REPEATED_WITHIN_SECONDS:
                    raise
            return await in_one_unit_of_work(strict, database.unit_of_work(), key, payload)

        async def in_one_unit_of_work(
            request: StrictRequest, opening: AbstractAsyncContextManager[UnitOfWork], key: str | None, payload: bytes
        ) -> Response:
            try:
                async with opening as work:
                    request.state.work = work
                    response = await self._answer_once(request, answer, work, key, payload)
                    if response.status_code >= 400:  # noqa: PLR2004 -- the first error status of HTTP
                        raise _DiscardedError(response)
            except _DiscardedError as discarded:
                return discarded.response
            failpoint("api.committed")
            return response

        return handle

    async def prepare(self, request: StrictRequest) -> None:
        """What must be done before a connection is taken, for it is slow; the body has been read."""

    async def _answer_once(
        self,
        request: StrictRequest,
        answer: Callable[[Request], Coroutine[Any, Any, Response]],
        work: UnitOfWork,
        key: str | None,
        payload: bytes,
    ) -> Response:
        if key is None or not self.IDEMPOTENT:
            return await answer(request)
        caller = await find_caller(request)
        scope = str(caller.user_id) if caller else "anonymous"
        # What a query says is part of what is asked for.
        asked = request.url.query.encode() + b"?" + payload if request.url.query else payload
        stored_key = IdempotencyKey(caller=scope, method="POST", path=request.url.path, key=key, payload=asked)
        stored = await stored_key.find_answer(work.connection)
        if stored is not None:
            return replayed(stored)
        response = await answer(request)
        if response.status_code < 400 and hasattr(response, "body"):  # noqa: PLR2004 -- the first error status of HTTP
            headers = {name: response.headers[name] for name in _REPLAYED_HEADERS if name in response.headers}
            await stored_key.store(work.connection, StoredAnswer(response.status_code, headers, bytes(response.body)))
        return response


def idempotency_of(request: Request, caller_id: UUID, payload: bytes) -> IdempotencyKey | None:
    """The Idempotency-Key of a request to an `OwnWorkRoute` or a plain route; None when it has none.

    Use `find_answer` and `store` inside the unit of work that has the effect; `replayed` makes the repeated answer.
    """
    key = _idempotency_key_of(request)
    if key is None:
        return None
    return IdempotencyKey(caller=str(caller_id), method="POST", path=request.url.path, key=key, payload=payload)


def replayed(stored: StoredAnswer) -> Response:
    """An answer that was given before, marked as such."""
    return Response(stored.body, stored.status, {**stored.headers, "Idempotent-Replayed": "true"})


class UnkeyedRoute(UnitOfWorkRoute):
    """For answers that hold tokens: an Idempotency-Key is accepted, and nothing is kept of it."""

    IDEMPOTENT = False


class DocumentRoute(UnitOfWorkRoute):
    """For documents of up to 20 MiB (09-values) with their multipart framing, read before a connection is taken."""

    body_bytes_max = 21 * 1024 * 1024


def requires_idempotency_key(endpoint: E) -> E:
    """Marks an endpoint where money moves (400 `idempotency_key_required` without a key)."""
    endpoint.requires_idempotency_key = True  # type: ignore[attr-defined] # a mark that the route class reads
    return endpoint


async def _work(request: Request) -> UnitOfWork:
    work: UnitOfWork = request.state.work
    return work


# The unit of work of this request.
Work = Annotated[UnitOfWork, Depends(_work)]
