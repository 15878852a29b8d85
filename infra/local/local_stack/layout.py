"""What a local system consists of: its processes, their names and their ports."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from local_stack.ports import PortTakenError, find_holder, free_ports, is_free
from local_stack.roles import CONTEXTS

PORT_BASE: Final = 8000
WORKERS_MAX: Final = 9  # a worker's port says which context and which worker it is: 81nc

SIGNER: Final = "ledger-signer"
WITNESS: Final = "ledger-witness"
_OFFSETS: Final = {
    "gateway": 0,
    **{context: number for number, context in enumerate(CONTEXTS, start=1)},
    "postgres": 32,
    "s3": 90,
    "kafka": 92,
}
_WORKERS_OFFSET: Final = 100
_SIGNER_OFFSET: Final = 106
_WITNESS_OFFSET: Final = 107


@dataclass(frozen=True, slots=True)
class Layout:
    """How the system is cut into processes.

    `split` runs the API and the workers of each service apart; only then may there be more than one of its `workers`.
    """

    split: bool = False
    workers: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.workers <= WORKERS_MAX:
            raise ValueError(f"workers can be 1 to {WORKERS_MAX}, not {self.workers}")
        if self.workers > 1 and not self.split:
            raise ValueError("more than one worker of each service needs --split")

    def worker_names(self, context: str) -> list[str]:
        return [f"{context}-worker-{number}" for number in range(1, self.workers + 1)] if self.split else []

    def port_names(self) -> list[str]:
        """Everything that listens: parts and services by their name, workers by their process's."""
        workers = [name for context in CONTEXTS for name in self.worker_names(context)]
        return [*_OFFSETS, SIGNER, WITNESS, *workers]


def chosen_ports(layout: Layout, base: int = PORT_BASE, environment: Mapping[str, str] = os.environ) -> dict[str, int]:
    """Ports counted from `base`; IMPACTNET_<NAME>_PORT moves one (GATEWAY, IDENTITY, ..., LEDGER_SIGNER, KAFKA).

    Raises:
        ValueError: a variable is no port, or two things would share one.
    """
    ports = {name: base + offset for name, offset in _OFFSETS.items()}
    ports[SIGNER] = base + _SIGNER_OFFSET
    ports[WITNESS] = base + _WITNESS_OFFSET
    for number, context in enumerate(CONTEXTS, start=1):
        for nth, name in enumerate(layout.worker_names(context)):
            ports[name] = base + _WORKERS_OFFSET + 10 * nth + number
    for name in (*_OFFSETS, SIGNER, WITNESS):
        variable = f"IMPACTNET_{name.upper().replace('-', '_')}_PORT"
        value = environment.get(variable, "")
        if value:
            if not value.isdecimal() or not 0 < int(value) < 1 << 16:
                raise ValueError(f"{variable} is {value!r}, which is no port")
            ports[name] = int(value)
    taken: dict[int, str] = {}
    for name, port in ports.items():
        if port in taken:
            raise ValueError(f"{taken[port]} and {name} cannot both listen on port {port}")
        taken[port] = name
    return ports


def any_free_ports(layout: Layout) -> dict[str, int]:
    """Ports that nothing listens on, for systems that live beside others."""
    names = layout.port_names()
    return dict(zip(names, free_ports(len(names)), strict=True))


def taken_ports(ports: Mapping[str, int]) -> list[PortTakenError]:
    """One entry for each port that another program listens on, saying which and, where known, who."""
    return [PortTakenError(port, name, find_holder(port)) for name, port in ports.items() if not is_free(port)]
