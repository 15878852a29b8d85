"""What cosigning needs from outside: the witnesses themselves, and the shelf on which their lines are kept."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ledger.domain.checkpoints import Checkpoint
from ledger.domain.cosignatures import WitnessKey
from ledger.domain.notes import Signature
from ledger.domain.proofs import NodeId
from ledger.domain.refusals import RefusalError
from ledger.domain.witness_policy import Witness
from ledger.domain.witnessing import AddCheckpoint


class WitnessFailedError(RefusalError):
    """No cosignature from this witness this time. `outcome` is one word for metrics."""

    CODE = "witness_failed"

    def __init__(self, outcome: str, detail: str) -> None:
        self.outcome = outcome
        super().__init__(detail)


@dataclass(frozen=True, slots=True)
class WitnessAnswer:
    """`size` is the latest cosigned one that a 409 carries; `body` is whatever came, not looked at."""

    status: int
    body: str


class WitnessClient(Protocol):
    async def add_checkpoint(self, witness: Witness, request: AddCheckpoint) -> WitnessAnswer:
        """Raises WitnessFailedError when there is no answer, or one that is too long."""
        ...

    async def latest(self, witness: Witness, origin: str) -> str | None:
        """The latest checkpoint of the log that the witness shows; None for whatever is not an answer."""
        ...


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """The newest that the signer has signed; `published` when it is the one that is served."""

    checkpoint: Checkpoint
    note: str
    published: bool
    signed_at: datetime


class Shelf(Protocol):
    """The signer's tables, within one unit of work."""

    async def newest(self) -> SignedCheckpoint | None: ...
    async def cosignatures(self, size: int) -> Sequence[Signature]: ...
    async def seen_size(self, key: WitnessKey) -> int:
        """The largest size that this witness has cosigned; 0 when none."""
        ...

    async def nodes(self, wanted: Iterable[NodeId]) -> Mapping[NodeId, bytes]: ...
    async def keep(self, size: int, lines: Collection[Signature]) -> None: ...
    async def publish(self, checkpoint: Checkpoint, note: str) -> bool:
        """False when it was published already."""
        ...


OpenShelf = Callable[[], AbstractAsyncContextManager[Shelf]]


class WitnessWatch(Protocol):
    """Is told how witnesses do: for metrics and logs."""

    def cosigned(self, witness: Witness, size: int, seconds: float) -> None: ...
    def failed(self, witness: Witness, failure: WitnessFailedError) -> None: ...
