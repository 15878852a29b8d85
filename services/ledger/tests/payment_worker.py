"""The worker's payment timers as a process of their own, once each: to be killed at a line by `IMPACTNET_FAILPOINT`."""

import asyncio
import sys
from contextlib import AsyncExitStack

from chassis.clock import SystemClock
from chassis.database import Database
from chassis.personal_data import Vault
from chassis.service import Foundation
from ledger.bootstrap import build
from ledger.settings import LedgerSettings


async def run(*names: str) -> None:
    settings = LedgerSettings()
    url = settings.worker_database_url.get_secret_value()
    database = Database(url, application_name="test-payment-worker")
    async with AsyncExitStack() as stack:
        stack.push_async_callback(database.close)
        parts = build(Foundation(settings, database, SystemClock(), Vault(settings.master_key)))
        for resource in parts.resources:
            await stack.enter_async_context(resource)
        for timer in parts.timers:
            if timer.name in names:
                while await timer.run():
                    continue


if __name__ == "__main__":
    asyncio.run(run(*sys.argv[1:]))
