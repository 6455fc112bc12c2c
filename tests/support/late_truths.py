"""Traffic of weeks that have passed: answers at their time, and labels that were told when they would have been."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import numpy as np

from monitoring.prediction_store import engine
from monitoring.prediction_tables import PREDICTIONS, SHADOWS, TRUTHS, make

BEGUN = datetime(2026, 1, 1, tzinfo=UTC)
DAY = 86_400_000_000
_START = int(BEGUN.timestamp()) * 1_000_000


def day(number: float) -> datetime:
    """Return a moment, in days since the traffic began."""
    return BEGUN + timedelta(days=number)


def micros(number: float) -> int:
    return _START + round(number * DAY)


def write(url: str, *, predictions=(), shadows=(), truths=()) -> None:
    """Insert rows into a log as they would stand there; times are in days since the beginning."""
    opened = engine(url)
    usual = {"entity": "ann", "arm": "champion", "version": 1, "digest": "1f", "score": 0.5, "cohorts": "{}"}
    told = [one | {"since": micros(one["at"]), "recorded": micros(one.get("recorded", one["at"]))} for one in truths]
    rows = {
        PREDICTIONS: [usual | one | {"at": micros(one["at"])} for one in predictions],
        SHADOWS: list(shadows),
        TRUTHS: [
            {name: one[name] for name in ("prediction", "revision", "label", "since", "recorded")} for one in told
        ],
    }
    with opened.connect() as connection:
        with connection.begin():
            make(connection)
        with connection.begin():
            for table, values in rows.items():
                if values:
                    connection.execute(table.insert(), values)
    opened.dispose()


def weeks(
    url: str, *, days: float, rows: int, recall: dict[str, float], changed: dict[str, float] | None = None,
    on: float = np.inf, rate: float = 0.2, version: int = 1, seed: int = 0, begin: float = 0.0,
) -> None:  # fmt: skip
    """Write traffic of regions and channels whose recall changes on a day.

    A found positive is told after a day and a half on average, a missed one after four and a half, a negative
    after ten; all within ten days.
    """
    rng = np.random.default_rng(seed)
    at = np.sort(rng.uniform(begin, begin + days, rows))
    region, channel = rng.choice(sorted(recall), rows), rng.choice(["shop", "web"], rows)
    now = np.array([recall[one] for one in region])
    then = np.array([(changed or recall).get(one, recall[one]) for one in region])
    positive = rng.random(rows) < rate
    flagged = np.where(positive, rng.random(rows) < np.where(at < on, now, then), rng.random(rows) < 0.01)
    late = np.where(flagged, rng.exponential(1.5, rows), rng.gamma(3, 1.5, rows)).clip(0.01, 10)
    told = at + np.where(positive, late, 10)
    write(url, **dict(_written(at, region, channel, flagged, positive, told, version, f"{version}-{begin:g}-{seed}")))


def _written(at, region, channel, flagged, positive, told, version, name) -> Iterator[tuple[str, list[dict]]]:
    names = [f"{name}-{place}" for place in range(len(at))]
    cohorts = [f'{{"region":"{a}","channel":"{b}"}}' for a, b in zip(region, channel, strict=True)]
    yield (
        "predictions",
        [
            {"id": one, "at": a, "flagged": int(f), "cohorts": c, "version": version}
            for one, a, f, c in zip(names, at, flagged, cohorts, strict=True)
        ],
    )
    yield (
        "truths",
        [
            {"prediction": one, "revision": 1, "label": int(y), "at": t}
            for one, y, t in zip(names, positive, told, strict=True)
        ],
    )
