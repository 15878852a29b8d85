"""What is measured about open payments, and the one log line when some of them become overdue."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import structlog
from prometheus_client import Gauge

from ledger.use_cases.payment_ports import Unsettled

log = structlog.get_logger(__name__)

OLDEST_SECONDS: Final = Gauge(
    "impactnet_ledger_oldest_unsettled_payment_seconds",
    "Age of the oldest payment that is on its way or disputed.",
    ["direction", "status"],
)
UNSETTLED: Final = Gauge(
    "impactnet_ledger_unsettled_payments", "Payments on their way or disputed.", ["direction", "status"]
)
OVERDUE: Final = Gauge("impactnet_ledger_overdue_payments", "Kinds of open payments that a person should look at.")


class PaymentGauges:
    """Remembers what it has said, so that a state is logged when it comes up and not every minute."""

    def __init__(self) -> None:
        self._overdue: frozenset[tuple[str, str]] = frozenset()

    def report(self, found: Sequence[Unsettled], overdue: Sequence[Unsettled], now: datetime) -> None:
        OLDEST_SECONDS.clear()
        UNSETTLED.clear()
        for each in found:
            OLDEST_SECONDS.labels(each.direction, each.status).set((now - each.oldest_at).total_seconds())
            UNSETTLED.labels(each.direction, each.status).set(each.count)
        OVERDUE.set(len(overdue))
        kinds = frozenset((each.direction, each.status) for each in overdue)
        for direction, status in sorted(kinds - self._overdue):
            log.error("payments_overdue", direction=direction, status=status)
        self._overdue = kinds
