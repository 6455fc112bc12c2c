"""Ten minutes of traffic while aliases move, the registry goes away and the server is killed, and what went wrong.

Every answer is compared with what the version that gave it says of that row, and every answered id is looked up in the
log afterwards. `python -m benchmarks.load --help`.
"""

import argparse
import asyncio
import json
import shutil
import signal
import sqlite3
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import psutil

from benchmarks.page import about, write_section
from benchmarks.serving import model_in, start

JSON = Path("benchmarks/load.json")
MOVES, ROWS = 20, 200
AWAY = 0.05  # of the whole time the registry is away


@dataclass
class Seen:
    """What the clients saw."""

    outcomes: Counter[str] = field(default_factory=Counter)
    versions: Counter[int] = field(default_factory=Counter)
    ids: list[str] = field(default_factory=list)
    latency: list[float] = field(default_factory=list)
    follows: list[float] = field(default_factory=list)
    memory: list[tuple[float, int, float]] = field(default_factory=list)
    is_down: bool = False
    newest: int = 0


def main() -> None:
    """Run the load and write JSON and page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--rate", type=float, default=400.0, help="requests a second: half of what the server can do")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--dry-run", action="store_true", help="print, write nothing")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="bench-load-"))
    try:
        found = asyncio.run(run(folder, options))
    finally:
        shutil.rmtree(folder)
    print(json.dumps(found, indent=1))
    if not options.dry_run:
        facts = about("fastapi", "uvicorn", "scikit-learn")
        JSON.write_text(json.dumps(facts | {"results": found}, indent=1) + "\n")
        write_section("load", facts, lines(found))


async def run(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Return what came of the whole time."""
    bodies, truth = prepared(folder)
    process, port = start("ours", folder)
    seen, began = Seen(), time.monotonic()
    end = began + options.seconds
    clients = [
        asyncio.create_task(client(seen, port, number, bodies, truth, options, end))
        for number in range(options.connections)
    ]
    watching = asyncio.create_task(watch(seen, process, began))
    process = await story(seen, folder, process, port, began, options.seconds)
    await asyncio.gather(*clients)
    watching.cancel()
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=30)
    with sqlite3.connect(folder / "home" / "predictions.db") as opened:
        there = {row[0] for row in opened.execute("SELECT id FROM predictions")}
    latency = np.array(seen.latency) * 1000
    return {
        "seconds": options.seconds,
        "rate": options.rate,
        "connections": options.connections,
        "answered": len(seen.ids),
        "outcomes": dict(seen.outcomes),
        "versions": {str(version): many for version, many in seen.versions.items()},
        "lost": len(set(seen.ids) - there),
        "p50": float(np.percentile(latency, 50)),
        "p99": float(np.percentile(latency, 99)),
        "slowest_follow": max(seen.follows),
        "moves": len(seen.follows),
        "growth": growth(seen.memory),
    }


def prepared(folder: Path) -> tuple[list[bytes], dict[int, np.ndarray]]:
    """Register two versions, and return the requests and what each version says of their rows."""
    from rarecall.project import load
    from rarecall.training import score
    from serving import model, registry

    rows = model_in(folder)
    project = load(folder, {})
    client = registry.connect(project)
    first = registry.load(client, client.get_model_version("bench", "1"))
    second = type(first)(first.estimator, threshold=0.5, response_method="predict_proba").fit(rows.head(2), [0, 1])
    inside = second.estimator.estimator
    learner = (inside.estimators_[0].estimator if hasattr(inside, "estimators_") else inside)["learner"]
    learner._baseline_prediction = learner._baseline_prediction + 0.5  # noqa: SLF001 - a model with other scores
    place = registry.folder(project) / "artifacts" / "second"
    place.mkdir(parents=True)
    model.save(second, place / model.FILE)
    client.create_model_version("bench", source=place.as_uri())
    chosen = rows.head(ROWS)
    truth = {
        1: score(registry.load(client, client.get_model_version("bench", "1")), chosen),
        2: score(registry.load(client, client.get_model_version("bench", "2")), chosen),
    }
    if np.abs(truth[1] - truth[2]).min() < 1e-6:
        raise AssertionError("the two versions say the same of a row, so no answer could be told from another's")
    bodies = [orjson.dumps({"entity": str(n), "features": one}) for n, one in enumerate(chosen.to_dict("records"))]
    return bodies, truth


async def client(
    seen: Seen,
    port: int,
    number: int,
    bodies: list[bytes],
    truth: dict[int, np.ndarray],
    options: argparse.Namespace,
    end: float,
) -> None:
    """Ask at this client's share of the rate, one request after another."""
    rng = np.random.default_rng(number)
    every = options.connections / options.rate
    reader = writer = None
    due = time.monotonic() + rng.random() * every
    while (now := time.monotonic()) < end:
        await asyncio.sleep(max(0.0, due - now))
        due = max(due + every, time.monotonic() - every)
        row = int(rng.integers(ROWS))
        try:
            if writer is None:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
            began = time.monotonic()
            head = b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
            writer.write(head % len(bodies[row]) + bodies[row])
            status, answer = await answered(reader)
        except (OSError, asyncio.IncompleteReadError):
            seen.outcomes["no answer while it was down" if seen.is_down else "no answer"] += 1
            writer = None
            await asyncio.sleep(0.05)
            continue
        seen.latency.append(time.monotonic() - began)
        if status != 200:
            seen.outcomes[f"status {status}"] += 1
            continue
        seen.ids.append(answer["id"])
        seen.versions[answer["version"]] += 1
        seen.newest = answer["version"]
        is_right = abs(answer["score"] - truth[answer["version"]][row]) < 1e-9
        seen.outcomes["right" if is_right else "wrong"] += 1


async def answered(reader: asyncio.StreamReader) -> tuple[int, Any]:
    """Return the status and the JSON of one answer."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    return int(head[9:12]), orjson.loads(await reader.readexactly(length))


async def story(seen: Seen, folder: Path, process: Any, port: int, began: float, seconds: float) -> Any:
    """Move the alias, take the registry away, kill the server and start it again; return what runs at the end."""
    from rarecall.project import load
    from serving import registry

    project = load(folder, {})
    database = registry.folder(project) / "mlflow.db"
    times = [(0.05 + 0.9 * n / MOVES, "move") for n in range(MOVES)] + [(0.413, "away"), (0.683, "kill")]
    version = 1
    for share, what in sorted(times):
        await asyncio.sleep(max(0.0, began + share * seconds - time.monotonic()))
        if what == "move":
            version = 3 - version
            client = registry.connect(project)
            await asyncio.to_thread(client.set_registered_model_alias, project.name, "champion", str(version))
            moved = time.monotonic()
            while seen.newest != version and time.monotonic() - moved < 20:  # noqa: ASYNC110 - the clients tell
                await asyncio.sleep(0.02)
            seen.follows.append(time.monotonic() - moved)
        elif what == "away":
            database.rename(database.with_suffix(".away"))
            await asyncio.sleep(AWAY * seconds * 0.5)
            database.with_suffix(".away").rename(database)
        else:
            seen.is_down = True
            process.kill()
            process.wait()
            process, _ = await asyncio.to_thread(start, "ours", folder, port)
            seen.is_down = False
    return process


async def watch(seen: Seen, process: Any, began: float) -> None:
    """Note the server's memory every second until it is killed."""
    watched = psutil.Process(process.pid)
    while True:
        try:
            seen.memory.append((time.monotonic() - began, process.pid, watched.memory_info().rss / 1e6))
        except psutil.Error:
            return
        await asyncio.sleep(1.0)


def growth(memory: list[tuple[float, int, float]]) -> dict[str, float]:
    """Return the megabytes after the first fifth and at the end of the watched time, and their ratio less one."""
    sizes = [size for _, _, size in memory if size > 0]
    tenth = max(len(sizes) // 10, 1)
    first, last = float(np.mean(sizes[2 * tenth : 3 * tenth])), float(np.mean(sizes[-tenth:]))
    return {"first": first, "last": last, "share": last / first - 1}


def lines(found: dict[str, Any]) -> list[str]:
    """Say the results as lines of the page."""
    told = ", ".join(f"{many:,} {outcome}" for outcome, many in sorted(found["outcomes"].items()))
    size = found["growth"]
    how = f"{found['seconds']:.0f} s at {found['rate']:.0f} requests a second over {found['connections']} connections"
    memory = f"{size['first']:.0f} MB after a fifth of the first process's time, {size['last']:.0f} MB before the kill"
    return [
        f"{how}; {found['moves']} moves of the alias, the registry away once, one SIGKILL and restart.",
        "",
        f"- answers: {told}; to reach: none wrong, none missing outside the kill",
        f"- answered predictions that the log does not have: {found['lost']} of {found['answered']:,}; to reach: 0",
        f"- a move was followed within {found['slowest_follow']:.1f} s; to reach: 5",
        f"- latency p50 {found['p50']:.1f} ms, p99 {found['p99']:.1f} ms",
        f"- memory: {memory}, {size['share']:+.1%}; to reach: below 5%",
        "",
    ]


if __name__ == "__main__":
    main()
