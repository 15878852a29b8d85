"""Bank transfers that people make: whoever approves, with a fresh step-up, says that the transfer was made."""

from decimal import Decimal

from ledger.domain.payments import RailAnswer
from ledger.domain.records import PayeeAccount
from ledger.domain.transactions import RailStatus
from ledger.use_cases.ports import RailUnsureError


class ManualRail:
    """Keeps `ports.Rail` for refunds of donations that came by transfer."""

    name = "manual"

    async def send(self, reference: str, amount: Decimal, currency: str, account: PayeeAccount) -> RailAnswer:
        """Disbursements by hand need the bank's own reference first; none are started on this rail."""
        del amount, currency, account
        raise RailUnsureError(reference)

    async def refund(self, reference: str, amount: Decimal, currency: str) -> RailAnswer:
        del reference
        return RailAnswer(RailStatus.PAID, amount, currency)

    async def ask(self, reference: str) -> RailAnswer:
        """The approval was the confirmation."""
        del reference
        return RailAnswer(RailStatus.PAID)
