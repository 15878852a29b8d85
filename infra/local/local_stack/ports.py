"""TCP ports on 127.0.0.1: finding free ones, and saying who holds a taken one."""

import os
import random
import socket
from itertools import islice
from pathlib import Path
from typing import Final

_LISTEN: Final = "0A"  # the kernel's code for a listening socket in /proc/net/tcp


# Below what Linux (32768), macOS and Windows (49152) give to a program that asks for any port or connects somewhere:
# one found free there and closed again may be somebody's connection a moment later. What this software itself listens
# on is lower still.
_NEVER_GIVEN: Final = range(20_000, 32_768)


class PortTakenError(RuntimeError):
    """A port that something needs is held by another program."""

    def __init__(self, port: int, purpose: str, holder: str | None) -> None:
        self.port = port
        self.purpose = purpose
        self.holder = holder
        super().__init__(f"port {port} ({purpose}) is taken" + (f" by {holder}" if holder else ""))


def free_ports(count: int) -> list[int]:
    """Ports that nothing listens on right now, and that no program gets by chance before they are listened on."""
    return list(islice(filter(is_free, random.sample(_NEVER_GIVEN, len(_NEVER_GIVEN))), count))


def is_free(port: int) -> bool:
    """Whether a server could listen on the port now (sockets of a just stopped one do not count, as for servers)."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def require_free(port: int, purpose: str) -> None:
    """Raises PortTakenError naming the port, what it is for and, where the system tells, who holds it."""
    if not is_free(port):
        raise PortTakenError(port, purpose, find_holder(port))


def find_holder(port: int) -> str | None:
    """`name (pid N)` of the program that listens on the port; None where the system does not tell (not on Linux)."""
    inodes = _listening_inodes(port)
    if not inodes:
        return None
    targets = {f"socket:[{inode}]" for inode in inodes}
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        try:
            descriptors = list((process / "fd").iterdir())
        except OSError:  # gone meanwhile, or another user's
            continue
        for descriptor in descriptors:
            try:
                if os.readlink(descriptor) in targets:  # noqa: PTH115 -- a socket's link is no path
                    return f"{(process / 'comm').read_text().strip()} (pid {process.name})"
            except OSError:
                continue
    return None


def _listening_inodes(port: int) -> set[str]:
    wanted = f"{port:04X}"
    inodes: set[str] = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == _LISTEN and fields[1].endswith(f":{wanted}"):
                inodes.add(fields[9])
    return inodes
