"""All that compose starts has what its settings demand in production, with the secrets that are made for it."""

import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError
from tests.architecture.production import ORIGIN, ROOT, SIGNER, Read, context_of, reader_of_settings

from ledger.adapters.keys import signing_key
from ledger.adapters.witness_memory import open_policy, published_policy
from ledger.domain.cosignatures import WitnessSigningKey

Object = dict[str, Any]

COMPOSE: dict[str, Object] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
# A witness has no settings of ours: it could be anybody's.
PROCESSES = [
    name
    for name, service in COMPOSE.items()
    if service["image"].startswith("impactnet/") and name not in {"secrets", "ledger-witness"}
]


def interpolated(text: str, outside: Mapping[str, str]) -> str:
    """As compose does it: `${NAME:-default}`."""
    return re.sub(r"\$\{(\w+):-([^}]*)\}", lambda found: outside.get(found[1]) or found[2], text)


OUTSIDE = {
    "IMPACTNET_ENVIRONMENT": "production",
    "IMPACTNET_LEDGER_ORIGIN": ORIGIN,
    "IMPACTNET_LEDGER_DONATION_RAIL": "manual",
    "IMPACTNET_LEDGER_PAYMENT_RAIL": "manual",
    "IMPACTNET_IDENTITY_SMTP_HOST": "smtp.impactnet.ng",
    "IMPACTNET_IDENTITY_SMTP_SECURITY": "starttls",
}


def environment_in_compose(name: str, volumes: Path) -> dict[str, str]:
    """What a container is told; paths lead to where `volumes` has its mounts."""
    service = COMPOSE[name]
    pairs = [interpolated(mount, OUTSIDE).split(":") for mount in service["volumes"]]
    mounts = {target: source for source, target, *_ in pairs}
    told = {}
    for variable, value in service["environment"].items():
        if value is None:
            # It is handed on as it is outside, or not at all.
            if variable in OUTSIDE:
                told[variable] = OUTSIDE[variable]
            continue
        text = interpolated(str(value), OUTSIDE)
        for target, source in mounts.items():
            if text.startswith(f"{target}/"):
                text = text.replace(target, str(volumes / source.removeprefix("secrets-")), 1)
        told[variable] = text
    return told


def make_secrets(folder: Path, outside: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """The service `secrets` as compose starts it, with its volumes in a folder."""
    service = COMPOSE["secrets"]
    for mount in service["volumes"]:
        target = mount.split(":")[1]
        if target.startswith("/secrets/"):
            (folder / target.removeprefix("/secrets/")).mkdir(exist_ok=True)
    told = {variable: interpolated(value, outside) for variable, value in service["environment"].items()}
    command = [sys.executable, str(ROOT / "infra" / "docker" / "make_secrets.py"), str(folder)]
    return subprocess.run(command, env=told, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def volumes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The volumes as the first start of a production system fills them."""
    folder = tmp_path_factory.mktemp("volumes")
    done = make_secrets(folder, OUTSIDE)
    assert done.returncode == 0, done.stderr
    return folder


def files_in(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Read:
    return reader_of_settings(monkeypatch)


@pytest.mark.parametrize("name", PROCESSES)
def test_a_container_starts_in_production_with_the_secrets_that_were_made_for_it(name, volumes, read):
    environment = environment_in_compose(name, volumes)
    assert read(context_of(name), environment).environment == "production"


def test_mail_in_production_goes_by_a_server_that_was_named_and_never_in_clear(volumes, read):
    environment = environment_in_compose("identity-worker", volumes)
    in_clear = interpolated(COMPOSE["identity-worker"]["environment"]["IMPACTNET_IDENTITY_SMTP_SECURITY"], {})
    with pytest.raises(ValidationError, match="production needs IMPACTNET_IDENTITY_SMTP_SECURITY"):
        read("identity", environment | {"IMPACTNET_IDENTITY_SMTP_SECURITY": in_clear})


@pytest.mark.parametrize("process", ["api", "worker"])
def test_money_in_production_moves_by_rails_that_were_named_and_never_in_a_sandbox_that_nobody_chose(
    process, volumes, read
):
    environment = environment_in_compose(f"ledger-{process}", volumes)
    for name in ("IMPACTNET_LEDGER_DONATION_RAIL", "IMPACTNET_LEDGER_PAYMENT_RAIL"):
        assert environment[name] == "manual"
        with pytest.raises(ValidationError, match=f"production needs {name}"):
            read("ledger", {key: value for key, value in environment.items() if key != name})


def test_no_secret_is_made_for_a_log_in_production_that_has_no_name_of_its_own(tmp_path):
    """A key would bear the name of everybody's development log, and never sign for the one that is chosen then."""
    done = make_secrets(tmp_path, OUTSIDE | {"IMPACTNET_LEDGER_ORIGIN": ""})
    assert done.returncode == 2
    assert "production needs IMPACTNET_LEDGER_ORIGIN" in done.stderr
    assert "Traceback" not in done.stderr
    assert not files_in(tmp_path)


def test_the_secrets_of_a_log_are_kept_and_are_no_others(volumes):
    before = files_in(volumes)
    assert make_secrets(volumes, OUTSIDE).returncode == 0
    done = make_secrets(volumes, OUTSIDE | {"IMPACTNET_LEDGER_ORIGIN": "other.example/ledger"})
    assert done.returncode == 1
    assert f"those of the log {ORIGIN}, and IMPACTNET_LEDGER_ORIGIN is other.example/ledger" in done.stderr
    assert files_in(volumes) == before


def test_compose_has_a_witness_whose_word_its_signer_needs_and_its_api_shows(volumes, read):
    signer = read("ledger", environment_in_compose(SIGNER, volumes))
    assert signer.signer_database_url.get_secret_value()
    key = signing_key(signer)
    assert key.name == ORIGIN
    [witness] = open_policy(signer.witness_policy, key.verifier).witnesses
    assert not open_policy(signer.witness_policy, key.verifier).is_met_by([])
    assert witness.url == "http://ledger-witness:8000"
    api = read("ledger", environment_in_compose("ledger-api", volumes))
    assert f"log {key.verifier.vkey}\n".encode() in (published_policy(api.witness_policy) or b"")
    environment = environment_in_compose("ledger-witness", volumes)
    secret = Path(environment["IMPACTNET_WITNESS_KEY_FILE"]).read_text()
    assert WitnessSigningKey.parse(secret.strip()).verifier == witness.key
    assert Path(environment["IMPACTNET_WITNESS_LOGS"]).read_bytes() == published_policy(api.witness_policy)


def test_the_witness_has_nothing_of_the_log_and_nobody_has_its_key_or_memory():
    readers: dict[str, set[str]] = {}
    for name, service in COMPOSE.items():
        for mount in service.get("volumes", []):
            readers.setdefault(interpolated(mount, {}).split(":")[0], set()).add(name)
    assert readers["secrets-witness"] == {"secrets", "ledger-witness"}
    assert readers["witness-memory"] == {"ledger-witness"}
    assert readers["witness-policy"] == {"secrets", "ledger-witness", "ledger-api", SIGNER}
    assert {volume for volume, names in readers.items() if "ledger-witness" in names} == {
        "secrets-witness",
        "witness-policy",
        "witness-memory",
    }
