"""Whom answers were about of whom nothing is known, alone and in batches."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest
from postgres import postgres

from monitoring import unlabelled
from monitoring.predictions import Batch, Log, Part, Prediction

AT = datetime(2026, 3, 3, tzinfo=UTC)


@pytest.fixture(scope="module")
def server():
    with postgres() as url:
        yield url


@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
def test_answers_are_told_apart_by_what_is_known_of_their_entity(store, request, tmp_path):
    url = f"sqlite:///{tmp_path / 'log.db'}" if store == "sqlite" else request.getfixturevalue("server")
    alone = [Prediction(f"p{at}", AT, who, "champion", 1, "d", 0.5, True, {}) for at, who in enumerate("aab")]
    part = Part("champion", 1, [0, 1], ["b", "c"], ["d", "d"], [0.1, 0.2], [False, False], [{}, {}])

    async def write(log):
        await log.write(alone)
        await log.write_batch(Batch("q", AT, 2, [part]))
        await log.label([("q-0", 0, AT)])

    with Log(url) as log:
        asyncio.run(write(log))
    found = unlabelled.read(url)
    assert (found.waiting, found.known) == ({"a": 2, "c": 1}, frozenset("b"))


def test_a_log_that_was_never_begun_is_not_made(tmp_path):
    assert unlabelled.read(f"sqlite:///{tmp_path / 'log.db'}").waiting == {}
    assert not Path(tmp_path / "log.db").exists()
