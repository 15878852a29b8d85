"""What a verification reads: one snapshot of everything that has to fit together. Light, for worker processes."""

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from ledger.domain.merkle import Node
from ledger.domain.proofs import NodeId
from ledger.use_cases.readings import StoredCheckpoint


@dataclass(frozen=True, slots=True)
class HeadRow:
    size: int
    tip: str
    tip_at: datetime
    epoch: int
    peaks: bytes


@dataclass(slots=True)
class Seen:
    """What sound blocks have told on the way, which need not be asked again.

    `kinds`: how many there are of each kind. `is_booked`: the events that they were made from are all remembered; what
    is not so is not known yet.
    """

    kinds: Counter[str] = field(default_factory=Counter)
    is_booked: bool = True

    def add(self, other: "Seen") -> None:
        self.kinds += other.kinds
        self.is_booked = self.is_booked and other.is_booked


@dataclass(frozen=True, slots=True)
class Segment:
    """What was found in blocks start..end-1. `broken` is (index, failure); the rest counts only where it is None.

    `tip`, `moment` (RFC 3339 without its `Z`) and `nonce` are those of the last block.
    """

    start: int
    end: int
    subtrees: Sequence[Node]
    tip: str
    moment: str
    nonce: int
    seen: Seen
    broken: tuple[int, str] | None = None


@dataclass(frozen=True, slots=True)
class StoredState:
    size: int
    body: str
    mac: bytes


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A row that does not say what the blocks say: which block, and in words."""

    block_index: int | None
    detail: str


@dataclass(frozen=True, slots=True)
class StandingFailure:
    """What a verification found and none since found mended; `block_index` is the first broken block, if it is one."""

    block_index: int | None
    failure: str
    found_at: datetime
    verified_by: str


class VerificationReading(Protocol):
    async def standing_failure(self) -> StandingFailure | None: ...


class Evidence(Protocol):
    """Everything, as of one moment: a chain that grows meanwhile would look broken."""

    async def begin(self, start: int, end: int) -> None:
        """`contradictions` of everything will be asked: what of it takes long may be looked for from now on."""
        ...

    async def head(self) -> HeadRow | None: ...

    def segments(self, start: int, end: int) -> AsyncIterator[Segment]:
        """Blocks start..end-1 looked at one by one, in order; the first broken one ends it."""
        ...

    async def nodes(self, wanted: Iterable[NodeId]) -> Mapping[NodeId, bytes]: ...
    async def node_beyond(self, size: int) -> NodeId | None:
        """A stored node that the tree of `size` does not have."""
        ...

    async def block_outside(self, size: int) -> int | None: ...
    async def posting_outside(self, size: int) -> int | None: ...
    async def checkpoints_within(self, start: int, end: int) -> Sequence[StoredCheckpoint]:
        """Of sizes start+1..end, the smallest first; those that still await their witnesses too."""
        ...

    def states(self) -> AsyncIterator[StoredState]:
        """All of them, the smallest first."""
        ...

    async def latest_state(self) -> StoredState | None: ...

    def balances_at(self, size: int) -> AsyncIterator[tuple[str, str]]:
        """(`NGN account`, decimal) in the order of the accounts' bytes, by the postings of the first `size` blocks."""
        ...

    def balances_since(self, start: int) -> AsyncIterator[tuple[str, str, str]]:
        """The same twice: without what blocks from `start` on have moved, and as it is."""
        ...

    def records(self, start: int, end: int) -> AsyncIterator[Sequence[tuple[int, str]]]:
        """(block index, row) of all rows beside blocks start..end-1 that never change, in order, page by page."""
        ...

    def receipts(self, after: int) -> AsyncIterator[Sequence[tuple[int, str]]]:
        """(number, row) of the receipts with higher numbers than `after`, in order, page by page."""
        ...

    def contradictions(
        self, start: int, end: int, *, whole: bool, seen: Seen | None = None
    ) -> AsyncIterator[Contradiction]:
        """Rows that contradict blocks start..end-1; `whole`: also sums over everything, and rows without a block.

        `seen` is what these very blocks have told already, if they were looked at before.
        """
        ...
