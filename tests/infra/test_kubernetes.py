"""The manifests of infra/kubernetes, built and held against Kubernetes' schemas and the code that they start."""

import json
import re
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from kustomize import build
from manifests import wrong

from rarecall.project import load

FOLDER = Path(__file__).parents[2] / "infra/kubernetes"


def job_of_the_pool() -> dict[str, Any]:
    """Return the job that a worker makes of the template, with its defaults put in."""
    template = json.loads((FOLDER / "base/base-job.json").read_text())
    known = {key: one.get("default") for key, one in template["variables"]["properties"].items()}
    known |= {"name": "flow", "labels": {"a": "b"}, "command": ["prefect", "flow-run", "execute"]}

    def fill(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: fill(one) for key, one in value.items()}
        if isinstance(value, list):
            return [fill(one) for one in value]
        if not isinstance(value, str):
            return value
        whole = re.fullmatch(r"\{\{ (\w+) \}\}", value)
        return known[whole[1]] if whole else re.sub(r"\{\{ (\w+) \}\}", lambda found: str(known[found[1]]), value)

    return fill(template["job_configuration"]["job_manifest"])


@pytest.fixture(scope="module")
def base() -> list[dict]:
    return build(FOLDER / "base")


def find(resources: list[dict], kind: str, name: str = "router") -> dict:
    return next(one for one in resources if (one["kind"], one["metadata"].get("name")) == (kind, name))


@pytest.mark.parametrize("folder", ["base", "overlays/rollouts", "overlays/kserve"])
def test_everything_it_names_is_there(folder):
    resources = build(FOLDER / folder)
    assert wrong([*resources, job_of_the_pool()]) == []
    assert {one["kind"] for one in resources} >= {"NetworkPolicy", "PodDisruptionBudget", "CronJob", "Role"}


def test_a_patch_without_a_target_is_noticed(tmp_path):
    (tmp_path / "a.yaml").write_text("{apiVersion: v1, kind: Service, metadata: {name: a}}")
    patch = {"patch": "{kind: Service, metadata: {name: b}, $patch: delete}"}
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump({"resources": ["a.yaml"], "patches": [patch]}))
    with pytest.raises(LookupError, match="there are 0"):
        build(tmp_path)


def router(resources: list[dict]) -> dict:
    return find(resources, "Deployment")["spec"]["template"]["spec"]["containers"][0]


@pytest.mark.parametrize(
    ("breaks", "said"),
    [
        (lambda r: router(r).update(image="rarecall:latest"), "no image that is pinned"),
        (lambda r: router(r)["args"].append("--hosts"), "--hosts"),
        (lambda r: router(r)["ports"][0].update(containerPort=8001), "listens on 8000"),
        (lambda r: router(r)["readinessProbe"]["httpGet"].update(path="/ready"), "which is no route"),
        (lambda r: router(r)["livenessProbe"]["httpGet"].update(port="web"), "which is no port"),
        (lambda r: router(r)["env"].append({"name": "RARECALL__STORES__LEGER", "value": ""}), "no key of the project"),
        (lambda r: router(r)["env"].append({"name": "RARECALL__STORES__LEDGER", "value": "x"}), "holds a value"),
        (lambda r: router(r)["env"][0]["valueFrom"]["secretKeyRef"].update(key="source"), "no key"),
        (lambda r: router(r)["volumeMounts"].append({"name": "b", "mountPath": "/b"}), "b is no volume"),
        (lambda r: router(r)["securityContext"].update(readOnlyRootFilesystem=False), "more than it needs"),
        (lambda r: router(r).update(resource={}), "resource"),
        (
            lambda r: find(r, "Deployment")["spec"]["template"]["spec"]["securityContext"].update(runAsUser=0),
            "may be root",
        ),
        (
            lambda r: find(r, "Deployment")["spec"]["template"]["spec"].update(automountServiceAccountToken=True),
            "token",
        ),
        (lambda r: find(r, "Deployment")["spec"]["template"]["metadata"]["labels"].clear(), "selects no pod"),
        (lambda r: find(r, "HorizontalPodAutoscaler")["spec"]["scaleTargetRef"].update(name="r"), "no Deployment r"),
        (lambda r: find(r, "ConfigMap", "settings")["data"].update(PREFECT_API_URL="http://prefect:42/api"), "listens"),
        (lambda r: find(r, "Role", "worker")["rules"][0]["resources"].append("secrets"), "may read secrets"),
        (lambda r: r.remove(find(r, "ConfigMap", "project")), "no map project"),
        (lambda r: r.append({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}}), "stands in a file"),
        (lambda r: find(r, "CronJob", "retrain")["spec"].update(schedules="* * * * *"), "schedules"),
    ],
)
def test_what_is_not_there_is_noticed(base, breaks, said):
    broken = deepcopy(base)
    breaks(broken)
    assert [one for one in wrong(broken) if said in one]


def test_the_clock_s_retrain_and_the_pool_s_jobs_are_one_pod(base):
    """Written twice, for Kustomize does not look into the pool's template."""
    spec = deepcopy(find(base, "CronJob", "retrain")["spec"]["jobTemplate"]["spec"]["template"]["spec"])
    of_pool = job_of_the_pool()["spec"]["template"]["spec"]
    spec["containers"][0]["args"] = of_pool["containers"][0]["args"]
    assert of_pool == spec


def test_one_clock_starts_the_retrain(base):
    data = find(base, "ConfigMap", "settings")["data"]
    environ = {key: value for key, value in data.items() if key.startswith("RARECALL__")}
    project = load(FOLDER / "base", environ)
    assert project.schedule.retrain is None
    assert project.schedule.monitor == "*/10 * * * *"
    assert find(base, "CronJob", "retrain")["spec"]["concurrencyPolicy"] == "Forbid"
    assert project.source.url == "sqlite://"  # the router's, which is given none


def test_nobody_speaks_but_where_it_is_said(base):
    policies = {one["metadata"]["name"]: one["spec"] for one in base if one["kind"] == "NetworkPolicy"}
    assert policies["nobody"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    reached = {
        name: [port["port"] for rule in one.get("egress", []) for port in rule["ports"]]
        for name, one in policies.items()
    }
    assert reached["router"] == [5432, 6379, 5000]
    assert reached["jobs"] == [5432, 6379, 5000, 4200]
    assert reached["worker"] == [4200, 443, 6443]
    assert [port["port"] for port in policies["router"]["ingress"][0]["ports"]] == [8000]
    assert all("ingress" not in policies[name] for name in ("jobs", "worker", "names"))


def test_the_rollout_is_of_the_router_and_judged_by_metrics_that_it_tells():
    """Argo's kinds have no schema here: what they have to agree with is asserted instead."""
    from prometheus_client import generate_latest

    from serving.metrics import Exposed, Metrics, registry_of

    resources = build(FOLDER / "overlays/rollouts")
    rollout, deployment = find(resources, "Rollout"), find(resources, "Deployment")
    assert rollout["spec"]["selector"] == deployment["spec"]["selector"]
    assert find(resources, "HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]["kind"] == "Rollout"
    steps = rollout["spec"]["strategy"]["canary"]["steps"]
    asked = [one["templateName"] for step in steps if "analysis" in step for one in step["analysis"]["templates"]]
    assert asked == ["router", "router"]
    weights = [step["setWeight"] for step in steps if "setWeight" in step]
    assert weights == sorted(weights)
    queries = " ".join(
        one["provider"]["prometheus"]["query"] for one in find(resources, "AnalysisTemplate")["spec"]["metrics"]
    )
    text = generate_latest(registry_of(Exposed(Metrics(), tuple))).decode()
    names = set(re.findall(r"rarecall_\w+", queries))
    assert names == {"rarecall_serving_requests_total", "rarecall_serving_latency_seconds_bucket"}
    assert all(f"{name}{{" in text for name in names)
    assert set(re.findall(r'route="\w+"', queries)) == {'route="predict"'}
    assert 'rarecall_serving_latency_seconds_bucket{le="0.1",route="predict"}' in text


def test_the_inference_service_runs_what_the_deployment_runs(base):
    """KServe's kind has no schema here either."""
    resources = build(FOLDER / "overlays/kserve")
    assert not [
        one for one in resources if one["metadata"].get("name") == "router" and one["kind"] in {"Deployment", "Service"}
    ]
    predictor = find(resources, "InferenceService")["spec"]["predictor"]
    ours = find(base, "Deployment")["spec"]["template"]["spec"]
    served, routed = predictor["containers"][0], ours["containers"][0]
    assert served["name"] == "kserve-container"
    assert served["ports"] == [{"name": "http1", "containerPort": 8000}]
    for key in ("image", "args", "env", "envFrom", "resources", "securityContext", "volumeMounts"):
        assert served[key] == routed[key]
    for key in ("serviceAccountName", "automountServiceAccountToken", "securityContext", "volumes"):
        assert predictor[key] == ours[key]
    scaler = find(base, "HorizontalPodAutoscaler")["spec"]
    assert (predictor["minReplicas"], predictor["maxReplicas"]) == (scaler["minReplicas"], scaler["maxReplicas"])
    assert predictor["canaryTrafficPercent"] == 10
