"""Issues the next receipt: printed, kept, and only then numbered, so that no number ever stands for nothing."""

from chassis.failpoints import failpoint
from ledger.domain.receipts import digest_of, object_key_of
from ledger.use_cases.receipt_ports import Archive, Press, SeriesOpener

CONTENT_TYPE = "application/pdf"


async def issue_next_receipt(
    open_series: SeriesOpener, press: Press, archive: Archive, *, overlooked: bool = False
) -> bool:
    """False when none is due. No transaction is open while the archive is spoken to.

    The bytes come first: a crash between them and the row leaves an object that nobody refers to, and the next try
    prints the same bytes under the same key.

    Raises:
        StorageUnavailableError: the archive is away; the number is still free.
    """
    async with open_series() as series:
        receipt = await series.next_due(overlooked=overlooked)
    if receipt is None:
        return False
    receipt.check()
    document = await press.print(receipt)
    digest = digest_of(document)
    await archive.put(object_key_of(digest), document, CONTENT_TYPE)
    failpoint("ledger.receipt_stored")
    async with open_series() as series:
        # When another was first, there may be more to do: the caller comes again.
        await series.add(receipt, digest, object_key_of(digest))
    failpoint("ledger.receipt_issued")
    return True
