"""A folder of Kustomize's put together as far as ours go: resources, generated ConfigMaps, patches by name."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml

Resource = dict[str, Any]
_KNOWN = {"apiVersion", "kind", "namespace", "labels", "resources", "generatorOptions", "configMapGenerator", "patches"}


def build(folder: Path) -> list[Resource]:
    """Return the resources of a folder; a file, a target or a path that is not there is a LookupError or OSError."""
    told = yaml.safe_load((folder / "kustomization.yaml").read_text())
    if unknown := set(told) - _KNOWN:
        raise LookupError(f"{folder}: {unknown} is not understood here")
    found: list[Resource] = []
    for name in told["resources"]:
        at = folder / name
        found += build(at) if at.is_dir() else [one for one in yaml.safe_load_all(at.read_text()) if one]
    for one in told.get("configMapGenerator", []):
        data = {Path(file).name: (folder / file).read_text() for file in one["files"]}
        found.append({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": one["name"]}, "data": data})
    for patch in told.get("patches", []):
        found = _patched(found, patch)
    return found


def _patched(found: list[Resource], patch: dict[str, Any]) -> list[Resource]:
    said = yaml.safe_load(patch["patch"])
    target = patch.get("target") or {"kind": said["kind"], "name": said["metadata"]["name"]}
    meant = [one for one in found if one["kind"] == target["kind"] and one["metadata"]["name"] == target["name"]]
    if len(meant) != 1:
        raise LookupError(f"a patch is for {target}, and there are {len(meant)}")
    if isinstance(said, dict):
        if said.get("$patch") != "delete":
            raise LookupError("only deletions and JSON patches are understood here")
        return [one for one in found if one is not meant[0]]
    changed = deepcopy(meant[0])
    for step in said:
        *way, last = step["path"].strip("/").split("/")
        place: Any = changed
        for key in way:
            place = place[int(key) if isinstance(place, list) else key]
        if last == "-":
            place.append(step["value"])
        elif step["op"] == "replace" and last not in place:
            raise LookupError(f"{step['path']} is not there to be replaced")
        else:
            place[last] = step["value"]
    return [changed if one is meant[0] else one for one in found]
