"""Who may no longer use a token, as identity's events say it; kept only as long as such a token could live."""

import heapq
import time
from collections.abc import Callable
from typing import Final
from uuid import UUID

from chassis.tokens import AccessToken
from contracts import identity
from contracts.fact import Fact

# Access tokens live 15 minutes and clocks may differ by 30 s (09); after twice that nobody can hold one.
_REMEMBERED_SECONDS: Final = 30 * 60


class SessionRevokedError(Exception):
    """The token was good once: its session is revoked, its user suspended or gone, or its role has changed."""


Loss = identity.SessionRevoked | identity.UserSuspended | identity.UserErased | identity.RoleChanged
Listener = Callable[[Loss], None]


class Standing:
    """Revoked sessions, barred users and changed roles. In memory: a restart reads the same events back."""

    def __init__(self, *, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._revoked: set[UUID] = set()
        self._barred: set[UUID] = set()
        self._role_versions: dict[UUID, int] = {}
        self._until: dict[UUID, float] = {}
        self._forgetting: list[tuple[float, UUID]] = []
        self._listeners: list[Listener] = []

    def on_loss(self, listener: Listener) -> None:
        """Call `listener` with each fact that ends a session, a user's access or a role."""
        self._listeners.append(listener)

    def apply(self, fact: Fact) -> None:
        """Take one of identity's facts into account; others are ignored."""
        self._forget()
        match fact:
            case identity.SessionRevoked():
                self._revoked.add(fact.session_id)
                self._remember(fact.session_id)
            case identity.UserSuspended() | identity.UserErased():
                self._barred.add(fact.user_id)
                self._remember(fact.user_id)
            case identity.RoleChanged():
                known = self._role_versions.get(fact.user_id, 0)
                self._role_versions[fact.user_id] = max(known, fact.role_version)
                self._remember(fact.user_id)
            case _:
                return
        for listener in self._listeners:
            listener(fact)

    def check(self, token: AccessToken) -> None:
        """Raise SessionRevokedError unless the token still counts."""
        if (
            token.session_id in self._revoked
            or token.user_id in self._barred
            or token.role_version < self._role_versions.get(token.user_id, 0)
        ):
            raise SessionRevokedError

    def _remember(self, whom: UUID) -> None:
        until = self._now() + _REMEMBERED_SECONDS
        self._until[whom] = until
        heapq.heappush(self._forgetting, (until, whom))

    def _forget(self) -> None:
        now = self._now()
        while self._forgetting and self._forgetting[0][0] <= now:
            _, whom = heapq.heappop(self._forgetting)
            if self._until.get(whom, now) > now:
                continue  # said again since: its later mention forgets it
            self._until.pop(whom, None)
            self._revoked.discard(whom)
            self._barred.discard(whom)
            self._role_versions.pop(whom, None)
