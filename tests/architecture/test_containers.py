"""Images and compose: one mould for all services, nobody is root, no secret stands in a file, everything has limits."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
CONTEXTS = sorted(path.name for path in (ROOT / "services").iterdir() if (path / "pyproject.toml").exists())
DOCKERFILES = {"gateway": ROOT / "gateway" / "Dockerfile"} | {
    context: ROOT / "services" / context / "Dockerfile" for context in CONTEXTS
}
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"].startswith("impactnet/")}
PAYSTACK_KEY = "IMPACTNET_LEDGER_PAYSTACK_SECRET_KEY"
# Runs once.
UNPROBED = {"secrets", "provision", "demo-users", *(f"{context}-migrate" for context in CONTEXTS)}


@pytest.mark.parametrize("name", DOCKERFILES)
def test_images_differ_by_their_name_only(name: str):
    neutral = DOCKERFILES[name].read_text().replace("services/", "").replace(name, "NAME")
    model = DOCKERFILES["identity"].read_text().replace("services/", "").replace("identity", "NAME")
    # Two lines of comment say what the service is.
    assert neutral.splitlines()[3:] == model.splitlines()[3:]


@pytest.mark.parametrize("path", DOCKERFILES.values(), ids=DOCKERFILES)
def test_an_image_runs_as_a_number_and_installs_by_hash(path: Path):
    text = path.read_text()
    assert re.search(r"^USER 10001:10001$", text, re.MULTILINE)
    assert "--require-hashes --only-binary :all:" in text
    assert re.search(r"^HEALTHCHECK ", text, re.MULTILINE)
    assert text.rstrip().endswith('CMD ["api"]')


def test_tests_and_local_state_never_reach_an_image():
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    assert {"**/tests", "shared/chassis/chassis/testing"} <= set(rules)
    assert not any(rule.startswith("!.") for rule in rules)


@pytest.mark.parametrize("context", CONTEXTS)
def test_every_service_runs_as_api_worker_and_migration(context: str):
    for process in ("api", "worker", "migrate"):
        assert SERVICES[f"{context}-{process}"]["command"] == [process]
    for process in ("api", "worker"):
        needed = SERVICES[f"{context}-{process}"]["depends_on"]
        assert needed[f"{context}-migrate"] == {"condition": "service_completed_successfully"}


def test_somebody_waits_for_everything_that_runs_once():
    once = {name for name, service in SERVICES.items() if service["restart"] == "no"}
    awaited = {
        name
        for service in SERVICES.values()
        for name, wish in service.get("depends_on", {}).items()
        if wish["condition"] == "service_completed_successfully"
    }
    # `up --wait` takes the end of any other container for a failure.
    assert awaited == once


@pytest.mark.parametrize("name", SERVICES)
def test_every_container_has_limits_logs_that_end_and_no_new_rights(name: str):
    service = SERVICES[name]
    assert {"cpus", "memory", "pids"} <= service["deploy"]["resources"]["limits"].keys()
    assert service["logging"]["options"]["max-size"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["restart"] in {"unless-stopped", "no"}
    assert not service.get("privileged", False)
    # PostgreSQL's own start-up changes the owner of its folder and then its user.
    assert service.get("cap_drop") == ["ALL"] or name == "postgres"


@pytest.mark.parametrize("name", OURS)
def test_our_containers_have_an_image_that_nobody_writes_to(name: str):
    assert OURS[name]["read_only"] is True


@pytest.mark.parametrize("name", sorted(SERVICES.keys() - UNPROBED))
def test_whatever_serves_is_asked_whether_it_is_well(name: str):
    assert SERVICES[name]["healthcheck"]["test"]


def test_no_secret_has_a_value_in_the_file():
    for name, service in SERVICES.items():
        for variable, value in (service.get("environment") or {}).items():
            if re.search(r"PASSWORD|SECRET|_KEY\b|KEY$|DATABASE_URL|VALKEY_URL", variable):
                assert value is None or variable.endswith("_FILE"), f"{name}: {variable}"


def test_the_signing_key_and_the_superuser_are_mounted_by_nobody_else():
    readers: dict[str, set[str]] = {}
    for name, service in SERVICES.items():
        for mount in service.get("volumes", []):
            readers.setdefault(mount.split(":")[0], set()).add(name)
    assert readers["secrets-signer"] == {"secrets", "ledger-signer"}
    assert readers["secrets-verification"] == {"secrets", "ledger-worker"}
    assert readers["secrets-postgres"] == {"secrets", "postgres", "provision"}
    for context in CONTEXTS:
        assert {name.split("-")[0] for name in readers[f"secrets-{context}"]} <= {context, "secrets", "demo"}
        # As a database role nobody acts but its process, and the one that makes demo users.
        assert readers[f"role-{context}-api"] == {"secrets", f"{context}-api"}
        assert readers[f"role-{context}-worker"] - {"demo-users"} == {"secrets", f"{context}-worker"}
        assert readers[f"role-{context}-migrator"] == {"secrets", f"{context}-migrate"}
        assert f"{context}-migrate" not in readers[f"secrets-{context}"]


def test_the_ledger_pays_as_it_is_told_outside_and_remembers_on_a_volume_of_its_workers():
    api, worker, migrate = (SERVICES[f"ledger-{process}"] for process in ("api", "worker", "migrate"))
    for setting in ("DONATION_RAIL", "PAYMENT_RAIL", "BANK_ACCOUNTS", "PAYSTACK_URL"):
        name = f"IMPACTNET_LEDGER_{setting}"
        # As it is outside, or not at all: what it is by default depends on whether this is production.
        assert worker["environment"][name] is None
        assert api["environment"][name] is None
    having_key = [service for service in SERVICES.values() if PAYSTACK_KEY in (service.get("environment") or {})]
    assert having_key == [api, worker]
    assert PAYSTACK_KEY not in migrate["environment"]
    folder = str(Path(worker["environment"]["IMPACTNET_LEDGER_VERIFIED_STATE_PATH"]).parent)
    [volume] = [mount.split(":")[0] for mount in worker["volumes"] if mount.split(":")[1] == folder]
    assert volume in COMPOSE["volumes"]
    users = [name for name, service in SERVICES.items() if any(volume in mount for mount in service.get("volumes", []))]
    assert users == ["ledger-worker"]


def test_only_the_door_storage_and_mail_are_published_and_only_to_this_machine():
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published.keys() == {"nginx", "storage", "mailpit"}
    for [port] in published.values():
        assert "127.0.0.1" in port


@pytest.mark.parametrize("path", DOCKERFILES.values(), ids=DOCKERFILES)
def test_an_image_has_everything_that_its_package_names(path: Path):
    own = tomllib.loads((path.parent / "pyproject.toml").read_text())["project"]
    requirements = [*own["dependencies"]]
    # The image has all that a service can do, so it has its extras; those of the chassis are for tests.
    requirements += [entry for extra in own.get("optional-dependencies", {}).values() for entry in extra]
    for shared in ("chassis", "contracts"):
        requirements += tomllib.loads((ROOT / "shared" / shared / "pyproject.toml").read_text())["project"][
            "dependencies"
        ]
    named = {re.split(r"[\[=<>~! ;]", requirement)[0] for requirement in requirements}
    locked = set(re.findall(r"^([a-z0-9-]+)==", (path.parent / "requirements.lock").read_text(), re.MULTILINE))
    missing = {name for name in named if not name.startswith("impactnet-")} - locked
    assert not missing, f"{path.parent.name}: make lock"
