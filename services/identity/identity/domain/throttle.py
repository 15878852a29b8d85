"""How often something may be tried: an exact sliding window."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `attempts` in any span of `window_seconds`."""

    attempts: int
    window_seconds: int = 60


def recent(times: Sequence[datetime], now: datetime, limit: Limit) -> list[datetime]:
    """Those that still count. One from the future (the clock stepped back) counts as now: it cannot lock for long."""
    start = now - timedelta(seconds=limit.window_seconds)
    return sorted(min(time, now) for time in times if time > start)


def wait_seconds(times: Sequence[datetime], now: datetime, limit: Limit) -> int:
    """0 when another attempt is allowed, else the whole seconds until one is; `times` as `recent` gives them."""
    if len(times) < limit.attempts:
        return 0
    free_at = times[-limit.attempts] + timedelta(seconds=limit.window_seconds)
    return max(1, math.ceil((free_at - now).total_seconds()))
