"""All that compose and Kubernetes start has what its settings demand in production, and reaches what they name."""

import base64
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from pydantic import ValidationError
from tests.architecture.kustomize import documents, render

from applications.settings import ApplicationsSettings
from chassis.s3_settings import StorageSettings
from chassis.settings import ServiceSettings
from feed.settings import FeedSettings
from gateway.settings import GatewaySettings
from identity.settings import IdentitySettings
from ledger.adapters.keys import signing_key
from ledger.adapters.witness_memory import open_policy, published_policy
from ledger.domain.cosignatures import WitnessSigningKey
from ledger.domain.notes import SigningKey
from ledger.settings import LedgerSettings
from programs.settings import ProgramsSettings

Object = dict[str, Any]

ROOT = Path(__file__).parents[2]
K8S = ROOT / "infra" / "k8s"
ORIGIN = "api.impactnet.ng/ledger"
SETTINGS: dict[str, type[ServiceSettings]] = {
    "identity": IdentitySettings,
    "programs": ProgramsSettings,
    "applications": ApplicationsSettings,
    "ledger": LedgerSettings,
    "feed": FeedSettings,
    "gateway": GatewaySettings,
}
COMPOSE: dict[str, Object] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
# A witness has no settings of ours: it could be anybody's.
PROCESSES = [
    name
    for name, service in COMPOSE.items()
    if service["image"].startswith("impactnet/") and name not in {"secrets", "ledger-witness"}
]
SIGNER = "ledger-signer"


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
def read(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Mapping[str, str]], ServiceSettings]:
    """The settings of a service in an environment that has nothing else of ours."""

    def settings_of(context: str, environment: Mapping[str, str]) -> ServiceSettings:
        for name in list(os.environ):
            if name.startswith("IMPACTNET_"):
                monkeypatch.delenv(name)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        return SETTINGS[context]()

    return settings_of


def context_of(name: str) -> str:
    return "identity" if name == "demo-users" else name.split("-", maxsplit=1)[0]


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


def named_secrets() -> dict[str, set[str]]:
    """The keys of each Kubernetes secret, as `infra/k8s/README.md` asks for them."""
    found: dict[str, set[str]] = {}
    for owners, keys in re.findall(r"^\| (`.*?)(?: also)? \| (`.*) \|$", (K8S / "README.md").read_text(), re.MULTILINE):
        [first, *others] = re.findall(r"`(.+?)`", owners)
        names = [first, *(first.rpartition("-")[0] + other for other in others)]
        wanted = {key for key in re.findall(r"`(IMPACTNET_\w+)`", keys) if not key.endswith("_BUCKET")}
        for name in names:
            for context in SETTINGS.keys() - {"gateway"} if "<service>" in name else [""]:
                found.setdefault(name.replace("<service>", context), set()).update(wanted)
    return found


def example(name: str, key: SigningKey) -> str:
    if name.endswith("_SIGNING_KEY"):
        return key.text
    if name.endswith("_VERIFIER_KEYS"):
        return key.verifier.vkey
    if name.endswith(("_MASTER_KEY", "_TICKET_KEY", "_VERIFICATION_KEY")):
        return base64.b64encode(bytes(range(32))).decode()
    return "sk_live_example" if "PAYSTACK" in name else "postgresql+asyncpg://role:word@host/impactnet"


def environment_in_kubernetes(workload: Object, entries: list[Object], given: dict[str, set[str]]) -> dict[str, str]:
    [container] = workload["spec"]["template"]["spec"]["containers"]
    key = SigningKey.generate(ORIGIN)
    told: dict[str, str] = {}
    for source in container["envFrom"]:
        if "configMapRef" in source:
            name = source["configMapRef"]["name"]
            [data] = [
                each["data"] for each in entries if (each["kind"], each["metadata"]["name"]) == ("ConfigMap", name)
            ]
            told |= data
        else:
            told |= {name: example(name, key) for name in given[source["secretRef"]["name"]]}
    return told | {each["name"]: each["value"] for each in container.get("env", [])}


PRODUCTION = render(K8S / "overlays" / "production")
WORKLOADS = {each["metadata"]["name"]: each for each in PRODUCTION if each["kind"] in {"Deployment", "Job"}}


@pytest.mark.parametrize("name", WORKLOADS)
def test_a_pod_starts_in_production_with_the_secrets_that_the_readme_asks_for(name, read):
    environment = environment_in_kubernetes(WORKLOADS[name], PRODUCTION, named_secrets())
    settings = read(context_of(name), environment)
    assert settings.environment == "production"
    if name == SIGNER:
        assert settings.signer_database_url.get_secret_value()
        assert signing_key(settings).verifier.vkey == settings.verifier_keys[0]


@pytest.mark.parametrize("name", sorted(WORKLOADS.keys() - {SIGNER}))
def test_a_pod_without_its_secrets_does_not_start(name, read):
    environment = environment_in_kubernetes(WORKLOADS[name], PRODUCTION, {secret: set() for secret in named_secrets()})
    with pytest.raises(ValidationError, match="production needs"):
        read(context_of(name), environment)


def test_an_overlay_with_witnesses_mounts_their_policy_where_it_is_read(tmp_path):
    folders = {"resources": "overlays/production", "components": "components/witnesses"}
    plan = {kind: [os.path.relpath(K8S / folder, tmp_path.resolve())] for kind, folder in folders.items()}
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump({"kind": "Kustomization", **plan}))
    entries = render(tmp_path)
    by_kind = {(each["kind"], each["metadata"]["name"]): each for each in entries}
    policy = by_kind["ConfigMap", "ledger-witnesses"]["data"]
    (tmp_path / "policy").write_text(policy["policy"])
    assert published_policy(str(tmp_path / "policy"))
    for process in ("api", "signer"):
        pod = by_kind["Deployment", f"ledger-{process}"]["spec"]["template"]["spec"]
        [container] = pod["containers"]
        told = {each["name"]: each["value"] for each in container["env"]}
        folder, _, file = told["IMPACTNET_LEDGER_WITNESS_POLICY"].rpartition("/")
        assert file in policy
        [mount] = [each for each in container["volumeMounts"] if each["mountPath"] == folder]
        [volume] = [each for each in pod["volumes"] if each["name"] == mount["name"]]
        assert volume["configMap"] == {"name": "ledger-witnesses"}
        assert "IMPACTNET_PROCESS" in told, "what was there before is still there"
    if kubectl := shutil.which("kubectl"):
        command = [kubectl, "kustomize", str(tmp_path)]
        result = subprocess.run(command, capture_output=True, text=True, check=True)
        theirs = {(each["kind"], each["metadata"]["name"]): each for each in documents(result.stdout)}
        for process in ("api", "signer"):
            pods = [found["Deployment", f"ledger-{process}"]["spec"]["template"]["spec"] for found in (by_kind, theirs)]
            mounted = [sorted(volume["name"] for volume in pod["volumes"]) for pod in pods]
            assert mounted[0] == mounted[1]


def reaches(labels: Mapping[str, str], address: str, entries: list[Object]) -> bool:
    """Whether a network policy lets pods with these labels out to a URL's host."""
    url = urlsplit(address)
    namespace = (url.hostname or "").partition(".")[2]
    inside = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}
    for policy in (each["spec"] for each in entries if each["kind"] == "NetworkPolicy"):
        chosen = policy["podSelector"]
        selected = chosen.get("matchLabels", {}).items() <= labels.items() and all(
            labels.get(each["key"]) in each["values"] for each in chosen.get("matchExpressions", [])
        )
        for rule in policy.get("egress", []) if selected else []:
            goes = inside in rule["to"] or (
                url.scheme == "https" and any(to.get("ipBlock", {}).get("cidr") == "0.0.0.0/0" for to in rule["to"])
            )
            if goes and {"protocol": "TCP", "port": url.port or 443} in rule["ports"]:
                return True
    return False


@pytest.mark.parametrize("overlay", ["development", "production"])
def test_whoever_keeps_objects_may_go_where_they_are_kept_and_nobody_else(overlay):
    entries = render(K8S / "overlays" / overlay)
    [settings] = [each["data"] for each in entries if each["metadata"]["name"] == "settings"]
    for context, kind in SETTINGS.items():
        for process in ("api", "worker", "migrate"):
            labels = {"app.kubernetes.io/name": context, "app.kubernetes.io/component": process}
            expected = issubclass(kind, StorageSettings) and process != "migrate"
            assert reaches(labels, settings["IMPACTNET_S3_ENDPOINT"], entries) == expected, labels
