"""How many connections this process may have open at once, as far as its system lets it."""

import resource

import structlog

log = structlog.get_logger(__name__)


def raise_descriptor_limit(wanted: int) -> int:
    """Lift the soft limit of open files to `wanted`, or to the hard one where that is lower; returns what holds now.

    Containers and services often start with 1,024, which would be the number of sockets whatever our settings say.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return soft
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed < wanted:
        log.warning("open_files_limited", allowed=allowed, wanted=wanted)
    return allowed
