"""A registry with small fitted models, and a real server of it on a free loopback port."""

import asyncio
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pandas as pd
import uvicorn

from rarecall.project import Project
from rarecall.sections import Training
from rarecall.training import estimator, fit, with_threshold
from serving import model, registry

KINDS = {"amount": "numeric", "hour": "numeric", "region": "categorical"}
REGIONS = ["north", "south", "east", "3"]


def table(rows: int = 1500, seed: int = 0) -> pd.DataFrame:
    """Return rows of which a fifth lack an amount or a region."""
    rng = np.random.default_rng(seed)
    region = pd.Series(rng.choice(REGIONS, rows)).mask(rng.random(rows) < 0.1, None).astype(object)
    amount = pd.Series(rng.gamma(2.0, 40.0, rows)).mask(rng.random(rows) < 0.1)
    return pd.DataFrame({"amount": amount, "hour": rng.integers(0, 24, rows).astype(float), "region": region})


def fitted(seed: int = 0, learner: str = "hist_gradient_boosting", kinds: dict[str, str] | None = None) -> Any:
    """Return a small model as a run would save it."""
    rows = table(seed=seed)
    rng = np.random.default_rng(seed)
    y = (rng.random(len(rows)) < 0.05 + 0.6 * (rows["amount"].fillna(0) > 120)).astype("int8").to_numpy()
    parameters = {"max_iter": 20} if learner == "hist_gradient_boosting" else {}
    pipeline = estimator(Training(learner=learner, parameters=parameters), kinds or KINDS, seed=seed)
    return with_threshold(fit(pipeline, rows, y), 0.3, rows)


def project_in(home: Path, **changes: Any) -> Project:
    """Return the project of a home."""
    return Project.model_validate(
        {
            "name": "payments",
            "source": {"path": "payments.csv.gz"},
            "entity": "payment_id",
            "label": {"column": "is_fraud", "positive": 1},
            "cohorts": ["region", {"column": "amount", "edges": [50, 200]}],
            "stores": {"home": str(home)},
            **changes,
        }
    )


def register(project: Project, *models: Any) -> list[str]:
    """Register fitted models one after another and return their versions; no alias is set."""
    client = registry.connect(project)
    if registry.registered(client, project.name) is None:
        client.create_registered_model(project.name)
    versions = []
    for one in models:
        folder = registry.folder(project) / "artifacts" / f"model-{time.time_ns()}"
        folder.mkdir(parents=True)
        model.save(one, folder / model.FILE)
        versions.append(str(client.create_model_version(project.name, source=folder.as_uri()).version))
    return versions


def copied(template: Project, home: Path, **changes: Any) -> Project:
    """Return a project whose registry has the versions of another's, without the seconds that MLflow takes to begin."""
    made = project_in(home, **changes)
    registry.folder(made).mkdir(parents=True)
    shutil.copy(registry.folder(template) / "mlflow.db", registry.folder(made))
    return made


def stand(project: Project, **aliases: str) -> None:
    """Set aliases."""
    client = registry.connect(project)
    for alias, version in aliases.items():
        client.set_registered_model_alias(project.name, alias, version)


def features(**changes: Any) -> dict[str, Any]:
    """Return the features of one row."""
    return {"amount": 42.5, "hour": 3, "region": "north", **changes}


@dataclass(frozen=True)
class Running:
    """A server that answers."""

    url: str
    server: Any

    def post(self, path: str, value: Any, **headers: str) -> tuple[int, Any]:
        """Send JSON, or bytes as they are, and return the status and the JSON of the answer."""
        import httpx

        body = value if isinstance(value, bytes) else orjson.dumps(value)
        sent = {"content-type": "application/json", **headers}
        answer = httpx.post(self.url + path, content=body, headers=sent, timeout=30)
        return answer.status_code, orjson.loads(answer.content)

    def get(self, path: str, **headers: str) -> Any:
        """Return the answer."""
        import httpx

        return httpx.get(self.url + path, headers=headers, timeout=30)


@contextmanager
def running(app: Any, server: Any) -> Iterator[Running]:
    """Run an application in a uvicorn of this process, on a free port."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        host = uvicorn.Server(
            uvicorn.Config(app, log_level="error", access_log=False, server_header=False, loop="asyncio", ws="none")
        )
        thread = threading.Thread(target=lambda: asyncio.run(host.serve(sockets=[bound])), daemon=True)
        thread.start()
        while not host.started:
            if not thread.is_alive():
                raise RuntimeError("the server did not start")
            time.sleep(0.02)
        try:
            yield Running(f"http://127.0.0.1:{port}", server)
        finally:
            host.should_exit = True
            thread.join(timeout=30)
