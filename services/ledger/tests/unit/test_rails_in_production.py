"""Nobody takes or pays play money for real because a setting was left out: production has its rails named."""

import pytest
from pydantic import SecretStr, ValidationError

from ledger.settings import LedgerSettings

KEY = "bm90LXRoZS1kZXZlbG9wbWVudC1rZXktMzItYnl0ZXM="
PRODUCTION = {
    "environment": "production",
    "origin": "log.example/1",
    "database_url": SecretStr("postgresql://api@db/impactnet"),
    "worker_database_url": SecretStr("postgresql://worker@db/impactnet"),
    "migrator_database_url": SecretStr("postgresql://migrator@db/impactnet"),
    "verifier_keys": ["log.example/1+00000000+key"],
    "verification_key": SecretStr(KEY),
    "master_key": SecretStr(KEY),
    "s3_access_key": SecretStr("ours"),
    "s3_secret_key": SecretStr("ours"),
    "s3_endpoint": "https://s3.example",
    "s3_public_endpoint": "https://s3.example",
}


def settings(**values: object) -> LedgerSettings:
    return LedgerSettings.model_validate(PRODUCTION | values)


@pytest.mark.parametrize("process", ["any", "api", "worker"])
@pytest.mark.parametrize(("named", "missing"), [("donation_rail", "PAYMENT_RAIL"), ("payment_rail", "DONATION_RAIL")])
def test_production_does_not_start_with_a_rail_that_nobody_named(process, named, missing):
    with pytest.raises(ValidationError, match=f"production needs IMPACTNET_LEDGER_{missing}: .*sandbox"):
        settings(process=process, **{named: "manual"})
    with pytest.raises(ValidationError, match="IMPACTNET_LEDGER_DONATION_RAIL and IMPACTNET_LEDGER_PAYMENT_RAIL"):
        settings(process=process)


@pytest.mark.parametrize("rail", ["manual", "sandbox"])
def test_production_takes_the_rail_it_was_told_the_sandbox_too(rail):
    told = settings(donation_rail=rail, payment_rail=rail)
    assert (told.donation_rail, told.payment_rail) == (rail, rail)


def test_what_pays_nothing_needs_no_rail_and_development_has_the_sandbox():
    for process in ("migrate", "command"):
        assert settings(process=process).environment == "production"
    assert LedgerSettings().payment_rail == "sandbox"
