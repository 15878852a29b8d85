"""Produces an issued receipt: from the archive, else printed again; always the bytes that were issued, or nothing."""

import asyncio
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from chassis.object_storage import ObjectTooLargeError, StorageUnavailableError
from ledger.domain.receipts import SIZE_BYTES_MAX, IssuedReceipt, digest_of
from ledger.domain.refusals import ReceiptUnavailableError
from ledger.use_cases.issue_receipt import CONTENT_TYPE
from ledger.use_cases.receipt_ports import Archive, Press, ReceiptAlarm

# Who waits for a receipt hears within 5 s: asked once, printed in a fraction of one, put back once.
ARCHIVE_SECONDS_MAX: Final = 2


class Found(StrEnum):
    """What the archive had under a receipt's key."""

    KEPT = "kept"
    MISSING = "missing"
    ALTERED = "altered"
    AWAY = "away"


@dataclass(frozen=True, slots=True)
class ReceiptRoom:
    """Where receipts are kept and printed; `alarm` hears of every one that is not as it was issued."""

    archive: Archive
    press: Press
    alarm: ReceiptAlarm

    async def produce(self, issued: IssuedReceipt) -> bytes:
        """The document. One that is missing or altered in the archive is put there again.

        Raises:
            ReceiptUnavailableError: the archive has it not, and today's printing is not what was issued.
        """
        found, document = await self.look(issued)
        if document is not None:
            return document
        document = await self._print_again(issued)
        if found is not Found.AWAY:
            await self._put_back(issued, document)
        return document

    async def look(self, issued: IssuedReceipt) -> tuple[Found, bytes | None]:
        """What the archive has, and the bytes if they are those that were issued."""
        try:
            async with asyncio.timeout(ARCHIVE_SECONDS_MAX):
                document = await self.archive.get(issued.object_key, SIZE_BYTES_MAX)
        except (StorageUnavailableError, TimeoutError):
            return Found.AWAY, None
        except FileNotFoundError:
            self.alarm.missing(issued)
            return Found.MISSING, None
        except ObjectTooLargeError:
            self.alarm.altered(issued)
            return Found.ALTERED, None
        if digest_of(document) != issued.sha256:
            self.alarm.altered(issued)
            return Found.ALTERED, None
        return Found.KEPT, document

    async def _print_again(self, issued: IssuedReceipt) -> bytes:
        document = issued.content
        if document is None and issued.source is not None:
            document = await self.press.print(issued.source)
        if document is None or digest_of(document) != issued.sha256:
            self.alarm.lost(issued)
            raise ReceiptUnavailableError
        return document

    async def _put_back(self, issued: IssuedReceipt, document: bytes) -> None:
        try:
            async with asyncio.timeout(ARCHIVE_SECONDS_MAX):
                await self.archive.put(issued.object_key, document, CONTENT_TYPE)
        except (StorageUnavailableError, TimeoutError):
            return  # the next one who asks mends it
