"""What everybody may read of the money: sums, integrity, the graph, and exports of the chain."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal, Protocol
from uuid import UUID

from ledger.use_cases.readings import TransactionView


@dataclass(frozen=True, slots=True)
class Sums:
    """What the chain has added up to, without reading it.

    `blocks` by type. `totals` by currency: `received`, `committed`, `disbursed`, `refunded`, as the blocks' data say.
    `accounts` by currency: the balance of every kind of account, as the postings say.
    """

    blocks: Mapping[str, int]
    programs: int
    beneficiaries: int
    totals: Mapping[str, Mapping[str, Decimal]]
    accounts: Mapping[str, Mapping[str, Decimal]]


@dataclass(frozen=True, slots=True)
class ProgramBalance:
    program_id: UUID
    currency: str
    available: Decimal
    committed: Decimal


@dataclass(frozen=True, slots=True)
class Attention:
    """What a person has to look at."""

    unreconciled_payments: int
    disputed_payments: int
    quarantined_events: int


class PublicReading(Protocol):
    """Sums for everybody; their cost does not grow with the chain."""

    async def snapshot(self) -> None:
        """From here on everything read belongs together; before the first statement of the unit of work."""
        ...

    async def sums(self) -> Sums: ...
    async def unbalanced_entries(self, start: int, end: int) -> int: ...
    async def attention(self) -> Attention: ...
    async def program_balances(self, program_id: UUID | None, limit: int) -> list[ProgramBalance]: ...
    async def cosignatures(self, size: int) -> list[tuple[str, datetime]]:
        """Which witnesses cosigned the checkpoint of that size, and when."""
        ...

    async def find_booked(self, transaction_id: UUID) -> TransactionView | None: ...
    async def find_behind(self, block_hash: str, references: Sequence[UUID]) -> TransactionView | None:
        """The transaction whose latest block it is, else the first of the ids that it names that is one."""
        ...


@dataclass(frozen=True, slots=True)
class GraphLink:
    source: UUID
    target: UUID
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Cut:
    """What a graph leaves out: nodes and links, counted up to a bound (`at_least` when there may be more)."""

    nodes: int
    links: int
    reason: Literal["count", "depth"]
    at_least: bool


@dataclass(frozen=True, slots=True)
class Graph:
    """Money as it flowed; what came back is netted out. Links run from where money came to where it went."""

    nodes: Sequence[TransactionView]
    links: Sequence[GraphLink]
    cut: Cut | None = None


class MoneyGraph(Protocol):
    """Which donation paid what."""

    async def graph(self, program_id: UUID | None, depth: int) -> Graph:
        """The newest payments with all the donations behind each of them.

        `depth` 1 shows them; each further one adds the other payments of the donations seen so far.
        """
        ...

    async def trace(self, start: TransactionView, *, forward: bool) -> Graph:
        """Where the money of a booked transaction went (`forward`), or which came before it."""
        ...


class ExportSource(Protocol):
    """Pages of the chain, each read on a connection of its own: a slow reader of an export holds none."""

    async def height(self) -> int: ...
    async def preimage(self, index: int) -> bytes: ...
    def preimages(self, height: int, types: frozenset[str] | None = ...) -> AsyncIterator[list[bytes]]:
        """The first `height` blocks' bytes in order, page by page; of some types only, if asked.

        Raises:
            ChainGapError: a block is missing.
        """
        ...

    async def of_awards(self, award_ids: Sequence[str], height: int) -> list[bytes]:
        """The bytes of those blocks among the first `height` that move the money of these awards, in order."""
        ...


class ChainGapError(RuntimeError):
    """A block that must be there is not: an export must end in an error, never in a shorter file."""
