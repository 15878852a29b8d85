"""What runs in Kubernetes: every service has its parts, and none is given more than it needs."""

import json
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


def check_confined(name: str, workload: Object) -> None:
    """What the restricted pod security standard asks for, and our own: no token, no writable image, limits, probes."""
    pod = workload["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False, name
    assert pod["serviceAccountName"] != "default", name
    assert pod["securityContext"]["runAsNonRoot"] is True, name
    assert pod["securityContext"]["runAsUser"] >= 10_000, name
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys(), name
    assert all("hostPath" not in volume for volume in pod.get("volumes", [])), name
    for container in pod["containers"] + pod.get("initContainers", []):
        security = container["securityContext"]
        assert security["allowPrivilegeEscalation"] is False, name
        assert security["readOnlyRootFilesystem"] is True, name
        assert security["capabilities"] == {"drop": ["ALL"]}, name
        assert {"cpu", "memory"} <= container["resources"]["requests"].keys(), name
        assert {"cpu", "memory"} <= container["resources"]["limits"].keys(), name
        if container["name"] not in UNPROBED:
            assert {"startupProbe", "livenessProbe", "readinessProbe"} <= container.keys(), name
        if "httpGet" in container.get("livenessProbe", {}):
            assert container["livenessProbe"]["httpGet"]["path"] == "/health/live", name
            assert container["readinessProbe"]["httpGet"]["path"] == "/health/ready", name


def check_secrets_are_only_referred_to(name: str, entry: Object) -> None:
    assert entry["kind"] != "Secret", f"{name}: secrets are made outside the repository"
    text = yaml.safe_dump(entry)
    assert not re.search(r"postgres(ql)?(\+asyncpg)?://[^\s/]*:[^\s/]*@", text), name
    for container in entry.get("spec", {}).get("template", {}).get("spec", {}).get("containers", []):
        for variable in container.get("env", []):
            is_secret = re.search(r"PASSWORD|SECRET|_KEY$|DATABASE_URL|TOKEN$", variable["name"])
            assert not (is_secret and "value" in variable), f"{name}: {variable['name']}"


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
    check_confined(name, workload)


@pytest.mark.parametrize(("name", "entry"), WRITTEN, ids=[name for name, _ in WRITTEN])
def test_secrets_are_referred_to_and_never_contained(name: str, entry: Object):
    check_secrets_are_only_referred_to(name, entry)


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


@pytest.mark.skipif(KUBECTL is None, reason="kubectl is not here; everything else about the manifests is tested")
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_what_is_rendered_here_is_what_kubectl_renders(overlay: str):
    assert KUBECTL
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
        check_secrets_are_only_referred_to(name, entry)
        if kind in {"Deployment", "Job"}:
            check_confined(name, entry)
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
