"""Requests a second and latency of our server beside `mlflow models serve` and a FastAPI that does nothing.

One model, one machine, one load tool: wrk, from Debian (`apt-get install wrk`), on the same machine, so it takes part
of the processor from each of them alike. Ours checks every field, waits for the log's commit and counts its metrics;
MLflow checks its schema; the third reads nothing and answers a constant. The three take turns.
`python -m benchmarks.serving --help`.
"""

import argparse
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import orjson
import pandas as pd
import yaml
from fastapi import FastAPI

from benchmarks.page import about, write_section

JSON = Path("benchmarks/serving.json")
NUMERIC, CATEGORICAL, ROWS = 28, 2, 20_000
BATCH = 1000
SHAPES = {"single": 1, "batch": BATCH, "columns": BATCH}
"""How rows are sent: each as an object, or each name once, which only ours has two ways for."""
_LUA = """
local body = io.open("{body}"):read("*a")
local place = {place}
local number = 0
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
request = function()
  number = number + 1
  if place > 0 then  -- an entity of its own for each request, so that no answer can be an old one
    return wrk.format(nil, nil, nil, (body:gsub("ENTITY", tostring(number), 1)))
  end
  return wrk.format(nil, nil, nil, body)
end
"""


def noop() -> FastAPI:
    """Return the application that does nothing, as uvicorn's factory."""
    app = FastAPI()

    @app.post("/predict")
    async def predict() -> dict[str, float]:
        return {"score": 0.5}

    return app


def main() -> None:
    """Measure and write JSON and page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=6, help="of each turn")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 32])
    parser.add_argument("--only", nargs="+", choices=["ours", "mlflow", "noop"], default=["ours", "mlflow", "noop"])
    parser.add_argument("--dry-run", action="store_true", help="print, write nothing")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="bench-serving-"))
    try:
        rows = model_in(folder)
        found = measure(folder, rows, options)
    finally:
        shutil.rmtree(folder)
    print(json.dumps(found, indent=1))
    if not options.dry_run:
        facts = about("mlflow", "fastapi", "uvicorn", "scikit-learn", "orjson")
        JSON.write_text(json.dumps(facts | {"results": found}, indent=1) + "\n")
        write_section("serving", facts, lines(found, options))


def model_in(folder: Path) -> pd.DataFrame:
    """Train one model, register it in the home's MLflow as a run does, make it champion, and return its rows."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    import mlflow
    from mlflow.models import infer_signature

    from rarecall import calibration
    from rarecall.project import load
    from rarecall.sections import Training
    from rarecall.training import CALIBRATED_TYPES, TRUSTED_TYPES, calibrated, estimator, fit, score, with_threshold
    from serving import registry

    rng = np.random.default_rng(0)
    table = {f"amount_{n}": rng.normal(size=ROWS) for n in range(NUMERIC)}
    table |= {
        f"kind_{n}": rng.choice([f"kind {k}" for k in range(20)], ROWS).astype(object) for n in range(CATEGORICAL)
    }
    rows = pd.DataFrame(table)
    logit = rows["amount_0"] + rows["amount_1"] * rows["amount_2"] + 2.0 * (rows["kind_0"] == "kind 3") - 4.0
    y = (rng.random(ROWS) < 1 / (1 + np.exp(-logit))).astype("int8").to_numpy()
    project_file = {
        "name": "bench",
        "source": {"path": "bench.csv"},
        "entity": "id",
        "label": {"column": "y", "positive": 1},
        "cohorts": ["kind_0", {"column": "amount_0", "edges": [-1, 1]}],
        "stores": {"home": str(folder / "home")},
    }
    (folder / "rarecall.yaml").write_text(yaml.safe_dump(project_file))
    project = load(folder, {})
    kinds = {name: "categorical" if name.startswith("kind") else "numeric" for name in table}
    pipeline = fit(estimator(Training(), kinds, seed=0), rows, y)
    made = calibration.fit(y, score(pipeline, rows))
    served = with_threshold(calibrated(pipeline, made.classifier, rows), 0.3, rows)
    client = registry.connect(project)
    experiment = client.create_experiment("bench", artifact_location=str(folder / "home" / "mlflow" / "artifacts"))
    client.create_registered_model("bench")
    example = rows.head(1)
    with mlflow.start_run(experiment_id=experiment) as run:
        logged = mlflow.sklearn.log_model(
            served,
            name="model",
            serialization_format="skops",
            skops_trusted_types=[*TRUSTED_TYPES["hist_gradient_boosting"], *CALIBRATED_TYPES[made.method]],
            signature=infer_signature(example, served.predict_proba(example)),
            input_example=example,
            pip_requirements=["scikit-learn"],
            pyfunc_predict_fn="predict_proba",
        )
    version = client.create_model_version("bench", source=logged.model_uri, run_id=run.info.run_id)
    client.set_registered_model_alias("bench", "champion", version.version)
    return rows


def measure(folder: Path, rows: pd.DataFrame, options: argparse.Namespace) -> dict[str, Any]:
    """Let the servers, which are all up, take turns under the same load; the first of each is not counted."""
    turns: dict[str, list[dict[str, float]]] = {}
    up = {name: start(name, folder) for name in options.only}
    try:
        for turn in range(options.turns + 1):
            for shape, many in SHAPES.items():
                for connections in options.connections:
                    for name, (process, port) in up.items():
                        if (name == "noop" and shape != "single") or (name == "mlflow" and shape == "columns"):
                            continue
                        script = script_of(folder, name, rows.head(many), shape)
                        path = "/invocations" if name == "mlflow" else "/predict"
                        seconds = options.seconds if turn else 1
                        got = wrk(f"http://127.0.0.1:{port}{path}", script, connections, seconds)
                        got["megabytes"] = resident(process.pid)
                        if many > 1:
                            settle(process.pid)
                        if turn:
                            turns.setdefault(f"{name} {shape} {connections}", []).append(got)
                        print(turn, name, shape, connections, got, flush=True)
    finally:
        for process, _ in up.values():
            process.terminate()
            process.wait(timeout=30)
    return {name: {key: median(one[key] for one in found) for key in found[0]} for name, found in turns.items()}


def start(name: str, folder: Path, port: int | None = None) -> tuple[subprocess.Popen[bytes], int]:
    """Start a server on a port, by default a free one, and return it when it answers."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = port or bound.getsockname()[1]
    here = Path(sys.executable)
    at = ["--host", "127.0.0.1", "--port", str(port)]
    commands = {
        "ours": [here.with_name("rarecall"), "serve", folder, *at],
        "mlflow": [
            here.with_name("mlflow"),
            "models",
            "serve",
            "-m",
            "models:/bench@champion",
            "--env-manager",
            "local",
            *at,
        ],
        "noop": [here, "-m", "uvicorn", "--factory", "benchmarks.serving:noop", "--log-level", "warning", *at],
    }
    store = f"sqlite:///{folder / 'home' / 'mlflow' / 'mlflow.db'}"
    environ = os.environ | {"OMP_NUM_THREADS": "1", "MLFLOW_TRACKING_URI": store, "MLFLOW_DISABLE_TELEMETRY": "true"}
    environ["PATH"] = f"{here.parent}{os.pathsep}{environ['PATH']}"  # MLflow asks a shell for uvicorn
    process = subprocess.Popen(commands[name], env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603 - ours
    alive = {"ours": "/readyz", "mlflow": "/ping", "noop": "/openapi.json"}[name]
    end = time.monotonic() + 240
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{alive}", timeout=5) as answer:
                if answer.status == 200:
                    return process, port
        except OSError:
            time.sleep(0.2)
    process.kill()
    raise RuntimeError(f"{name} ended, or did not answer within four minutes")


def script_of(folder: Path, name: str, rows: pd.DataFrame, shape: str) -> Path:
    """Write the request that wrk sends."""
    records = rows.to_dict("records")
    if name == "mlflow":
        body = orjson.dumps({"dataframe_split": rows.to_dict("split", index=False)})
    elif shape == "single":
        body = orjson.dumps({"entity": "ENTITY", "features": records[0]})
    elif shape == "columns":
        entities = [str(n) for n in range(len(rows))]
        body = orjson.dumps({"entities": entities, "features": rows.to_dict("list")})
    else:
        body = orjson.dumps({"rows": [{"entity": str(n), "features": one} for n, one in enumerate(records)]})
    file = folder / f"{name}-{shape}.json"
    file.write_bytes(body)
    script = folder / f"{name}-{shape}.lua"
    script.write_text(_LUA.replace("{body}", str(file)).replace("{place}", "1" if b"ENTITY" in body else "0"))
    return script


def wrk(url: str, script: Path, connections: int, seconds: int) -> dict[str, float]:
    """Put load on a server and return its requests a second and latency in milliseconds; any failure raises."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "--timeout", "60s", "-s", script, url]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603 - as its docstring says
    if "Non-2xx" in said or "Socket errors" in said:
        raise RuntimeError(said)
    units = {"us": 0.001, "ms": 1.0, "s": 1000.0}
    found = {"requests": float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1])}
    for share in ("50", "99"):
        value, unit = re.search(rf"{share}%\s+([\d.]+)(us|ms|s)", said).groups()
        found[f"p{share}"] = float(value) * units[unit]
    return found


def settle(pid: int) -> None:
    """Wait until a server has worked off the batches that wrk left behind; the next turn would pay for them."""
    import psutil

    everyone = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    for one in everyone:
        one.cpu_percent()
    for _ in range(30):
        time.sleep(0.5)
        if sum(one.cpu_percent() for one in everyone) < 10:
            return


def resident(pid: int) -> float:
    """Return the resident megabytes of a process and its children."""
    import psutil

    process = psutil.Process(pid)
    return sum(one.memory_info().rss for one in [process, *process.children(recursive=True)]) / 1e6


def lines(found: dict[str, Any], options: argparse.Namespace) -> list[str]:
    """Say the results as lines of the page."""
    about_it = (
        f"HistGradientBoosting, 100 trees of 31 leaves, {NUMERIC} numbers and {CATEGORICAL} categories, calibrated; "
        f"wrk with one thread on the same machine, {options.turns} turns of {options.seconds} s, medians."
    )
    head = "| server | rows a request | sent | connections | requests/s | rows/s | p50 ms | p99 ms | MB |"
    told = [about_it, "", head, "|:--|--:|:--|--:|--:|--:|--:|--:|--:|"]
    names = {"ours": "rarecall serve", "mlflow": "mlflow models serve", "noop": "FastAPI, nothing"}
    for key, one in found.items():
        name, shape, connections = key.split()
        rows = one["requests"] * SHAPES[shape]
        told.append(
            f"| {names[name]} | {SHAPES[shape]} | {sent(name, shape)} | {connections} | {one['requests']:,.0f} | "
            f"{rows:,.0f} | {one['p50']:.2f} | {one['p99']:.2f} | {one['megabytes']:.0f} |"
        )
    told.append("")
    for connections in options.connections:
        ours, mlflow, nothing = (found.get(f"{name} single {connections}") for name in ("ours", "mlflow", "noop"))
        if ours and mlflow and nothing:
            told.append(
                f"Single rows over {connections}: {ours['requests'] / mlflow['requests']:.1f} times MLflow's requests "
                f"a second (to reach: 10), {ours['p99'] / mlflow['p99']:.2f} of its p99 (to reach: 0.20), "
                f"{ours['requests'] / nothing['requests']:.0%} of a FastAPI that does nothing (to reach: 40%)."
            )
        mlflow = found.get(f"mlflow batch {connections}")
        for shape in ("batch", "columns"):
            ours = found.get(f"ours {shape} {connections}")
            if ours and mlflow:
                told.append(
                    f"Batches of {BATCH} {sent('ours', shape)} over {connections}: "
                    f"{ours['requests'] / mlflow['requests']:.1f} times MLflow's rows a second (to reach: 10)."
                )
    return [*told, ""]


def sent(name: str, shape: str) -> str:
    """Return how a server's rows are sent."""
    if name == "mlflow" or shape == "columns":
        return "by column" if shape == "columns" else "split"
    return "by row" if shape == "batch" else ""


if __name__ == "__main__":
    main()
