"""Who listens to what in this process, and the hand-over of events to them."""

from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar
from uuid import UUID

from contracts import identity
from gateway.live.closing import Close
from gateway.live.ring import Kept
from gateway.metrics import FRAMES_SENT
from gateway.standing import Loss

K = TypeVar("K")


class Listener(Protocol):
    """A socket, as the hub sees it."""

    @property
    def user_id(self) -> UUID: ...
    @property
    def session_id(self) -> UUID: ...
    @property
    def role_version(self) -> int: ...

    def deliver(self, channel: str, kept: Kept, position: str, *, caught_up: bool) -> None:
        """Take an event; returns at once whatever the reader does."""

    def close(self, code: Close) -> None:
        """End it."""

    def check_pace(self) -> None:
        """Close it when its reader has stopped reading."""


class Hub:
    """Sockets by channel and by user."""

    def __init__(self) -> None:
        self._by_channel: dict[str, set[Listener]] = {}
        self._by_user: dict[UUID, set[Listener]] = {}

    def __len__(self) -> int:
        return sum(len(sockets) for sockets in self._by_user.values())

    def count_of(self, user_id: UUID) -> int:
        """How many sockets this user has here."""
        return len(self._by_user.get(user_id, ()))

    def admit(self, listener: Listener) -> None:
        """A socket is authenticated."""
        self._by_user.setdefault(listener.user_id, set()).add(listener)

    def listen(self, listener: Listener, channels: Iterable[str]) -> None:
        """From now on this socket gets what is published to these channels."""
        for channel in channels:
            self._by_channel.setdefault(channel, set()).add(listener)

    def leave(self, listener: Listener, channels: Iterable[str]) -> None:
        """The socket is gone."""
        for channel in channels:
            _drop(self._by_channel, channel, listener)
        _drop(self._by_user, listener.user_id, listener)

    def publish(self, kept: Kept, position: Callable[[], str], *, caught_up: bool) -> None:
        """Hand an event to everyone who listens. `position` is asked for only when somebody does."""
        for channel in kept.heads:
            listeners = self._by_channel.get(channel)
            if not listeners:
                continue
            here = position()
            for listener in tuple(listeners):
                listener.deliver(channel, kept, here, caught_up=caught_up)
            FRAMES_SENT.inc(len(listeners))

    def apply(self, loss: Loss) -> None:
        """Close what no longer may listen: at once, wherever it is."""
        match loss:
            case identity.SessionRevoked():
                for listener in tuple(self._by_user.get(loss.user_id, ())):
                    if listener.session_id == loss.session_id:
                        listener.close(Close.SESSION_REVOKED)
            case identity.UserSuspended() | identity.UserErased():
                for listener in tuple(self._by_user.get(loss.user_id, ())):
                    listener.close(Close.SESSION_REVOKED)
            case identity.RoleChanged():
                for listener in tuple(self._by_user.get(loss.user_id, ())):
                    if listener.role_version < loss.role_version:
                        # A refresh brings the new role, and with it the present rights.
                        listener.close(Close.TOKEN_EXPIRED)

    def check_pace(self) -> None:
        """Look for readers that have stopped reading."""
        for listener in self.everyone():
            listener.check_pace()

    def everyone(self) -> list[Listener]:
        """All authenticated sockets."""
        return [listener for listeners in self._by_user.values() for listener in listeners]


def _drop(index: dict[K, set[Listener]], key: K, listener: Listener) -> None:
    listeners = index.get(key)
    if listeners is not None:
        listeners.discard(listener)
        if not listeners:
            del index[key]
