"""Kubernetes' resources, held against its own schemas and against the code that they start."""

import json
import re
from functools import cache
from importlib.resources import files
from typing import Any

import jsonschema
from program import Container, faults, routes
from referencing import Registry, Resource

SCHEMAS = files("kubernetes_validate").joinpath("kubernetes-json-schema/v1.37.0-local-strict")
IMAGES = {"rarecall:0.6.0", "prefecthq/prefect:3.8.8-python3.11-kubernetes"}
SERVED = {"prefect": 4200, "mlflow": 5000}  # by their servers' defaults, as in infra/compose.yaml
SECRETS = {
    "router-stores": {"ledger", "feast_registry", "predictions", "online"},
    "job-stores": {"ledger", "feast_registry", "predictions", "online", "source"},
    "router-keys": set(),
}
NO_SCHEMA = {"Rollout", "AnalysisTemplate", "InferenceService"}


@cache
def _definitions() -> Registry:
    told = json.loads(SCHEMAS.joinpath("_definitions.json").read_text())
    return Registry().with_resource("_definitions.json", Resource.from_contents(told)).crawl()


@cache
def _schema(kind: str, version: str) -> jsonschema.Draft202012Validator:
    group, _, version = version.rpartition("/")
    named = "-".join([kind.lower(), *([group.split(".")[0]] if group else []), version])
    return jsonschema.Draft202012Validator(
        json.loads(SCHEMAS.joinpath(f"{named}.json").read_text()), registry=_definitions()
    )


def refused(one: dict[str, Any]) -> list[str]:
    """Return what Kubernetes' strict schema says against a resource."""
    found = _schema(one["kind"], one["apiVersion"]).iter_errors(one)
    return [f"{one['kind']} {'.'.join(map(str, said.path))}: {said.message}" for said in found]


def pods(resources: list[dict]) -> list[tuple[str, dict[str, str], dict]]:
    """Return the name, the labels and the spec of each pod that the resources make."""
    found = []
    for one in resources:
        spec = one.get("spec", {})
        if one["kind"] == "CronJob":
            spec = spec["jobTemplate"]["spec"]
        if one["kind"] == "InferenceService":
            found.append((one["metadata"]["name"], spec["predictor"]["labels"], spec["predictor"]))
        elif "template" in spec and "spec" in spec["template"]:
            name = one["metadata"].get("name", "pool")
            found.append((name, spec["template"]["metadata"]["labels"], spec["template"]["spec"]))
    return found


def wrong(resources: list[dict]) -> list[str]:
    """Return a sentence for everything in the resources that does not hold."""
    said = [fault for one in resources if one["kind"] not in NO_SCHEMA for fault in refused(one)]
    names = {(one["kind"], one["metadata"].get("name")) for one in resources}
    settings = next(
        one["data"] for one in resources if (one["kind"], one["metadata"].get("name")) == ("ConfigMap", "settings")
    )
    said += faults(Container("settings", "", [], list(settings)))
    for key, value in settings.items():
        address = re.match(r"http://(\w+):(\d+)", value)
        if address and SERVED.get(address[1]) != int(address[2]):
            said.append(f"settings: {key} is not where {address[1]} listens")
    made = pods(resources)
    for name, _, spec in made:
        said += [f"{name}: {fault}" for fault in _of_pod(name, spec, names, settings)]
    said += _of_selectors(resources, [labels for _, labels, _ in made])
    said += [f"{one['metadata']['name']}: a secret stands in a file" for one in resources if one["kind"] == "Secret"]
    for one in resources:
        if one["kind"] == "Role" and any(
            "secrets" in rule["resources"] or "*" in rule["verbs"] for rule in one["rules"]
        ):
            said.append("a role may read secrets, or everything")
    return said


def _of_pod(name: str, spec: dict, names: set, settings: dict) -> list[str]:
    said = _of_volumes(spec["volumes"], names)
    security = spec["securityContext"]
    if not security.get("runAsNonRoot") or security.get("runAsUser", 0) == 0:
        said.append("may be root")
    if spec.get("automountServiceAccountToken") is not (name == "worker"):
        said.append("has a token, or needs one")
    if ("ServiceAccount", spec["serviceAccountName"]) not in names:
        said.append(f"no account {spec['serviceAccountName']}")
    volumes = {one["name"] for one in spec["volumes"]}
    for one in [*spec.get("initContainers", []), *spec["containers"]]:
        said += [f"{mount['name']} is no volume" for mount in one["volumeMounts"] if mount["name"] not in volumes]
        said += _of_container(one) + _of_variables(one.get("env", []), settings) + _of_probes(one)
    return said


def _of_volumes(volumes: list[dict], names: set) -> list[str]:
    said = []
    for one in volumes:
        if "configMap" in one and ("ConfigMap", one["configMap"]["name"]) not in names:
            said.append(f"no map {one['configMap']['name']}")
        if "secret" in one and one["secret"]["secretName"] not in SECRETS:
            said.append(f"no secret {one['secret']['secretName']}")
        claim = one.get("persistentVolumeClaim", {}).get("claimName")
        if claim and ("PersistentVolumeClaim", claim) not in names:
            said.append(f"no claim {claim}")
    return said


def _of_container(one: dict) -> list[str]:
    variables = [each["name"] for each in one.get("env", []) if each["name"] != "SOURCE_URL"]
    ports = [port["containerPort"] for port in one.get("ports", [])]
    said = faults(Container(one["name"], one["image"], one["args"], variables, ports))
    if one["image"] not in IMAGES:
        said.append(f"{one['image']} is no image that is pinned")
    own = one["securityContext"]
    if own["allowPrivilegeEscalation"] or not own["readOnlyRootFilesystem"] or own["capabilities"] != {"drop": ["ALL"]}:
        said.append("may do more than it needs")
    if "memory" not in one["resources"]["limits"]:
        said.append("may take all memory")
    return said


def _of_variables(variables: list[dict], settings: dict) -> list[str]:
    said = []
    for one in variables:
        secret = one.get("valueFrom", {}).get("secretKeyRef")
        setting = one.get("valueFrom", {}).get("configMapKeyRef")
        if secret and secret["key"] not in SECRETS.get(secret["name"], set()):
            said.append(f"no key {secret}")
        if setting and setting["key"] not in settings:
            said.append(f"no setting {setting['key']}")
        if "valueFrom" not in one and re.search(r"STORES|URL|PASSWORD|TOKEN", one["name"]):
            said.append(f"{one['name']} holds a value")
    return said


def _of_probes(one: dict) -> list[str]:
    said = []
    ports = {port["name"]: port["containerPort"] for port in one.get("ports", [])}
    answered = routes() if one["args"][0] == "rarecall" else {"/health"}
    for kind in ("startupProbe", "livenessProbe", "readinessProbe"):
        asked = one.get(kind, {}).get("httpGet")
        if asked and asked["port"] not in {*ports, *ports.values()}:
            said.append(f"{kind} asks at {asked['port']}, which is no port of it")
        if asked and asked["path"] not in answered:
            said.append(f"{kind} asks for {asked['path']}, which is no route")
    return said


def _of_selectors(resources: list[dict], labelled: list[dict[str, str]]) -> list[str]:
    """Return whose selector finds no pod, and whose target is not there."""
    said = []
    known = {(one["apiVersion"], one["kind"], one["metadata"].get("name")) for one in resources}
    for one in resources:
        spec, name = one.get("spec", {}), f"{one['kind']} {one['metadata'].get('name')}"
        selector = spec.get("podSelector", spec.get("selector"))
        wanted = (selector or {}).get("matchLabels", selector) or {}
        if not any(wanted.items() <= labels.items() for labels in labelled):
            said.append(f"{name}: selects no pod")
        target = spec.get("scaleTargetRef") or spec.get("workloadRef")
        if target and (target["apiVersion"], target["kind"], target["name"]) not in known:
            said.append(f"{name}: no {target['kind']} {target['name']}")
    return said
