"""A rail that answers in time, or counts as unsure: a bank that hangs must not hold a worker."""

import asyncio
from collections.abc import Awaitable
from decimal import Decimal

from ledger.domain.payments import RailAnswer
from ledger.domain.records import PayeeAccount
from ledger.use_cases.ports import Rail, RailUnsureError


class TimedRail:
    """Keeps `ports.Rail` around another one. A call given up on may still have moved money: it is asked about."""

    def __init__(self, rail: Rail, timeout_seconds: float) -> None:
        self._rail = rail
        self._timeout_seconds = timeout_seconds
        self.name = rail.name

    async def send(self, reference: str, amount: Decimal, currency: str, account: PayeeAccount) -> RailAnswer:
        return await self._in_time(self._rail.send(reference, amount, currency, account))

    async def refund(self, reference: str, amount: Decimal, currency: str) -> RailAnswer:
        return await self._in_time(self._rail.refund(reference, amount, currency))

    async def ask(self, reference: str) -> RailAnswer:
        return await self._in_time(self._rail.ask(reference))

    async def _in_time(self, call: Awaitable[RailAnswer]) -> RailAnswer:
        try:
            async with asyncio.timeout(self._timeout_seconds):
                return await call
        except TimeoutError as error:
            raise RailUnsureError(f"no answer within {self._timeout_seconds} s") from error
