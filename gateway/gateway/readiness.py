"""Alive, ready (or what is missing), degraded (what is away but stops nobody)."""

from collections.abc import Awaitable, Callable

Check = Callable[[], bool | Awaitable[bool]]


class Readiness:
    """`needs`: without it no traffic should come here. `likes`: without it something is worse, and is said."""

    def __init__(self) -> None:
        self.needs: dict[str, Check] = {}
        self.likes: dict[str, Check] = {}
        self.is_draining = False

    async def missing(self) -> list[str]:
        """Names of the needs that are not met."""
        names = await _unmet(self.needs)
        return [*names, "draining"] if self.is_draining else names

    async def degraded(self) -> list[str]:
        """Names of the likes that are not met."""
        return await _unmet(self.likes)


async def _unmet(checks: dict[str, Check]) -> list[str]:
    names = []
    for name, check in checks.items():
        met = check()
        if not (met if isinstance(met, bool) else await met):
            names.append(name)
    return names
