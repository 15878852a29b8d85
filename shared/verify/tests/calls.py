"""How much work something is, told without a clock."""

import sys
from collections.abc import Callable


def calls_of(work: Callable[[], None]) -> int:
    """How many functions it calls, ours and Python's own: as good as seconds, and the same every time."""
    calls = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
    return calls
