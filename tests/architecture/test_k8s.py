"""What runs in Kubernetes: every service has its parts, and none is given more than it needs."""

import copy
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.architecture.kustomize import documents, render

from ledger.domain.bank_accounts import parse_bank_accounts

Object = dict[str, Any]

ROOT = Path(__file__).parents[2]
K8S = ROOT / "infra" / "k8s"
CONTEXTS = sorted(path.name for path in (ROOT / "services").iterdir() if (path / "pyproject.toml").exists())
FILES = sorted(K8S.rglob("*.yaml"))
OVERLAYS = sorted(path.parent.name for path in K8S.glob("overlays/*/kustomization.yaml"))
# What is judged is rendered in Python, so that it is judged everywhere; where kubectl is, it is asked for its opinion.
KUBECTL = shutil.which("kubectl")
# Runs once and ends.
UNPROBED = {"migrate"}


def written() -> list[tuple[str, Object]]:
    """Whole objects as they stand in files; kustomizations and patches of single fields are left out."""
    found = []
    for path in FILES:
        for entry in documents(path.read_text()):
            if entry.get("kind") in {"Kustomization", "Component"} or "apiVersion" not in entry:
                continue
            if entry["kind"] == "Deployment" and "selector" not in entry["spec"]:
                continue
            found.append((f"{path.relative_to(K8S)}:{entry['metadata']['name']}", entry))
    return found


def rendered(overlay: str) -> list[Object]:
    return render(K8S / "overlays" / overlay)


def in_any_order(value: Any) -> Any:
    """Comparable whatever the order of lists."""
    if isinstance(value, dict):
        return {name: in_any_order(each) for name, each in value.items()}
    if isinstance(value, list):
        return sorted(map(in_any_order, value), key=lambda each: json.dumps(each, sort_keys=True))
    return value


WRITTEN = written()
WORKLOADS = [(name, entry) for name, entry in WRITTEN if entry["kind"] in {"Deployment", "Job", "StatefulSet"}]


def unconfined(workload: Object) -> list[str]:
    """Where a pod is less than the restricted pod security standard asks for, and than we ask for ourselves."""
    pod = workload["spec"]["template"]["spec"]
    security = pod["securityContext"]
    is_right = {
        "it has no token of the cluster": pod["automountServiceAccountToken"] is False,
        "it has a service account of its own": pod["serviceAccountName"] != "default",
        "it is not root": security["runAsNonRoot"] is True and security["runAsUser"] >= 10_000,
        "its system calls are limited": security["seccompProfile"] == {"type": "RuntimeDefault"},
        "it shares nothing with its host": not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys(),
        "it mounts nothing of its host": all("hostPath" not in volume for volume in pod.get("volumes", [])),
    }
    for container in pod["containers"] + pod.get("initContainers", []):
        is_right |= {f"{container['name']}: {rule}": holds for rule, holds in _rules_of(container).items()}
    return [rule for rule, holds in is_right.items() if not holds]


def _rules_of(container: Object) -> dict[str, bool]:
    security, resources = container["securityContext"], container["resources"]
    probed = {"startupProbe", "livenessProbe", "readinessProbe"} <= container.keys()
    rules = {
        "it gains no privileges": security["allowPrivilegeEscalation"] is False,
        "its image is read-only": security["readOnlyRootFilesystem"] is True,
        "it has no capability": security["capabilities"] == {"drop": ["ALL"]},
        "it asks for processor and memory": {"cpu", "memory"} <= resources["requests"].keys(),
        "it is limited in both": {"cpu", "memory"} <= resources["limits"].keys(),
        "it is probed": probed or container["name"] in UNPROBED,
    }
    if "httpGet" in container.get("livenessProbe", {}):
        paths = [container[probe]["httpGet"]["path"] for probe in ("livenessProbe", "readinessProbe")]
        rules["its probes ask the right doors"] = paths == ["/health/live", "/health/ready"]
    return rules


def contained_secrets(entry: Object) -> list[str]:
    """Secrets that stand in an object itself, instead of being made outside the repository and referred to."""
    found = ["an object of kind Secret"] if entry["kind"] == "Secret" else []
    found += re.findall(r"postgres(?:ql)?(?:\+asyncpg)?://[^\s/]*:[^\s/]*@", yaml.safe_dump(entry))
    for container in entry.get("spec", {}).get("template", {}).get("spec", {}).get("containers", []):
        for variable in container.get("env", []):
            if "value" in variable and re.search(r"PASSWORD|SECRET|_KEY$|DATABASE_URL|TOKEN$", variable["name"]):
                found.append(variable["name"])
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(K8S)))
def test_each_file_is_yaml_and_says_what_it_is(path: Path):
    entries = list(yaml.safe_load_all(path.read_text()))
    assert entries
    for entry in entries:
        assert isinstance(entry, list) or entry["kind"]


def test_settings_hold_no_secret():
    files = sorted(K8S.rglob("*.env"))
    assert files
    for path in files:
        for line in path.read_text().splitlines():
            name = line.partition("=")[0]
            assert re.fullmatch(r"[A-Z][A-Z0-9_]*", name), f"{path.name}: {line}"
            assert not re.search(r"PASSWORD|SECRET|_KEY$|DATABASE_URL", name), f"{path.name}: {name}"


@pytest.mark.parametrize("context", CONTEXTS)
def test_every_service_is_deployed_from_the_one_mould(context: str):
    folder = K8S / "base" / context
    kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text())
    assert kustomization["components"] == ["../../components/service"]
    assert kustomization["namePrefix"] == f"{context}-"
    assert yaml.safe_load((folder / "context.yaml").read_text())["data"] == {"name": context}
    assert context in yaml.safe_load((K8S / "base" / "kustomization.yaml").read_text())["resources"]


def test_the_mould_has_all_parts_of_a_service():
    kinds = {
        (entry["kind"], entry["metadata"]["name"]) for name, entry in WRITTEN if name.startswith("components/service/")
    }
    assert kinds >= {
        ("Deployment", "api"),
        ("Deployment", "worker"),
        ("Job", "migrate"),
        ("Service", "api"),
        ("PodDisruptionBudget", "api"),
        ("PodDisruptionBudget", "worker"),
        ("HorizontalPodAutoscaler", "api"),
        ("ScaledObject", "worker"),
        ("ServiceAccount", "service"),
    }


@pytest.mark.parametrize(("name", "workload"), WORKLOADS, ids=[name for name, _ in WORKLOADS])
def test_every_pod_is_confined(name: str, workload: Object):
    assert unconfined(workload) == [], name


def loosened(workload: Object) -> Object:
    loose = copy.deepcopy(workload)
    pod = loose["spec"]["template"]["spec"]
    pod["securityContext"]["runAsNonRoot"] = False
    pod["volumes"] = [{"name": "host", "hostPath": {"path": "/"}}]
    [container, *_] = pod["containers"]
    container["securityContext"]["readOnlyRootFilesystem"] = False
    del container["resources"]["limits"]["memory"]
    container["env"] = [{"name": "IMPACTNET_MASTER_KEY", "value": "c2VjcmV0"}]
    return loose


def test_what_is_loosened_or_given_away_is_named():
    _, workload = WORKLOADS[0]
    loose = loosened(workload)
    name = loose["spec"]["template"]["spec"]["containers"][0]["name"]
    assert unconfined(loose) == [
        "it is not root",
        "it mounts nothing of its host",
        f"{name}: its image is read-only",
        f"{name}: it is limited in both",
    ]
    assert contained_secrets(loose) == ["IMPACTNET_MASTER_KEY"]
    assert contained_secrets({"kind": "Secret"}) == ["an object of kind Secret"]


@pytest.mark.parametrize(("name", "entry"), WRITTEN, ids=[name for name, _ in WRITTEN])
def test_secrets_are_referred_to_and_never_contained(name: str, entry: Object):
    assert contained_secrets(entry) == [], name


def test_nobody_speaks_to_anybody_unless_it_is_said():
    policies = {entry["metadata"]["name"]: entry["spec"] for _, entry in WRITTEN if entry["kind"] == "NetworkPolicy"}
    assert policies["default-deny"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    for name, policy in policies.items():
        for rule in [*policy.get("ingress", []), *policy.get("egress", [])]:
            assert rule.get("from") or rule.get("to"), f"{name} lets everybody in or out"
            assert rule["ports"], f"{name} names no port"


def test_only_the_contract_is_reachable_from_outside():
    ingress = next(entry for _, entry in WRITTEN if entry["kind"] == "Ingress")
    paths = {path["path"] for path in ingress["spec"]["rules"][0]["http"]["paths"]}
    assert paths == {"/api/", "/ws/", "/docs", "/openapi.json", "/.well-known/", "/health/"}


# CI demands kubectl, so that its opinion is always asked there; at home what it would say is tested all the same.
@pytest.mark.skipif(
    KUBECTL is None and "IMPACTNET_TEST_KUBECTL" not in os.environ,
    reason="kubectl is not here; everything else about the manifests is tested",
)
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_what_is_rendered_here_is_what_kubectl_renders(overlay: str):
    assert KUBECTL, "IMPACTNET_TEST_KUBECTL asks for kubectl, and it is not here"
    result = subprocess.run(
        [KUBECTL, "kustomize", K8S / "overlays" / overlay], capture_output=True, text=True, check=True
    )
    # A generated name has a hash of its content.
    theirs = documents(re.sub(r"\bsettings-[a-z0-9]{10}\b", "settings", result.stdout))
    assert in_any_order(rendered(overlay)) == in_any_order(theirs)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_rendered_overlay_is_whole_and_confined(overlay: str):
    entries = rendered(overlay)
    assert "CONTEXT" not in yaml.safe_dump_all(entries)
    by_kind = {(entry["kind"], entry["metadata"]["name"]): entry for entry in entries}
    for context in CONTEXTS:
        for process, kind in (("api", "Deployment"), ("worker", "Deployment"), ("migrate", "Job")):
            workload = by_kind[kind, f"{context}-{process}"]
            [container] = workload["spec"]["template"]["spec"]["containers"]
            assert container["args"] == [process]
            assert re.search(rf"(^|/){context}:[\w.]+$", container["image"]), container["image"]
            role = {"migrate": "migrator"}.get(process, process)
            assert {"secretRef": {"name": f"{context}-{role}"}} in container["envFrom"]
        service = by_kind["Service", f"{context}-api"]
        labels = by_kind["Deployment", f"{context}-api"]["spec"]["template"]["metadata"]["labels"]
        assert service["spec"]["selector"].items() <= labels.items()
    for (kind, name), entry in by_kind.items():
        assert contained_secrets(entry) == [], name
        if kind in {"Deployment", "Job"}:
            assert unconfined(entry) == [], name
        if kind in {"HorizontalPodAutoscaler", "ScaledObject"}:
            assert ("Deployment", entry["spec"]["scaleTargetRef"]["name"]) in by_kind, name
        if kind == "ScaledObject":
            assert (
                entry["spec"]["triggers"][0]["metadata"]["consumerGroup"] == f"impactnet.{name.removesuffix('-worker')}"
            )
    signer = by_kind["Deployment", "ledger-signer"]["spec"]["template"]["spec"]["containers"][0]
    assert {"secretRef": {"name": "ledger-signer"}} in signer["envFrom"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_ledgers_workers_and_signer_remember_outside_the_database(overlay: str):
    """Each on a volume that outlives its pod, and neither on the other's."""
    by_kind = {(entry["kind"], entry["metadata"]["name"]): entry for entry in rendered(overlay)}
    claims = []
    for process, setting in (("worker", "VERIFIED_STATE_PATH"), ("signer", "SIGNER_STATE_PATH")):
        workload = by_kind["Deployment", f"ledger-{process}"]
        pod = workload["spec"]["template"]["spec"]
        [container] = pod["containers"]
        [path] = [each["value"] for each in container["env"] if each["name"] == f"IMPACTNET_LEDGER_{setting}"]
        [name] = [each["name"] for each in container["volumeMounts"] if path.startswith(f"{each['mountPath']}/")]
        [volume] = [each for each in pod["volumes"] if each["name"] == name]
        claim = volume["persistentVolumeClaim"]["claimName"]
        assert ("PersistentVolumeClaim", claim) in by_kind
        claims.append(claim)
    assert len(set(claims)) == 2
    scaled = by_kind.get(("ScaledObject", "ledger-worker"))
    modes = by_kind["PersistentVolumeClaim", claims[0]]["spec"]["accessModes"]
    # More than one worker, on whatever nodes.
    assert modes == (["ReadWriteOnce"] if scaled is None else ["ReadWriteMany"])


def test_production_pays_by_a_real_rail_from_an_account_of_ours_and_reaches_it():
    entries = rendered("production")
    [settings] = [entry["data"] for entry in entries if entry["metadata"]["name"] == "settings"]
    assert {settings["IMPACTNET_LEDGER_DONATION_RAIL"], settings["IMPACTNET_LEDGER_PAYMENT_RAIL"]} == {"paystack"}
    assert settings["IMPACTNET_LEDGER_PAYSTACK_URL"].startswith("https://")
    [account] = parse_bank_accounts(settings["IMPACTNET_LEDGER_BANK_ACCOUNTS"].split(","))
    assert "paystack" in account.rails
    reaching = [
        entry["spec"]["podSelector"]
        for entry in entries
        if entry["kind"] == "NetworkPolicy"
        for rule in entry["spec"].get("egress", [])
        if any(to.get("ipBlock", {}).get("cidr") == "0.0.0.0/0" for to in rule["to"])
        and {"protocol": "TCP", "port": 443} in rule["ports"]
    ]
    worker = {"app.kubernetes.io/name": "ledger", "app.kubernetes.io/component": "worker"}
    assert any(selects(selector, worker) for selector in reaching)


def selects(selector: Object, labels: dict[str, str]) -> bool:
    wanted = selector.get("matchLabels", {}).items() <= labels.items()
    return wanted and all(labels.get(each["key"]) in each["values"] for each in selector.get("matchExpressions", []))
