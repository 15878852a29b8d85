"""How witnesses do, as metrics and log lines."""

from typing import Final

import structlog
from prometheus_client import Counter, Gauge, Histogram

from ledger.domain.witness_policy import Witness
from ledger.use_cases.witness_ports import WitnessFailedError

log = structlog.get_logger(__name__)

ANSWERS: Final = Counter("impactnet_ledger_witness_answers", "Answers of witnesses by outcome.", ["witness", "outcome"])
SECONDS: Final = Histogram(
    "impactnet_ledger_witness_seconds",
    "Time to get a cosignature.",
    ["witness"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
COSIGNED_SIZE: Final = Gauge("impactnet_ledger_witness_cosigned_size", "Largest size cosigned.", ["witness"])

# These are no weather: a witness that lies, or one that has seen another log than ours.
_ALARMING: Final = frozenset({"ahead", "inconsistent", "bad_signature", "wrong_key", "untrusted", "unknown_log"})


class MeasuredWitnesses:
    """Keeps `witness_ports.WitnessWatch`."""

    def cosigned(self, witness: Witness, size: int, seconds: float) -> None:
        name = witness.key.name
        ANSWERS.labels(name, "cosigned").inc()
        SECONDS.labels(name).observe(seconds)
        COSIGNED_SIZE.labels(name).set(size)

    def failed(self, witness: Witness, failure: WitnessFailedError) -> None:
        name = witness.key.name
        ANSWERS.labels(name, failure.outcome).inc()
        write = log.error if failure.outcome in _ALARMING else log.warning
        write("witness_failed", witness=name, outcome=failure.outcome, detail=failure.detail)
