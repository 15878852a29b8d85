"""One live socket after its handshake: who it belongs to, what it has seen, when it ends."""

import asyncio
import time
from collections.abc import Callable
from uuid import UUID

from chassis.tokens import AccessToken
from gateway.live import frames
from gateway.live.closing import REASONS, Close, CloseError
from gateway.live.hub import Hub
from gateway.live.position import Position, encode
from gateway.live.ring import Kept, Ring
from gateway.live.stream import Stream
from gateway.live.wire import Wire
from gateway.metrics import SOCKETS_CLOSED
from gateway.settings import GatewaySettings

# While missed frames go out, this much may wait in the connection; the rest stays in the ring.
_REPLAY_BYTES = 256 * 1024


class Session:
    """Delivers each event of its channels once and in order: first what was missed, from the ring, then live."""

    def __init__(self, settings: GatewaySettings, *, wire: Wire, hub: Hub, ring: Ring, stream: Stream) -> None:
        self._settings = settings
        self._wire = wire
        self._hub = hub
        self._ring = ring
        self._stream = stream
        self._caller: AccessToken | None = None
        self._expiry: asyncio.TimerHandle | None = None
        self.channels: set[str] = set()
        # What is done with an event; a dashboard looks again instead of sending it.
        self.show: Callable[[str, Kept, str], None] = self._send_event
        # Where to go on from until the socket is live; None when Kafka has not been seen yet.
        self._cursor: Position | None = None
        # Offsets that another gateway had already delivered while this one is behind it.
        self._ahead: Position | None = None
        self._generation = 0
        self._welcomed_at = 0.0
        self._welcome_position: Position | None = None
        self._is_live = False
        self.closed_with: Close | None = None

    @property
    def user_id(self) -> UUID:
        return self._known().user_id

    @property
    def session_id(self) -> UUID:
        return self._known().session_id

    @property
    def role_version(self) -> int:
        return self._known().role_version

    @property
    def is_live(self) -> bool:
        """Whether events arrive as they happen."""
        return self._is_live

    def belong_to(self, caller: AccessToken) -> None:
        """Take the caller's token as the one that keeps this socket open, and count it among the user's.

        Raises:
            CloseError: another user's token, one that has expired, or one socket too many.
        """
        if self._caller is None:
            if self._hub.count_of(caller.user_id) >= self._settings.sockets_per_user_max:
                raise CloseError(Close.TOO_MANY)
            self._caller = caller
            self._hub.admit(self)
        elif self._caller.user_id != caller.user_id:
            raise CloseError(Close.FORBIDDEN)
        self._caller = caller
        if self._expiry is not None:
            self._expiry.cancel()
        left_seconds = caller.expires_at.timestamp() - time.time()
        if left_seconds <= 0:
            raise CloseError(Close.TOKEN_EXPIRED)
        self._expiry = asyncio.get_running_loop().call_later(left_seconds, self.close, Close.TOKEN_EXPIRED)

    def welcome(self) -> None:
        """Say where the socket is; events since wait in the ring until `go_live`."""
        self._generation = self._stream.generation
        self._cursor = self._welcome_position = self._stream.position() if self._stream.has_begun else None
        self._welcomed_at = time.time()
        if self._cursor is None:
            self._attach()
        self.send(frames.welcome(self._stream.position().encode(), recovered=None))

    def welcome_again(self) -> None:
        """Confirm a fresh token."""
        self.send(frames.welcome(self._here(), recovered=None))

    async def go_live(self) -> None:
        """Send what has come since the cursor, then listen; nothing can come in between."""
        if not self._is_live:
            await self._replay(until=None)

    async def resume(self, text: str) -> None:
        """Send what was missed since a position, or say that it cannot be known."""
        position = await self._stream.resumable(text)
        if position is None:
            await self.go_live()
        elif not self._is_live:
            self._cursor = position
            await self._replay(until=None)
        else:
            # Too late for one row: what came live since the welcome has been seen and is left out.
            self._cursor = position
            await self._replay(until=self._welcome_position)
        self.send(frames.welcome(self._here(), recovered=position is not None))

    async def _replay(self, *, until: Position | None) -> None:
        """`until`: leave out what a position has not seen; None goes live at the end."""
        cursor = self._cursor
        if cursor is not None:
            shape = self._stream.position().offsets
            offsets = [[cursor.offset(t, p) for p in range(len(partitions))] for t, partitions in enumerate(shape)]
            while self.closed_with is None:
                if self._generation != self._stream.generation or not self._ring.covers(_vector(cursor, offsets)):
                    # The ring has moved on past this reader: it comes back with the last position it got.
                    self.close(Close.TOO_SLOW)
                    return
                missed = self._ring.since(self.channels, _vector(cursor, offsets))
                if until is not None:
                    missed = [
                        entry for entry in missed if entry[1].offset < until.offset(entry[1].topic, entry[1].partition)
                    ]
                if not missed:
                    break
                for channel, kept in missed:
                    offsets[kept.topic][kept.partition] = kept.offset + 1
                    self.show(channel, kept, encode(cursor.cluster, offsets))
                    if self._wire.buffered_bytes > _REPLAY_BYTES:
                        await self._wait_for_reader()
                        break
            self._ahead = _vector(cursor, offsets)
        if until is None and self.closed_with is None:
            self._attach()

    async def _wait_for_reader(self) -> None:
        try:
            await asyncio.wait_for(self._wire.drained(), self._settings.socket_send_seconds)
        except TimeoutError:
            self.close(Close.TOO_SLOW)

    def _attach(self) -> None:
        self._is_live = True
        self._hub.listen(self, self.channels)

    def deliver(self, channel: str, kept: Kept, position: str, *, caught_up: bool) -> None:
        """Take a live event; see `Hub.publish`."""
        if self._ahead is not None and self._generation == self._stream.generation:
            if kept.offset < self._ahead.offset(kept.topic, kept.partition):
                return
            position = self._here()
        elif not caught_up and kept.said_at < self._welcomed_at:
            return  # read back at the start: from before this socket, whose client has read it over HTTP
        self.show(channel, kept, position)

    def _send_event(self, channel: str, kept: Kept, position: str) -> None:
        self.send(kept.text(channel, position))

    def _here(self) -> str:
        """The present position, or what this socket has seen beyond it."""
        now = self._stream.position()
        ahead = self._ahead
        if ahead is None or self._generation != self._stream.generation or ahead.cluster != now.cluster:
            self._ahead = None
            return now.encode()
        offsets = [
            [max(offset, ahead.offset(topic, index)) for index, offset in enumerate(partitions)]
            for topic, partitions in enumerate(now.offsets)
        ]
        if all(tuple(mine) == theirs for mine, theirs in zip(offsets, now.offsets, strict=True)):
            self._ahead = None
        return encode(now.cluster, offsets)

    def send(self, frame: bytes) -> None:
        """Write a frame; a reader that has a whole buffer waiting is closed instead."""
        if self.closed_with is not None:
            return
        self._wire.write_text(frame)
        if self._wire.buffered_bytes > self._settings.socket_buffer_bytes_max:
            self.close(Close.TOO_SLOW)

    def check_pace(self) -> None:
        """Close a reader that has taken nothing for too long."""
        if self._wire.paused_seconds > self._settings.socket_send_seconds:
            self.close(Close.TOO_SLOW)

    def close(self, code: Close) -> None:
        """End the socket with a code, at once; the first code counts."""
        if self.closed_with is not None:
            return
        self.closed_with = code
        SOCKETS_CLOSED.labels(str(int(code))).inc()
        self._wire.write_close(int(code), REASONS[code])

    def leave(self) -> None:
        """Forget the socket."""
        if self._expiry is not None:
            self._expiry.cancel()
        if self._caller is not None:
            self._hub.leave(self, self.channels)

    def _known(self) -> AccessToken:
        if self._caller is None:
            raise RuntimeError("asked for the caller of a socket that nobody has introduced")
        return self._caller


def _vector(cursor: Position, offsets: list[list[int]]) -> Position:
    return Position(cursor.cluster, tuple(tuple(partitions) for partitions in offsets))
