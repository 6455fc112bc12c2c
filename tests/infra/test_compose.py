"""The compose file, held against the compose specification and against the code that it starts."""

import json
import os
import re
import shutil
import subprocess
from copy import deepcopy
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest
import yaml
from program import Container, faults, routes

from rarecall.project import load

INFRA = Path(__file__).parents[2] / "infra"
IMAGES = {
    "rarecall:0.6.0",
    "postgres:15.14",
    "redis:7.2.10",
    "prom/prometheus:v3.5.0",
    "prom/alertmanager:v0.28.1",
    "grafana/grafana:12.1.0",
}
SECRET = re.compile(r"PASSWORD|REDISCLI_AUTH|SECRET|TOKEN|KEY$")
DEFAULTS = {"postgres": 5432, "redis": 6379, "prometheus": 9090, "alertmanager": 9093, "grafana": 3000}


def ports(service: dict) -> list[int]:
    said = [int(one.rpartition(":")[2]) for one in service.get("ports", [])]
    test = " ".join(service.get("healthcheck", {}).get("test", []))
    return said + [int(one) for one in re.findall(r"(?:127\.0\.0\.1:|--port=|-p )(\d+)", test)]


def wrong(told: dict) -> list[str]:
    """Return a sentence for everything in a compose file that does not hold."""
    return [
        f"{name}: {said}"
        for name, one in told["services"].items()
        for said in [*_program(name, one), *_safety(name, one), *_neighbours(one, told["services"]), *_paths(one, told)]
    ]


def _program(name: str, one: dict) -> list[str]:
    said = [] if one["image"] in IMAGES else [f"{one['image']} is no image that is pinned"]
    if one["image"].startswith("rarecall:"):
        variables = [key for key in one.get("environment", {}) if key != "RARECALL_DATA"]
        said += faults(Container(name, one["image"], one["command"], variables, ports(one)))
    elif set(ports(one)) != {DEFAULTS[name]}:
        said.append(f"listens on {DEFAULTS[name]}, not on {ports(one)}")
    test = " ".join(one.get("healthcheck", {}).get("test", []))
    if not test and name not in {"deploy", "worker"}:
        said.append("nobody asks whether it is well")
    if (asked := re.search(r":8000(/\w+)", test)) and asked[1] not in routes():
        said.append(f"the router has no {asked[1]}")
    return said


def _safety(name: str, one: dict) -> list[str]:
    said = [f"{key} holds a value" for key, value in one.get("environment", {}).items() if _is_told(key, str(value))]
    said += [f"{port} is open to everybody" for port in one.get("ports", []) if not port.startswith("127.0.0.1:")]
    said += [f"{lacks} is not said" for lacks in ("mem_limit", "restart", "networks") if lacks not in one]
    if "no-new-privileges:true" not in one.get("security_opt", []) or str(one.get("user", "1")).startswith("0"):
        said.append("may become root")
    return said


def _neighbours(one: dict, services: dict) -> list[str]:
    said = []
    for other, how in one.get("depends_on", {}).items():
        asked = services.get(other, {}).get("healthcheck")
        if other not in services or (how["condition"] == "service_healthy" and not asked):
            said.append(f"waits for {other}, which cannot be")
    environ = " ".join(map(str, one.get("environment", {}).values()))
    for other, port in re.findall(r"(?:@|//)([a-z]+):(\d+)", environ):
        if int(port) not in ports(services.get(other, {})):
            said.append(f"nobody answers at {other}:{port}")
    return said


def _paths(one: dict, told: dict) -> list[str]:
    said = []
    for volume in one.get("volumes", []):
        source = re.sub(r"\$\{\w+:-([^}]+)\}", r"\1", volume).partition(":")[0]
        if source.startswith(".") and not (INFRA / source).exists():
            said.append(f"{source} is not in the repository")
        if not source.startswith((".", "$")) and source not in told["volumes"]:
            said.append(f"no volume {source}")
    return said


def _is_told(key: str, value: str) -> bool:
    in_address = re.search(r"://\w*:([^@]+)@", value)
    secret = in_address[1] if in_address else value if SECRET.search(key) else None
    return secret is not None and re.fullmatch(r"\$\{\w+:\?[^}]+\}", secret) is None


@pytest.fixture(scope="module")
def told() -> dict:
    return yaml.safe_load((INFRA / "compose.yaml").read_text())


def test_it_is_a_compose_file(told):
    schema = json.loads(files("check_jsonschema").joinpath("builtin_schemas/vendor/compose-spec.json").read_text())
    jsonschema.validate(told, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**told, "services": {"a": {"imagine": "b"}}}, schema)


def test_everything_it_names_is_there(told):
    assert wrong(told) == []


@pytest.mark.parametrize(
    ("service", "key", "value", "said"),
    [
        ("deploy", "command", ["rarecall", "deplyo"], "no command 'deplyo'"),
        ("router", "command", ["rarecall", "serve", "/project", "--hosts", "x"], "--hosts"),
        ("router", "command", ["rarecall", "serve", "/project", "--port", "8001"], "listens on 8001"),
        ("worker", "command", ["prefect", "worker", "start", "--pol", "local"], "prefect refuses"),
        ("mlflow", "command", ["mlflow", "server", "--hots", "x"], "--hots"),
        ("worker", "environment", {"RARECALL__STORES__LEGER": "x"}, "no key of the project file"),
        ("prefect", "environment", {"PREFECT_API_DATABASE": "x"}, "no setting of Prefect"),
        ("mlflow", "environment", {"MLFLOW_BACKEND": "x"}, "no variable of MLflow"),
        ("router", "environment", {"PREFECT_API_URL": "http://prefect:4201/api"}, "nobody answers at prefect:4201"),
        ("grafana", "environment", {"GF_SECURITY_ADMIN_PASSWORD": "admin"}, "holds a value"),
        ("worker", "environment", {"RARECALL__STORES__LEDGER": "postgresql://a:b@postgres:5432/l"}, "holds a value"),
        ("redis", "image", "redis:latest", "no image that is pinned"),
        ("grafana", "ports", ["3000:3000"], "open to everybody"),
        ("prometheus", "volumes", ["./prometheus/rule.yml:/etc/prometheus/rules.yml"], "not in the repository"),
        ("router", "healthcheck", {"test": ["CMD", "x", "http://127.0.0.1:8000/health"]}, "has no /health"),
        ("router", "depends_on", {"deploy": {"condition": "service_healthy"}}, "waits for deploy"),
        ("redis", "security_opt", [], "may become root"),
    ],
)
def test_what_is_not_there_is_noticed(told, service, key, value, said):
    broken = deepcopy(told)
    broken["services"][service][key] = value
    assert [one for one in wrong(broken) if said in one]


def test_the_image_is_this_version():
    version = re.search(r'^version = "(.+)"$', (INFRA.parent / "pyproject.toml").read_text(), re.MULTILINE)[1]
    assert f"rarecall:{version}" in IMAGES


def test_prometheus_asks_the_router_with_the_mounted_key(told):
    scraped = yaml.safe_load((INFRA / "compose/prometheus.yml").read_text())
    job = scraped["scrape_configs"][0]
    assert job["static_configs"][0]["targets"] == ["router:8000"]
    assert job["authorization"]["credentials_file"] == "/run/secrets/metrics_key"
    assert told["services"]["prometheus"]["secrets"] == ["metrics_key"] == list(told["secrets"])
    mounted = {one.split(":")[1] for one in told["services"]["prometheus"]["volumes"]}
    assert {f"/etc/prometheus/{one}" for one in scraped["rule_files"]} <= mounted
    project = load(INFRA.parent / "examples/bank-marketing", {})
    assert job["static_configs"][0]["labels"]["project"] == project.name


def test_grafana_reads_the_dashboards_and_the_source_that_are_there(told):
    source = yaml.safe_load((INFRA / "grafana/provisioning/datasources/prometheus.yml").read_text())["datasources"][0]
    assert (source["type"], source["url"], source["isDefault"]) == ("prometheus", "http://prometheus:9090", True)
    folder = yaml.safe_load((INFRA / "grafana/provisioning/dashboards/rarecall.yml").read_text())["providers"][0]
    mounted = {one.split(":")[1] for one in told["services"]["grafana"]["volumes"]}
    boards = {f"{folder['options']['path']}/{one.name}" for one in (INFRA / "grafana").glob("*.json")}
    assert len(boards) == 3
    assert boards <= mounted


def test_the_example_names_every_variable_and_no_password():
    text = (INFRA / "compose.yaml").read_text()
    example = dict(
        line.split("=", 1) for line in (INFRA / "compose/example.env").read_text().splitlines() if "=" in line[:30]
    )
    assert set(re.findall(r"\$\{(\w+):", text)) == set(example)
    assert all(not value for key, value in example.items() if key.endswith("PASSWORD"))


def test_the_databases_are_made_and_kept_apart():
    """By a real PostgreSQL, as its image would do it in an empty volume."""
    from postgres import postgres

    psql = shutil.which("psql")
    if psql is None:
        pytest.skip("psql is not on this machine")
    with postgres() as url:
        first = url.replace("+psycopg", "")
        plain = first.replace("rarecall@", "postgres@")  # as in the image, whose first role has that name
        for at, said in (
            (first, "CREATE ROLE postgres SUPERUSER LOGIN"),
            (plain, "ALTER ROLE rarecall RENAME TO other"),
        ):
            subprocess.run([psql, "--no-psqlrc", at, "--command", said], capture_output=True, check=True)
        secrets = {"PREFECT_PASSWORD": "p'1", "MLFLOW_PASSWORD": "m", "RARECALL_PASSWORD": "r"}
        command = [psql, "--no-psqlrc", "--quiet", plain, "--file", INFRA / "compose/databases.sql"]
        done = subprocess.run(command, env=os.environ | secrets, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        query = """
            SELECT datname, pg_get_userbyid(datdba), has_database_privilege('mlflow', datname, 'CONNECT')
            FROM pg_database WHERE datname NOT LIKE 'template%' AND datname <> 'postgres' ORDER BY 1
        """
        asked = [psql, "--no-psqlrc", "--tuples-only", "--no-align", plain, "--command", query]
        found = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split("\n")
    assert found[:-1] == [
        "feast|rarecall|f",
        "ledger|rarecall|f",
        "mlflow|mlflow|t",
        "predictions|rarecall|f",
        "prefect|prefect|f",
    ]
