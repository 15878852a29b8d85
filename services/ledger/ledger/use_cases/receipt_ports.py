"""What receipts need from outside: the series, the archive that keeps the documents, the press that prints them."""

from contextlib import AbstractAsyncContextManager
from typing import Protocol
from uuid import UUID

from ledger.domain.receipts import IssuedReceipt, Receipt


class ReceiptSeries(Protocol):
    """The numbers without gaps, within one unit of work."""

    async def next_due(self, *, overlooked: bool) -> Receipt | None:
        """The receipt that comes next, under the next number; None when no completed money waits for one.

        In the order of the chain, from the last receipt's block on; with `overlooked`, anywhere before it: money that
        was disputed when its turn came, and turned out to be good.
        """
        ...

    async def add(self, receipt: Receipt, digest: str, object_key: str) -> bool:
        """Gives the number away; False when another writer was first, and nothing was written."""
        ...

    async def find(self, transaction_id: UUID) -> IssuedReceipt | None: ...
    async def page(self, after: int, limit: int) -> list[IssuedReceipt]:
        """Receipts with numbers above `after`, in order."""
        ...


class SeriesOpener(Protocol):
    """Opens the series in a unit of work of its own."""

    def __call__(self) -> AbstractAsyncContextManager[ReceiptSeries]: ...


class Archive(Protocol):
    """Object storage. Both raise `StorageUnavailableError` while it is away."""

    async def put(self, key: str, content: bytes, content_type: str) -> None: ...
    async def get(self, key: str, size_bytes_max: int) -> bytes:
        """FileNotFoundError when there is none, ObjectTooLargeError when it is larger."""
        ...


class Press(Protocol):
    """Prints; the same receipt gives the same bytes, in every process."""

    async def print(self, receipt: Receipt) -> bytes: ...


class ReceiptAlarm(Protocol):
    """Somebody has to look at this; what can be mended is mended meanwhile."""

    def missing(self, receipt: IssuedReceipt) -> None: ...
    def altered(self, receipt: IssuedReceipt) -> None: ...
    def lost(self, receipt: IssuedReceipt) -> None:
        """The archive has it not, and what can be printed today is not the same."""
        ...
