"""Renders our overlays as `kubectl kustomize` does, so that no test has to do without: what they use of it, no more."""

import copy
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import yaml

Object = dict[str, Any]

_UNDERSTOOD: Final = {
    "apiVersion", "kind", "resources", "components", "configMapGenerator", "patches", "namespace", "namePrefix",
    "labels", "images", "replacements",
}  # fmt: skip
# What identifies an entry of a list when two manifests are merged; other lists are replaced whole.
_MERGED_BY: Final = {
    "containers": "name", "initContainers": "name", "env": "name", "volumes": "name", "volumeMounts": "mountPath",
}  # fmt: skip
# Where an object is named by others, by the kind of what is named.
_REFERENCES: Final = {
    "ServiceAccount": ("spec.template.spec.serviceAccountName",),
    "PersistentVolumeClaim": ("spec.template.spec.volumes.*.persistentVolumeClaim.claimName",),
    "ConfigMap": ("spec.template.spec.containers.*.envFrom.*.configMapRef.name",),
    "Deployment": ("spec.scaleTargetRef.name",),
    "Service": ("spec.rules.*.http.paths.*.backend.service.name",),
}
# Kustomize looks for no names in what is not Kubernetes' own.
_FOREIGN: Final = "ScaledObject"


def documents(text: str) -> list[Object]:
    """The objects of a file; patches in lists are no objects."""
    return [entry for entry in yaml.safe_load_all(text) if isinstance(entry, dict)]


def render(folder: Path) -> list[Object]:
    """All that an overlay applies; the names of generated objects are without the hash that kustomize adds.

    Raises:
        ValueError: it uses more of kustomize than is understood here.
    """
    return [entry for entry in _accumulate(folder, []) if not _is_local(entry)]


def _is_local(entry: Object) -> bool:
    annotations = entry["metadata"].get("annotations", {})
    return bool(annotations.get("config.kubernetes.io/local-config") == "true")


def _accumulate(folder: Path, objects: list[Object]) -> list[Object]:
    plan: Object = yaml.safe_load((folder / "kustomization.yaml").read_text())
    if unknown := plan.keys() - _UNDERSTOOD:
        raise ValueError(f"{folder}: {', '.join(sorted(unknown))}")
    for name in plan.get("resources", []):
        path = folder / name
        objects = objects + (_accumulate(path, []) if path.is_dir() else documents(path.read_text()))
    for name in plan.get("components", []):
        objects = _accumulate(folder / name, objects)
    for generated in plan.get("configMapGenerator", []):
        _generate(objects, folder, generated)
    for patch in plan.get("patches", []):
        objects = _patched(objects, folder, patch)
    _name(objects, plan.get("namePrefix", ""))
    _mark(objects, plan)
    for replacement in plan.get("replacements", []):
        _replace(objects, replacement)
    return objects


def _mark(objects: list[Object], plan: Object) -> None:
    for entry in objects:
        if "namespace" in plan and entry["kind"] != "Namespace":
            entry["metadata"]["namespace"] = plan["namespace"]
        for label in plan.get("labels", []):
            _label(entry, label["pairs"])
        for image in plan.get("images", []):
            _version(entry, image)


def _generate(objects: list[Object], folder: Path, generated: Object) -> None:
    lines = [line for name in generated["envs"] for line in (folder / name).read_text().splitlines() if line]
    data = {name: value for name, _, value in (line.partition("=") for line in lines)}
    if generated.get("behavior") == "merge":
        [known] = [
            entry for entry in objects if (entry["kind"], entry["metadata"]["name"]) == ("ConfigMap", generated["name"])
        ]
        known["data"] |= data
    else:
        metadata = {"name": generated["name"]}
        objects.append({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})


def _patched(objects: list[Object], folder: Path, patch: Object) -> list[Object]:
    change = yaml.safe_load(patch["patch"] if "patch" in patch else (folder / patch["path"]).read_text())
    target = patch.get("target") or {"kind": change["kind"], "name": change["metadata"]["name"]}
    chosen = [entry for entry in objects if _is_meant(entry, target)]
    if not chosen:
        raise ValueError(f"{folder}: nothing to patch: {target}")
    if isinstance(change, dict) and change.get("$patch") == "delete":
        return [entry for entry in objects if entry not in chosen]
    for entry in chosen:
        if isinstance(change, list):
            _edit(entry, change)
        else:
            # The patch says by its name what is meant; it renames nothing.
            name = entry["metadata"]["name"]
            _merge(entry, copy.deepcopy(change))
            entry["metadata"]["name"] = name
    return objects


def _is_meant(entry: Object, target: Object) -> bool:
    return entry["kind"] == target.get("kind", entry["kind"]) and bool(
        re.fullmatch(target.get("name", ".*"), entry["metadata"]["name"])
    )


def _merge(known: Object, change: Object) -> None:
    for name, value in change.items():
        if value is None:
            known.pop(name, None)
        elif isinstance(value, dict) and isinstance(known.get(name), dict):
            _merge(known[name], value)
        elif name in _MERGED_BY and name in known:
            _merge_list(known[name], value, _MERGED_BY[name])
        else:
            known[name] = value


def _merge_list(known: list[Object], change: list[Object], key: str) -> None:
    for item in change:
        same = next((each for each in known if each[key] == item[key]), None)
        if same is None:
            known.append(item)
        else:
            _merge(same, item)


def _edit(entry: Object, operations: list[Object]) -> None:
    """RFC 6902: `add` and `replace`."""
    for operation in operations:
        *path, last = [part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:]]
        place: Any = entry
        for part in path:
            place = place[_step(place, part)]
        if operation["op"] not in {"add", "replace"} or last == "-":
            raise ValueError(json.dumps(operation))
        place[_step(place, last)] = operation["value"]


def _step(place: Any, part: str) -> Any:
    return int(part) if isinstance(place, list) else part


def _name(objects: list[Object], prefix: str) -> None:
    if not prefix:
        return
    old = {(entry["kind"], entry["metadata"]["name"]) for entry in objects}
    for entry in objects:
        entry["metadata"]["name"] = prefix + entry["metadata"]["name"]
        for kind, paths in _REFERENCES.items():
            for path in paths if entry["kind"] != _FOREIGN else ():
                for place, last in _places(entry, path.split(".")):
                    if (kind, place[last]) in old:
                        place[last] = prefix + place[last]


def _places(place: Any, parts: list[str]) -> Iterator[tuple[Any, Any]]:
    """Each (container, key) that a path leads to; `*` is every entry of a list."""
    first, *rest = parts
    if first == "*":
        steps: list[Any] = list(range(len(place)))
    else:
        step = _step(place, first)
        steps = [step] if (step < len(place) if isinstance(place, list) else step in place) else []
    for step in steps:
        if rest:
            yield from _places(place[step], rest)
        else:
            yield place, step


def _label(entry: Object, pairs: dict[str, str]) -> None:
    entry["metadata"].setdefault("labels", {}).update(pairs)
    for place, key in _places(entry, ["spec", "template", "metadata"]):
        place[key].setdefault("labels", {}).update(pairs)


def _version(entry: Object, image: Object) -> None:
    for path in ("containers", "initContainers"):
        for place, key in _places(entry, ["spec", "template", "spec", path, "*", "image"]):
            if place[key].partition(":")[0] == image["name"]:
                place[key] = f"{image.get('newName', image['name'])}:{image['newTag']}"


def _replace(objects: list[Object], replacement: Object) -> None:
    source = replacement["source"]
    [entry] = [entry for entry in objects if _is_meant(entry, source)]
    [(place, key)] = _places(entry, _split(source["fieldPath"]))
    value = place[key]
    for target in replacement["targets"]:
        for found in objects:
            rejected = any(_is_meant(found, each) for each in target.get("reject", []))
            if _is_meant(found, target["select"]) and not rejected:
                _put(found, target, value)


def _put(entry: Object, target: Object, value: str) -> None:
    options = target.get("options", {})
    change: Callable[[str], str] = lambda _: value  # noqa: E731 -- one of two, chosen here
    if options:
        delimiter, index = options["delimiter"], options["index"]

        def change(old: str) -> str:
            parts = old.split(delimiter)
            parts[index] = value
            return str(delimiter.join(parts))

    for path in target["fieldPaths"]:
        places = list(_places(entry, _split(path)))
        if not places:
            raise ValueError(f"{entry['kind']} {entry['metadata']['name']} has no {path}")
        for place, key in places:
            place[key] = change(place[key])


def _split(path: str) -> list[str]:
    return [part.replace("\\.", ".") for part in re.split(r"(?<!\\)\.", path)]
