"""Logs that are audited, and the trust they are audited with."""

import io
from typing import Any

from shared.verify.tests.logs import (
    POLICY_WITHOUT_WITNESSES,
    Log,
    commitment,
    disbursement,
    donation,
)

from impactnet_verify.audit import Findings, audit
from impactnet_verify.checkpoints import open_checkpoint
from impactnet_verify.policies import parse_policy

TRUST = parse_policy(POLICY_WITHOUT_WITNESSES.encode())
INTERVIEW = {"application_id": "a", "transcript_sha256": "7" * 64, "messages": 1, "model": "m", "prompt_version": "1"}


def audited(log: Log) -> Findings:
    """The log signs whatever it holds: only the rules can refuse it."""
    return audit(io.BytesIO(log.dump()), open_checkpoint(log.checkpoint(), TRUST))


def paid() -> Log:
    """Six blocks: a donation, a commitment, and one payment sent and completed."""
    log = Log().add("donation", "gift-1", donation()).add("commitment", "event-1", commitment())
    return log.add("disbursement", "pay-1:sent", disbursement("pay-1", "sent")).add(
        "disbursement", "pay-1:completed", disbursement("pay-1", "completed")
    )


def without(data: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in data.items() if key != name}
