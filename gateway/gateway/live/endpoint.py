"""The sockets' door: path, origin, room; then the conversation; on the way out, everyone in batches."""

import asyncio
import contextlib
from typing import Final

import structlog

from gateway.cors import Cors
from gateway.exchange import Receive, Scope, Send
from gateway.headers import find, request_id_of
from gateway.live.closing import REASONS, Close, CloseError
from gateway.live.conversation import Conversation, HungUpError
from gateway.live.hub import Hub
from gateway.live.interview import InterviewRelay
from gateway.live.introduction import Introduction
from gateway.live.rights import Rights
from gateway.live.ring import Ring
from gateway.live.session import Session
from gateway.live.stream import Stream
from gateway.live.subjects import subject_of
from gateway.live.wire import WIRE, Wire
from gateway.metrics import SOCKETS, SOCKETS_CLOSED
from gateway.settings import GatewaySettings

log = structlog.get_logger(__name__)

# Between two batches of a drain, so that those who come back do not all arrive at once.
_DRAIN_BATCHES: Final = 20
# How often slow readers are looked for.
_PACE_SECONDS: Final = 1.0


class LiveSockets:
    """The ASGI application of `/ws/`."""

    def __init__(
        self,
        settings: GatewaySettings,
        *,
        cors: Cors,
        introduction: Introduction,
        rights: Rights,
        interviews: InterviewRelay,
        hub: Hub,
        ring: Ring,
        stream: Stream,
    ) -> None:
        self._settings = settings
        self._cors = cors
        self._introduction = introduction
        self._rights = rights
        self._interviews = interviews
        self._hub = hub
        self._ring = ring
        self._stream = stream
        self._sessions: set[Session] = set()
        self._is_draining = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One socket, from its handshake to its end."""
        if (await receive())["type"] != "websocket.connect":
            return
        # Accepted before anything is refused: browsers show a close code to their page, and no refused handshake.
        with contextlib.suppress(OSError):
            await send({"type": "websocket.accept"})
        wire: Wire = scope["extensions"][WIRE]
        try:
            await self._serve(scope, receive, wire)
        except CloseError as error:
            SOCKETS_CLOSED.labels(str(int(error.code))).inc()
            wire.write_close(int(error.code), REASONS[error.code])

    async def _serve(self, scope: Scope, receive: Receive, wire: Wire) -> None:
        origin = find(scope["headers"], b"origin")
        if self._is_draining:
            raise CloseError(Close.GOING_AWAY)
        if origin is not None and not self._cors.allows(origin):
            raise CloseError(Close.FORBIDDEN)
        subject = subject_of(scope["raw_path"].decode("latin-1"))
        if subject is None:
            raise CloseError(Close.NOT_FOUND)
        if len(self._sessions) >= self._settings.sockets_max:
            raise CloseError(Close.TOO_MANY)
        session = Session(self._settings, wire=wire, hub=self._hub, ring=self._ring, stream=self._stream)
        conversation = Conversation(
            subject,
            session,
            receive,
            introduction=self._introduction,
            rights=self._rights,
            interviews=self._interviews,
            request_id=request_id_of(scope["headers"]),
            auth_seconds=self._settings.socket_auth_seconds,
        )
        self._sessions.add(session)
        SOCKETS.labels(subject.kind).inc()
        try:
            await conversation.hold(await self._introduction.from_handshake(scope))
        except HungUpError:
            pass
        except CloseError as error:
            session.close(error.code)
        finally:
            self._sessions.discard(session)
            session.leave()
            SOCKETS.labels(subject.kind).dec()

    async def keep_pace(self) -> None:
        """Close readers that have stopped reading; runs until cancelled."""
        while True:
            await asyncio.sleep(_PACE_SECONDS)
            self._hub.check_pace()

    async def drain(self) -> None:
        """Close all sockets with 1012, in batches spread over `drain_seconds`; new ones are told the same."""
        self._is_draining = True
        sessions = list(self._sessions)
        if not sessions:
            return
        size = -(-len(sessions) // _DRAIN_BATCHES)
        # A handful of sockets needs no spreading out: a batch takes as much of the time as it is of a thousand.
        pause_seconds = self._settings.drain_seconds / _DRAIN_BATCHES * min(1.0, len(sessions) / 1000)
        for begin in range(0, len(sessions), size):
            for session in sessions[begin : begin + size]:
                session.close(Close.GOING_AWAY)
            await asyncio.sleep(pause_seconds)
        log.info("sockets_drained", sockets=len(sessions))
