"""Whoever counts answers sees those of a batch as it sees one that was answered alone."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from postgres import postgres

from monitoring import arrivals, label_time, matured
from monitoring.answers import id_in
from monitoring.predictions import Batch, Log, Part, Prediction, Shadow

BEGAN = datetime.now(UTC).replace(microsecond=0) - timedelta(days=3)
FLAGGED, TRUE = [True, False, True, True, False, False], [1, 1, 0, 1, 0, 0]
REGIONS = ["north", "north", "south", "south", "north", "south"]
NOW = BEGAN + timedelta(days=10)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def urls(request, tmp_path_factory):
    """Two logs of one story, one of single answers and one of a batch; the last row waits for its truth."""
    if request.param == "sqlite":
        folder = tmp_path_factory.mktemp("log")
        yield told(*(f"sqlite:///{folder / name}.db" for name in ("alone", "batch")))
        return
    with postgres() as alone, postgres() as batch:
        yield told(alone, batch)


def told(alone: str, batch: str) -> tuple[str, str]:
    cohorts = [{"region": region} for region in REGIONS]
    rows = range(len(TRUE))
    one_by_one = [
        Prediction(id_in("1f", n), BEGAN, f"e{n}", "champion", 1, "d", 0.5, FLAGGED[n], cohorts[n]) for n in rows
    ]
    part = Part("champion", 1, list(rows), [f"e{n}" for n in rows], ["d"] * 6, [0.5] * 6, FLAGGED, cohorts)
    truths = [(id_in("1f", n), TRUE[n], BEGAN) for n in rows][:-1]
    for url, write in ((alone, lambda log: log.write(one_by_one)),
                       (batch, lambda log: log.write_batch(Batch("1f", BEGAN, 6, [part])))):  # fmt: skip
        with Log(url) as log:
            asyncio.run(write(log))
            asyncio.run(log.label(truths))
            log.offer([Shadow(id_in("1f", n), 2, 0.7, flagged=bool(TRUE[n])) for n in rows])
    return alone, batch


@pytest.mark.parametrize("version", [1, 2])
def test_the_watch_sees_them(urls, version):
    alone, batch = (matured.read(url, version=version, as_of=NOW) for url in urls)
    for found in (alone, batch):
        assert (found.answered, len(found.at), int(found.label.sum())) == (6, 4 if version == 1 else 3, 3)
    for name in ("at", "flagged", "label", "acted", "first"):
        assert getattr(alone, name).tolist() == getattr(batch, name).tolist()
    assert alone.cohorts["region"].tolist() == batch.cohorts["region"].tolist()
    assert {kind: one.labels for kind, one in alone.curves.items()} == {
        kind: one.labels for kind, one in batch.curves.items()
    }


def test_the_budget_counts_them(urls):
    alone, batch = (label_time.windows(url, [timedelta(days=28)], NOW).cells for url in urls)
    assert alone == batch
    whole = batch[timedelta(days=28)]
    assert (whole[label_time.ALL].positives, whole[label_time.ALL].missed) == (3, 1)
    assert (whole["region", "north"].positives, whole["region", "north"].missed) == (2, 1)


def test_the_alarm_of_missing_labels_knows_of_them(urls):
    for url in urls:
        come = arrivals.read(url, older_than=NOW)
        assert (come.answered, come.first, come.waiting) == (BEGAN, BEGAN, 1)
