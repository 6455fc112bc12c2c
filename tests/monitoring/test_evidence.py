"""Evidence as the database counts it, held against a loop over everything that was ever written."""

import asyncio
import itertools
from collections import Counter
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import sqlalchemy as sa
from postgres import postgres

from monitoring import evidence
from monitoring.answers import answers, id_in
from monitoring.labelled import recalls
from monitoring.prediction_store import engine
from monitoring.predictions import Batch, Log, Part, Prediction, Shadow, Tally, micros
from rarecall.canary import Cells, Evidence, Pairs, Stream, Tallied
from rarecall.errors import StoreError

BEGUN = datetime(2026, 3, 3, 12, tzinfo=UTC)
CHAMPION, CANARY, OTHER = 3, 4, 7


@pytest.fixture(scope="module")
def server():
    with postgres() as url:
        yield url


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def url(request, tmp_path_factory):
    if request.param == "postgresql":
        return request.getfixturevalue("server")
    return f"sqlite:///{tmp_path_factory.mktemp('log') / 'predictions.db'}"


def drawn(rng):
    """Return a score that rounding leaves as it is: two digits, three below 0.1, four below 0.01."""
    return float(rng.integers(1, 100)) / float(rng.choice([10_000, 1000, 100])) if rng.random() < 0.5 else 0.55


def batches(predictions):
    """Return the batches of the predictions whose ids say that they are of one."""
    by_batch = {}
    for one in predictions:
        batch, dash, place = one.id.partition("-")
        if dash:
            by_batch.setdefault(batch, {}).setdefault((one.arm, one.version), []).append((int(place), one))
    for name, by_arm in by_batch.items():
        parts = []
        for (arm, version), rows in by_arm.items():
            places, of = zip(*rows, strict=True)
            columns = zip(*((p.entity, p.digest, p.score, p.flagged, p.cohorts) for p in of), strict=True)
            parts.append(Part(arm, version, places, *columns))
        yield Batch(name, of[0].at, 50, parts)


@pytest.fixture(scope="module")
def story(url):
    """Two arms, shadows on both sides, dropped ones, other versions, rows from before, late and corrected truths.

    What the two arms answered later than half of the time was asked in batches of fifty.
    """
    rng = np.random.default_rng(1)
    predictions, shadows, truths = [], {}, {}
    for number in range(600):
        version = int(rng.choice([CHAMPION, CANARY, OTHER], p=[0.8, 0.15, 0.05]))
        batch, place = divmod(number, 50)
        is_alone = number < 300 or version == OTHER
        name = f"p{number}" if is_alone else id_in(f"b{batch}", place)
        at = BEGUN + timedelta(seconds=number - 60 if is_alone else 50 * batch - 60)
        score = drawn(rng)
        arm = "canary" if version == CANARY else "champion"
        region = {"region": str(rng.choice(["north", "south"]))}
        predictions.append(Prediction(name, at, "ann", arm, version, "1f", score, score > 0.5, region))
        if rng.random() < 0.7:
            other = CANARY if version == CHAMPION else CHAMPION
            score = drawn(rng)
            shadows[name] = Shadow(name, other, score, score > 0.5)
        if rng.random() < 0.5:
            truths[name] = int(rng.random() < 0.3)
    corrected = dict(itertools.islice(truths.items(), 40))

    async def told(log):
        await log.write([one for one in predictions if "-" not in one.id])
        for batch in batches(predictions):
            await log.write_batch(batch)
        await log.label([(name, 1 - label if name in corrected else label, BEGUN) for name, label in truths.items()])
        await log.label([(name, label, BEGUN + timedelta(days=1)) for name, label in corrected.items()])

    with Log(url) as log:
        asyncio.run(told(log))
        assert log.offer(list(shadows.values()))
        arms = [("canary", CANARY), ("canary", OTHER), ("champion", CHAMPION), ("canary", CANARY)]
        at = [BEGUN, BEGUN, BEGUN, BEGUN - timedelta(seconds=1)]
        assert log.tally([Tally(when, arm, v, 100, 3, 2) for when, (arm, v) in zip(at, arms, strict=True)])
    return [one for one in predictions if one.at >= BEGUN], shadows, truths, predictions


def test_everything_is_counted_as_a_loop_would(url, story):
    predictions, shadows, truths, _ = story
    found = evidence.read(url, champion=CHAMPION, canary=CANARY, since=BEGUN)
    streams = {CHAMPION: Counter(), CANARY: Counter()}
    pairs, cells = {0: Counter(), 1: Counter()}, Counter()
    for one in predictions:
        if one.version == OTHER:
            continue
        label, shadow = truths.get(one.id), shadows.get(one.id)
        seen = streams[one.version]
        seen.update(answered=1, flagged=one.flagged)
        if label is not None:
            seen.update({"positives" if label else "negatives": 1, "hits" if label else "alarms": int(one.flagged)})
        if shadow is None:
            continue
        champion, canary = (one, shadow) if one.version == CHAMPION else (shadow, one)
        cells[champion.score, canary.score, champion.flagged, canary.flagged] += 1
        if label is not None:
            names = {(1, 1): "both", (1, 0): "champion", (0, 1): "canary", (0, 0): "neither"}
            pairs[label][names[champion.flagged, canary.flagged]] += 1
    assert (found.champion, found.canary) == (Stream(**streams[CHAMPION]), Stream(**streams[CANARY]))
    assert (found.negatives, found.positives) == (Pairs(**pairs[0]), Pairs(**pairs[1]))
    assert found.positives.total > 50
    expected = sorted((*cell, count) for cell, count in cells.items())
    assert sorted(map(tuple, found.cells.table)) == pytest.approx(np.array(expected, dtype=float))
    assert found.tallied == Tallied(answered=100, failed=3, slow=2)
    assert found.at_step == found.canary.answered


def test_each_answer_is_a_plain_row_whether_it_came_in_a_batch_or_not(url, story):
    with engine(url).connect() as connection:
        given = answers(connection)
        found = sorted(map(tuple, connection.execute(sa.select(given).where(given.c.at >= micros(BEGUN)))))
    text = '{{"region":"{}"}}'.format
    assert found == sorted(
        (p.id, micros(p.at), p.entity, p.arm, p.version, p.digest, p.score, int(p.flagged), text(p.cohorts["region"]))
        for p in story[0]
    )


def test_recalls_of_both_versions_count_batches_too(url, story):
    _, shadows, truths, predictions = story
    found = recalls(url, [CHAMPION, CANARY], floor=0.5, least=30, confidence=0.95)
    for version in (CHAMPION, CANARY):
        flags = []
        for one in predictions:
            shadow = shadows.get(one.id)
            if truths.get(one.id) == 1 and version in {one.version, shadow and shadow.version}:
                flags.append(one.flagged if one.version == version else shadow.flagged)
        assert (found[version].overall.positives, found[version].overall.hits) == (len(flags), sum(flags))


def test_recall_by_cohort_and_arm(url, story):
    predictions, _, truths, _ = story
    found = evidence.read(url, champion=CHAMPION, canary=CANARY, since=BEGUN).cohorts["region"]
    for region in ("north", "south"):
        for arm, version in (("champion", CHAMPION), ("canary", CANARY)):
            of = [p for p in predictions if p.version == version and p.cohorts["region"] == region]
            hits = [p.flagged for p in of if truths.get(p.id) == 1]
            assert found[region][arm] == (len(hits), sum(hits))


def test_a_step_counts_its_own_answers(url, story):
    since = BEGUN + timedelta(seconds=400)
    found = evidence.read(url, champion=CHAMPION, canary=CANARY, since=BEGUN, step_since=since)
    assert found.at_step == sum(one.version == CANARY and one.at >= since for one in story[0])
    assert 0 < found.at_step < found.canary.answered


def test_of_an_empty_log_nothing_is_known(tmp_path):
    found = evidence.read(f"sqlite:///{tmp_path / 'new' / 'log.db'}", champion=1, canary=2, since=BEGUN)
    assert (found.champion, found.positives, found.cells.rows, found.cohorts) == (Stream(), Pairs(), 0, {})
    assert Evidence().cells.table.shape == Cells().table.shape == (0, 5)


def test_a_log_that_cannot_be_read_is_one_sentence(tmp_path):
    file = tmp_path / "log.db"
    file.write_bytes(b"no database" * 100)
    with pytest.raises(StoreError, match="could not be read: file is not a database"):
        evidence.read(f"sqlite:///{file}", champion=1, canary=2, since=BEGUN)


def test_a_server_that_is_not_there_is_one_sentence(server):
    away = f"postgresql+psycopg://ann:secret@127.0.0.1:1/{sa.make_url(server).database}"
    with pytest.raises(StoreError, match="could not be read") as told:
        evidence.read(away, champion=1, canary=2, since=BEGUN)
    assert "secret" not in str(told.value)
