"""What a client and the gateway say to each other on one socket."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any, Final
from uuid import UUID

import orjson

from chassis.tokens import AccessToken
from gateway.exchange import Receive
from gateway.live import channels, frames
from gateway.live.closing import Close, CloseError
from gateway.live.dashboard import Dashboard
from gateway.live.interview import InterviewRelay
from gateway.live.introduction import Introduction
from gateway.live.rights import Rights
from gateway.live.session import Session
from gateway.live.subjects import Kind, Subject
from gateway.problems import Problem, ProblemError

# `resume` may be the first message after the welcome (09): live events wait this long for it, so that missed ones come
# first. A client that resumes sends it at once.
_RESUME_GRACE_SECONDS: Final = 0.3
# A fresh token is needed every 15 minutes; whoever sends one more often is guessing.
_AUTHS_MAX: Final = 100


class HungUpError(Exception):
    """The client is gone."""


class Conversation:
    """One socket from its first message on."""

    def __init__(
        self,
        subject: Subject,
        session: Session,
        receive: Receive,
        *,
        introduction: Introduction,
        rights: Rights,
        interviews: InterviewRelay,
        request_id: str,
        auth_seconds: float,
    ) -> None:
        self._subject = subject
        self._session = session
        self._receive = receive
        self._introduction = introduction
        self._rights = rights
        self._interviews = interviews
        self._request_id = request_id
        self._auth_seconds = auth_seconds
        self._token = ""
        self._auths = 0
        self._saying: asyncio.Task[None] | None = None
        self._handlers: dict[str, Callable[[dict[str, Any]], Awaitable[None]]] = {
            "auth": self._on_auth,
            "ping": self._on_ping,
            "resume": self._on_resume,
            "message": self._on_message,
        }

    async def hold(self, introduced: tuple[AccessToken, str] | None) -> None:
        """Talk until either side ends it.

        Raises:
            CloseError: the gateway ends it, with this code.
            HungUpError: the client did.
        """
        caller, self._token = introduced or await self._first_message()
        self._session.belong_to(caller)
        snapshot = await self._check_right(caller)
        self._session.channels = self._channels(caller)
        self._session.welcome()
        looking: asyncio.Task[None] | None = None
        if snapshot is not None:
            dashboard = Dashboard(self._session, self._rights, lambda: self._token, snapshot)
            dashboard.begin()
            looking = asyncio.create_task(dashboard.run())
        try:
            await self._listen()
        finally:
            await _end(looking)
            await _end(self._saying)

    async def _first_message(self) -> tuple[AccessToken, str]:
        try:
            async with asyncio.timeout(self._auth_seconds):
                message = await self._next()
        except TimeoutError:
            raise CloseError(Close.UNAUTHENTICATED) from None
        if message is None or message.get("type") != "auth":
            raise CloseError(Close.UNAUTHENTICATED)
        token = message.get("token")
        return await self._introduction.of_token(token), str(token)

    async def _listen(self) -> None:
        first: asyncio.Task[dict[str, Any] | None] = asyncio.create_task(self._next())
        try:
            await asyncio.wait((first,), timeout=_RESUME_GRACE_SECONDS)
            if not first.done():
                await self._session.go_live()
            message = await first
        finally:
            first.cancel()
        while True:
            await self._handle(message)
            # A ping or a token first, no resume: nothing more to wait for.
            await self._session.go_live()
            message = await self._next()

    async def _next(self) -> dict[str, Any] | None:
        """The next message, or None for what is no JSON object."""
        received = await self._receive()
        if received["type"] == "websocket.disconnect":
            raise HungUpError
        text = received.get("text")
        if text is None:
            return None
        try:
            message = orjson.loads(text)
        except orjson.JSONDecodeError:
            return None
        return message if isinstance(message, dict) else None

    async def _handle(self, message: dict[str, Any] | None) -> None:
        kind = None if message is None else message.get("type")
        handler = self._handlers.get(kind) if isinstance(kind, str) else None
        if message is None or handler is None:
            self._refuse(Problem(400, "unknown_message", "Send JSON: auth, ping, resume or message."))
            return
        await handler(message)

    async def _on_auth(self, message: dict[str, Any]) -> None:
        self._auths += 1
        if self._auths > _AUTHS_MAX:
            raise CloseError(Close.TOO_MANY)
        caller = await self._introduction.of_token(message.get("token"))
        self._session.belong_to(caller)
        self._token = message["token"]
        await self._check_right(caller)
        self._session.welcome_again()

    async def _on_ping(self, _: dict[str, Any]) -> None:
        self._session.send(frames.pong())

    async def _on_resume(self, message: dict[str, Any]) -> None:
        position = message.get("position")
        await self._session.resume(position if isinstance(position, str) else "")

    async def _on_message(self, message: dict[str, Any]) -> None:
        if self._subject.kind is not Kind.INTERVIEW or self._subject.application_id is None:
            self._refuse(Problem(400, "not_an_interview", "Only the interview's socket takes messages."))
        elif self._saying is not None and not self._saying.done():
            self._refuse(Problem(409, "answer_pending", "Wait for the answer before the next message."))
        else:
            say = self._say(self._subject.application_id, message.get("content"))
            self._saying = asyncio.create_task(say)

    async def _say(self, application_id: UUID, content: object) -> None:
        channel = channels.interview(application_id)
        try:
            async for kind, answer in self._interviews.say(application_id, content, self._token):
                self._session.send(frames.relayed(kind, channel, answer))
        except ProblemError as error:
            self._refuse(error.problem)

    def _refuse(self, problem: Problem) -> None:
        self._session.send(frames.error(problem, self._request_id))

    async def _check_right(self, caller: AccessToken) -> Any:
        """Raise CloseError unless the caller may listen; the dashboard's snapshot where it is one."""
        application_id = self._subject.application_id
        if self._subject.kind is Kind.DASHBOARD:
            return await self._rights.dashboard(self._token)
        if application_id is not None and self._subject.kind is Kind.INTERVIEW:
            await self._rights.demand_own_application(application_id, self._token)
        elif application_id is not None:
            await self._rights.demand_application(application_id, caller, self._token)
        return None

    def _channels(self, caller: AccessToken) -> set[str]:
        application_id = self._subject.application_id
        if self._subject.kind is Kind.NOTIFICATIONS:
            return {channels.notifications(caller.user_id)}
        if application_id is None:
            return {channels.BOARDS}
        if self._subject.kind is Kind.INTERVIEW:
            return {channels.interview(application_id)}
        return {channels.application(application_id)}


async def _end(task: asyncio.Task[None] | None) -> None:
    if task is not None:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
