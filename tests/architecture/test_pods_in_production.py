"""All that Kubernetes starts has what its settings demand in production, and reaches what they name."""

import base64
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from pydantic import ValidationError
from tests.architecture.kustomize import documents, render
from tests.architecture.production import ORIGIN, ROOT, SETTINGS, SIGNER, Read, context_of, reader_of_settings

from chassis.s3_settings import StorageSettings
from ledger.adapters.keys import signing_key
from ledger.adapters.witness_memory import published_policy
from ledger.domain.notes import SigningKey

Object = dict[str, Any]

K8S = ROOT / "infra" / "k8s"


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Read:
    return reader_of_settings(monkeypatch)


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
