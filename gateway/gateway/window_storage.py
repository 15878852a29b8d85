"""Fixed windows in this process's memory, for one gateway alone or when the shared store is away."""

import time
from typing import Any, Final

from limits.aio.storage import Storage

# A hundred thousand callers at once are about 20 MB; past that the windows that ended are forgotten at once.
_WINDOWS_MAX: Final = 100_000
_SWEEP_SECONDS: Final = 10.0


class WindowStorage(Storage):
    """What `limits` needs for fixed windows, without the task per hit that its own memory storage starts."""

    STORAGE_SCHEME = None

    def __init__(self, uri: str | None = None, wrap_exceptions: bool = False, **options: Any) -> None:  # noqa: FBT001, FBT002 -- the library's signature
        super().__init__(uri, wrap_exceptions=wrap_exceptions, **options)
        # key -> [count, end of the window in seconds since the epoch]
        self._windows: dict[str, tuple[int, float]] = {}
        self._next_sweep = 0.0

    @property
    def base_exceptions(self) -> type[Exception]:
        return ValueError

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count one more; a window begins with its first hit and lasts `expiry` seconds."""
        now = time.time()
        if now >= self._next_sweep or len(self._windows) >= _WINDOWS_MAX:
            self._sweep(now)
        count, ends = self._windows.get(key, (0, 0.0))
        if ends <= now:
            count, ends = 0, now + expiry
        count += amount
        self._windows[key] = (count, ends)
        return count

    async def get(self, key: str) -> int:
        """The count of a window that has not ended, else 0."""
        count, ends = self._windows.get(key, (0, 0.0))
        return count if ends > time.time() else 0

    async def get_expiry(self, key: str) -> float:
        """When the window ends, in seconds since the epoch; now when there is none."""
        now = time.time()
        return max(now, self._windows.get(key, (0, now))[1])

    async def check(self) -> bool:
        return True

    async def reset(self) -> int | None:
        forgotten = len(self._windows)
        self._windows.clear()
        return forgotten

    async def clear(self, key: str) -> None:
        self._windows.pop(key, None)

    def _sweep(self, now: float) -> None:
        self._next_sweep = now + _SWEEP_SECONDS
        self._windows = {key: window for key, window in self._windows.items() if window[1] > now}
        if len(self._windows) >= _WINDOWS_MAX:
            # A flood of new callers: the oldest half is forgotten rather than the memory filled.
            for key in list(self._windows)[: _WINDOWS_MAX // 2]:
                del self._windows[key]
