"""A rail that answers in time, or counts as unsure: a bank that hangs must not hold a worker."""

import asyncio
from collections.abc import Awaitable
from decimal import Decimal
from typing import TypeVar

from ledger.domain.payments import RailAnswer
from ledger.domain.records import PayeeAccount
from ledger.use_cases.payment_ports import Rail, RailUnsureError

T = TypeVar("T")


class TimedRail:
    """Keeps `payment_ports.Rail` around another one. What was given up on may still have moved money."""

    def __init__(self, rail: Rail, timeout_seconds: float) -> None:
        self._rail = rail
        self._timeout_seconds = timeout_seconds
        self.name = rail.name
        self.lost_after = rail.lost_after
        self.watched_for = rail.watched_for

    async def prepare(self, account: PayeeAccount) -> str:
        return await self._in_time(self._rail.prepare(account))

    async def send(self, reference: str, amount: Decimal, currency: str, destination: str) -> RailAnswer:
        return await self._in_time(self._rail.send(reference, amount, currency, destination))

    async def ask(self, reference: str) -> RailAnswer:
        return await self._in_time(self._rail.ask(reference))

    async def ask_donation(self, reference: str) -> RailAnswer:
        return await self._in_time(self._rail.ask_donation(reference))

    async def refund(self, reference: str, amount: Decimal, currency: str, *, donation: str) -> RailAnswer:
        return await self._in_time(self._rail.refund(reference, amount, currency, donation=donation))

    async def ask_refund(self, reference: str, *, donation: str) -> RailAnswer:
        return await self._in_time(self._rail.ask_refund(reference, donation=donation))

    async def _in_time(self, call: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(self._timeout_seconds):
                return await call
        except TimeoutError as error:
            raise RailUnsureError(f"no answer within {self._timeout_seconds} s") from error
