"""Checks the whole series: no number left out, and behind every number the document that was issued."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Final

from ledger.domain.receipts import IssuedReceipt
from ledger.domain.refusals import ReceiptUnavailableError
from ledger.use_cases.produce_receipt import Found, ReceiptRoom
from ledger.use_cases.receipt_ports import SeriesOpener

# Rows per query: a few hundred KiB with their proofs.
_PAGE: Final = 200


@dataclass
class Findings:
    """What is not as it should be, in the order of the series; `checked` counts receipts."""

    checked: int = 0
    problems: list[str] = field(default_factory=list)
    mended: int = 0

    @property
    def ok(self) -> bool:
        return not self.problems


async def check_receipts(open_series: SeriesOpener, room: ReceiptRoom, *, mend: bool) -> Findings:
    """Looks at every receipt; with `mend`, what is missing or altered is printed again and put back.

    A storage that is away ends the check as a problem: nothing can be said of what it holds.
    """
    findings = Findings()
    expected = 1
    async for issued in _all(open_series):
        if issued.number != expected:
            findings.problems.append(f"receipts {expected} to {issued.number - 1} are left out")
        expected = issued.number + 1
        findings.checked += 1
        found, _ = await room.look(issued)
        if found is Found.AWAY:
            findings.problems.append(f"object storage is away; nothing is known from receipt {issued.number} on")
            break
        if found is Found.KEPT:
            continue
        if mend and await _mended(room, issued):
            findings.mended += 1
        else:
            findings.problems.append(f"receipt {issued.number} is {found} ({issued.object_key})")
    return findings


async def _mended(room: ReceiptRoom, issued: IssuedReceipt) -> bool:
    try:
        await room.produce(issued)
    except ReceiptUnavailableError:
        return False
    found, _ = await room.look(issued)
    return found is Found.KEPT


async def _all(open_series: SeriesOpener) -> AsyncIterator[IssuedReceipt]:
    after = 0
    while True:
        async with open_series() as series:
            page = await series.page(after, _PAGE)
        for issued in page:
            yield issued
        if not page:
            return
        after = page[-1].number
