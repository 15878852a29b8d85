"""The board's dashboard: a snapshot, then whatever has changed in it since."""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from gateway.live import channels, frames
from gateway.live.closing import Close, CloseError
from gateway.live.rights import Rights
from gateway.live.ring import Kept
from gateway.live.session import Session

# Events come in bursts; figures are for people. One look per second and socket is the most that a board costs.
_SETTLE_SECONDS: Final = 0.2
_LOOK_SECONDS: Final = 1.0
# The moment of the answer, which differs each time.
_NOT_A_FIGURE: Final = frozenset({"at"})


class Dashboard:
    """Looks again when anything happened that a board could see, and sends what differs.

    The figures are the service's own, asked with the caller's token: no event of another board is ever shown.
    """

    def __init__(self, session: Session, rights: Rights, token: Callable[[], str], snapshot: dict[str, Any]) -> None:
        self._session = session
        self._rights = rights
        self._token = token
        self._figures = snapshot
        self._changed = asyncio.Event()

    def begin(self) -> None:
        """Send the snapshot; from now on events make it look again."""
        self._session.send(frames.relayed("snapshot", channels.BOARDS, {"data": self._figures}))
        self._session.show = self._look_again

    async def run(self) -> None:
        """Send deltas until cancelled, or until the right is gone."""
        while True:
            await self._changed.wait()
            await asyncio.sleep(_SETTLE_SECONDS)
            self._changed.clear()
            try:
                figures = await self._rights.dashboard(self._token())
            except CloseError as error:
                if error.code is not Close.TRY_LATER:
                    self._session.close(error.code)
                    return
                self._changed.set()
            else:
                self._send_difference(figures)
            await asyncio.sleep(_LOOK_SECONDS - _SETTLE_SECONDS)

    def _look_again(self, _: str, __: Kept, ___: str) -> None:
        self._changed.set()

    def _send_difference(self, figures: dict[str, Any]) -> None:
        changed = {
            name: value
            for name, value in figures.items()
            if name not in _NOT_A_FIGURE and self._figures.get(name) != value
        }
        self._figures = figures
        if changed:
            self._session.send(frames.relayed("delta", channels.BOARDS, {"data": changed}))
