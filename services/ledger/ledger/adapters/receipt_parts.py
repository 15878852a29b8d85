"""Everything that receipts bring with them: storage, press, office, timers."""

from dataclasses import replace
from typing import Final

from chassis.database import UnitOfWork
from chassis.s3 import S3Storage
from chassis.service import Foundation
from chassis.timers import Timer
from ledger.adapters.receipt_document import PdfPress
from ledger.adapters.receipts import LoudAlarm, PostgresReceiptSeries, ReceiptOffice
from ledger.settings import LedgerSettings
from ledger.use_cases.check_receipts import Findings, check_receipts
from ledger.use_cases.produce_receipt import ReceiptRoom

# A receipt waits for a checkpoint anyway, which comes every ten seconds.
ISSUE_EVERY_SECONDS: Final = 1
# Disputes are resolved by people; this looks at all money of before, and a receipt more or less early harms nobody.
OVERLOOKED_EVERY_SECONDS: Final = 600
# A receipt has a few dozen KiB: a storage that takes longer for one is as good as away.
STORAGE_SECONDS_MAX: Final = 10


class ReceiptParts:
    """`storage` is to be opened before anything here is used."""

    def __init__(self, foundation: Foundation) -> None:
        settings: LedgerSettings = foundation.settings
        self.storage = S3Storage(replace(settings.storage, read_timeout_seconds=STORAGE_SECONDS_MAX))
        self.room = ReceiptRoom(self.storage, PdfPress(), LoudAlarm())
        self.office = ReceiptOffice(foundation.database, foundation.vault, settings.public_url, self.room)
        self.resources = (self.storage,)
        self.timers = (
            Timer("issue_receipts", ISSUE_EVERY_SECONDS, self.office.issue_next),
            Timer("issue_overlooked_receipts", OVERLOOKED_EVERY_SECONDS, self.office.issue_overlooked),
        )

    def series(self, work: UnitOfWork) -> PostgresReceiptSeries:
        return self.office.series_within(work)

    async def check(self, *, mend: bool) -> Findings:
        return await check_receipts(self.office.open_series, self.room, mend=mend)
