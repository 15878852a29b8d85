"""Failpoints: lets a fault test kill a process at an exact line. Never active in production."""

import os
import signal
from collections import Counter
from typing import Final

# `IMPACTNET_FAILPOINT=<name>:<n>` kills the process (SIGKILL) when it passes the named point for the n-th time.
VARIABLE: Final = "IMPACTNET_FAILPOINT"

_passed: Counter[str] = Counter()


def failpoint(name: str) -> None:
    """Die here, without any clean-up, when the environment says so; otherwise do nothing."""
    wanted = os.environ.get(VARIABLE)
    if wanted is None or os.environ.get("IMPACTNET_ENVIRONMENT") == "production":
        return
    point, _, nth = wanted.partition(":")
    _passed[name] += 1
    if point == name and _passed[name] == int(nth or 1):
        os.kill(os.getpid(), signal.SIGKILL)
