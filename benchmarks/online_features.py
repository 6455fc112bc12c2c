"""Sections of `benchmarks.feast_store`: putting features online and reading them, ours against Feast's own."""

import argparse
import contextlib
import io
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

ENTITIES, FEATURES, READS, WARM_UP = 100_000, 30, 3_000, 200
YEARS = datetime(2025, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)


def materialize(options: argparse.Namespace) -> dict:  # noqa: ARG001 - a run takes minutes, so it is done once
    """Measure putting every entity online once, and once more with nothing new."""
    seconds: dict[str, dict[str, float]] = {}
    with _folder() as folder, _redis(folder) as url:
        for name, online in {"sqlite": None, "redis": url}.items():
            from tasks.materialize import materialize as run

            project = _published(folder / name, online, ENTITIES)
            seconds[name] = {"ours": _timed(lambda one=project: run(one))}
            seconds[name]["ours again"] = _timed(lambda one=project: run(one))
            store = _feasts_own(project, folder / name, online)
            seconds[name]["Feast"] = _timed(lambda one=store: one.materialize(*YEARS))
    return {"entities": ENTITIES, "features": FEATURES, "seconds": seconds}


def read(options: argparse.Namespace) -> dict:  # noqa: ARG001 - as above
    """Measure one entity's features, ours as a DataFrame and Feast's own as its answer, in turn."""
    from serving.features import FeatureReader
    from tasks.feature_store import open_store
    from tasks.materialize import materialize as run

    found: dict[str, dict[str, list[float]]] = {}
    with _folder() as folder, _redis(folder) as url:
        for name, online in {"sqlite": None, "redis": url}.items():
            project = _published(folder / name, online, 2_000)
            run(project)
            feasts = _feasts_own(project, folder / name, online)
            feasts.materialize(*YEARS)
            wanted = [f"bench_features:x{at}" for at in range(FEATURES)]
            reader = FeatureReader(open_store(project), wanted)
            ways = {
                "ours": lambda at, one=reader: one.read([{"id": at}]),
                "Feast": lambda at, one=feasts: one.get_online_features(wanted, [{"id": at}]),  # noqa: B023 - used at once
            }
            times: dict[str, list[float]] = {way: [] for way in ways}
            for at in range(READS + WARM_UP):
                for way, ask in ways.items():
                    times[way].append(_timed(lambda ask=ask, at=at: ask(at % 2_000)))
            reader.close()
            found[name] = {way: np.percentile(all_of[WARM_UP:], [50, 99]).tolist() for way, all_of in times.items()}
    return {"reads": READS, "features": FEATURES, "seconds": found}


def materialize_lines(found: dict) -> list[str]:
    """Say what `materialize` measured."""
    return [
        f"{found['entities']:,} entities x {found['features']} features, seconds; Feast with batches as large.",
        "",
        "| store | ours | ours again, nothing new | Feast's own |",
        "|:--|--:|--:|--:|",
        *(
            f"| {name} | {of['ours']:.1f} | {of['ours again']:.2f} | {of['Feast']:.1f} |"
            for name, of in found["seconds"].items()
        ),
    ]


def read_lines(found: dict) -> list[str]:
    """Say what `read` measured."""
    what = f"{found['reads']:,} reads of one row x {found['features']} features, milliseconds, in turn"
    ratios = [of["ours"][at] / of["Feast"][at] for of in found["seconds"].values() for at in (0, 1)]
    return [
        f"{what}; ours as a DataFrame, Feast's `get_online_features` as its answer. To reach: at most 1.3 times; "  # noqa: ISC004 - one line of the page
        f"reached: {max(ratios):.2f}.",
        "",
        "| store | ours p50 | ours p99 | Feast's own p50 | Feast's own p99 |",
        "|:--|--:|--:|--:|--:|",
        *(
            f"| {name} | " + " | ".join(f"{1000 * value:.2f}" for value in [*of["ours"], *of["Feast"]]) + " |"
            for name, of in found["seconds"].items()
        ),
    ]


def _published(folder: Path, online: str | None, entities: int):  # noqa: ANN202 - the product is imported by who measures
    """Return a project with a view of so many entities: 20 numbers, 5 whole numbers and 5 categories of each."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from feature_repo import definitions
    from rarecall.project import Project
    from tasks.feature_store import open_store

    rng = np.random.default_rng(0)
    columns: dict[str, object] = {"id": np.arange(entities)}
    columns |= {f"x{at}": rng.standard_normal(entities) for at in range(20)}
    columns |= {f"x{at}": rng.integers(0, 99, entities) for at in range(20, 25)}
    columns |= {f"x{at}": rng.choice(np.array(["a", "b", "c"], dtype=object), entities) for at in range(25, 30)}
    moments = pd.date_range("2026-01-01", periods=entities, freq="s", tz="UTC", unit="us")
    folder.mkdir()
    file = folder / "accepted.parquet"
    pd.DataFrame(columns | {"event_timestamp": moments, "row_id": columns["id"]}).to_parquet(file, index=False)
    project = Project.model_validate(
        {
            "name": "bench",
            "source": {"path": "a.csv"},
            "entity": "id",
            "label": {"column": "y", "positive": 1},
            "stores": {"home": str(folder), "online": online},
        }
    )
    schema = pq.read_schema(file).remove_metadata()
    keys = pa.schema([schema.field("id")])
    features = pa.schema([schema.field(f"x{at}") for at in range(FEATURES)])
    view = definitions.feature_view("bench", keys, features, file, {})
    open_store(project).apply([*definitions.entities("bench", keys), view])
    return project


def _feasts_own(project, folder: Path, url: str | None):  # noqa: ANN001, ANN202 - as above
    """Return the same store with Feast's own online store."""
    from feast import FeatureStore

    from tasks.feature_store import open_store

    config = open_store(project).config.model_copy(deep=True)
    online = {"type": "sqlite", "path": str(folder / "feast.db")}
    if url:
        online = {"type": "redis", "connection_string": url.removeprefix("redis://").replace("/", ",db=")}
    settings = config.model_dump(by_alias=True, exclude={"online_config", "online_store"}, exclude_none=True)
    store = FeatureStore(config=type(config)(**settings | {"online_store": online}))
    store.apply(store.list_feature_views())
    return store


def _timed(work) -> float:  # noqa: ANN001 - any callable
    started = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        work()
    return time.perf_counter() - started


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="online-features-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextlib.contextmanager
def _redis(folder: Path) -> Iterator[str]:
    """Yield the URL of a Redis of our own, on a free loopback port, that keeps nothing."""
    from redis import Redis
    from redis.exceptions import ConnectionError as NotThere

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", "", "--appendonly", "no"]
    server = subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL)  # noqa: S603, S607 - a program of the machine
    try:
        with Redis(port=port) as client:
            for _ in range(500):
                with contextlib.suppress(NotThere):
                    client.ping()
                    break
                time.sleep(0.02)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.terminate()
        server.wait()
