"""Ten minutes of traffic while aliases move, the registry goes away and the server is killed, and what went wrong.

The rate is half of what the same clients get out of the server when they do not wait between requests, measured right
before. Every answer is compared with what the version that gave it says of that row, and every answered id is looked up
in the log afterwards. `python -m benchmarks.load --help`.
"""

import argparse
import asyncio
import contextlib
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
_HEAD = b"POST /predict HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
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
    down: float = 0.0
    pid: int = 0
    newest: int = 0


def main() -> None:
    """Run the load and write JSON and page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--rate", type=float, help="requests a second; by default half of what is measured before")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--measure", type=float, default=20.0, help="seconds for which the maximum is measured")
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
    most = await maximum(port, bodies, truth, options)
    rate = options.rate or most / 2
    print(f"at most {most:.0f} requests a second; from now on {rate:.0f}", flush=True)
    seen, began = Seen(), time.monotonic()
    end = began + options.seconds
    clients = [
        asyncio.create_task(client(seen, port, number, bodies, truth, options.connections / rate, end))
        for number in range(options.connections)
    ]
    seen.pid = killed = process.pid
    watching = asyncio.create_task(watch(seen, began))
    process = await story(seen, folder, process, port, began, options.seconds)
    await asyncio.gather(*clients)
    watching.cancel()
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=60)
    with sqlite3.connect(folder / "home" / "predictions" / "bench.db") as opened:
        there = {row[0] for row in opened.execute("SELECT id FROM predictions")}
    latency = np.array(seen.latency) * 1000
    return {
        "seconds": options.seconds,
        "most": most,
        "rate": rate,
        "connections": options.connections,
        "answered": len(seen.ids),
        "outcomes": dict(seen.outcomes),
        "versions": {str(version): many for version, many in seen.versions.items()},
        "lost": len(set(seen.ids) - there),
        "twice": len(seen.ids) - len(set(seen.ids)),
        "p50": float(np.percentile(latency, 50)),
        "p99": float(np.percentile(latency, 99)),
        "down": seen.down,
        "follows": sorted(seen.follows),
        "moves": len(seen.follows),
        "growth": [growth(seen.memory, pid) for pid in (killed, process.pid)],
    }


async def maximum(port: int, bodies: list[bytes], truth: dict[int, np.ndarray], options: argparse.Namespace) -> float:
    """Return the requests a second that the clients get when each asks again at once; the first seconds warm up."""
    for seconds in (options.measure / 4, options.measure):
        seen, end = Seen(), time.monotonic() + seconds
        asking = [client(seen, port, number, bodies, truth, 0.0, end) for number in range(options.connections)]
        await asyncio.gather(*asking)
    if set(seen.outcomes) != {"right"}:
        raise RuntimeError(f"expected right answers only, got {dict(seen.outcomes)}")
    return seen.outcomes["right"] / options.measure


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
    pool = rows.head(20 * ROWS)
    said = [score(registry.load(client, client.get_model_version("bench", str(n))), pool) for n in (1, 2)]
    apart = np.argsort(-np.abs(said[0] - said[1]))[:ROWS]  # rows by which an answer of one is told from the other's
    chosen = pool.iloc[apart]
    truth = {1: said[0][apart], 2: said[1][apart]}
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
    every: float,
    end: float,
) -> None:
    """Ask again and again, a request each so many seconds, or as soon as the last one was answered."""
    rng = np.random.default_rng(number)
    reader = writer = None
    due = time.monotonic() + rng.random() * every
    while (now := time.monotonic()) < end:
        await asyncio.sleep(max(0.0, due - now))
        due = max(due + every, time.monotonic() - every)
        row = int(rng.integers(ROWS))
        began = time.monotonic()
        try:
            if writer is None:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(_HEAD % len(bodies[row]) + bodies[row])
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
            seen.is_down, killed = True, time.monotonic()
            process.kill()
            process.wait()
            process, _ = await asyncio.to_thread(start, "ours", folder, port)
            seen.down, seen.pid = time.monotonic() - killed, process.pid
            await asyncio.sleep(0.5)  # who waits to try again has not heard of it yet
            seen.is_down = False
    return process


async def watch(seen: Seen, began: float) -> None:
    """Note the serving process's memory every second."""
    while True:
        with contextlib.suppress(psutil.Error):
            megabytes = psutil.Process(seen.pid).memory_info().rss / 1e6
            seen.memory.append((time.monotonic() - began, seen.pid, megabytes))
        await asyncio.sleep(1.0)


def growth(memory: list[tuple[float, int, float]], pid: int) -> dict[str, float]:
    """Return a process's megabytes after a fifth of its time and at the end of it, and how much more that is."""
    sizes = [size for _, of, size in memory if of == pid and size > 0]
    tenth = max(len(sizes) // 10, 1)
    first, last = float(np.mean(sizes[2 * tenth : 3 * tenth])), float(np.mean(sizes[-tenth:]))
    return {"first": first, "last": last, "share": last / first - 1}


def lines(found: dict[str, Any]) -> list[str]:
    """Say the results as lines of the page."""
    told = ", ".join(f"{many:,} {outcome}" for outcome, many in sorted(found["outcomes"].items()))
    how = (
        f"{found['seconds']:.0f} s at {found['rate']:.0f} requests a second over {found['connections']} connections, "
        f"half of the {found['most']:.0f} that the same clients got right before"
    )
    memory = "; ".join(
        f"{one['first']:.0f} MB after a fifth of {name} time, {one['last']:.0f} MB at its end, {one['share']:+.1%}"
        for name, one in zip(("the killed process's", "the next one's"), found["growth"], strict=True)
    )
    follows = found["follows"]
    return [
        f"{how}; {found['moves']} moves of the alias, the registry away once, one SIGKILL and restart.",
        "",
        f"- answers: {told}; to reach: none wrong, none missing outside the kill",
        f"- answered predictions that the log does not have: {found['lost']} of {found['answered']:,}; to reach: 0",
        f"- moves were followed within {max(follows):.1f} s, half of them within {np.median(follows):.1f}; to reach: 5",
        f"- latency p50 {found['p50']:.1f} ms, p99 {found['p99']:.1f} ms, the clients and the server on the same cores",
        f"- down from the kill until the next process answered: {found['down']:.1f} s",
        f"- memory: {memory}; to reach: below 5%",
        "",
    ]


if __name__ == "__main__":
    main()
