"""Who is forgotten has no name in the prediction log any more, and every count is as it was."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from postgres import postgres

from monitoring import evidence, pseudonyms
from monitoring.answers import answers
from monitoring.prediction_store import engine
from monitoring.predictions import Batch, Log, Part, Prediction, Shadow
from rarecall.errors import StoreError

AT = datetime(2026, 3, 3, 12, tzinfo=UTC)
ONE = Prediction("p1", AT, "c_7%", "champion", 3, "1f0c", 0.25, True, {"region": "north"})


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'predictions.db'}"
        return
    with postgres() as server:
        yield server


def entities(url):
    with engine(url).connect() as connection:
        given = answers(connection).c
        asked = sa.select(given.id, given.entity, given.digest)
        return {row.id: (row.entity, row.digest) for row in connection.execute(asked)}


def test_a_forgotten_entity_has_a_pseudonym_alone_and_in_batches_and_others_keep_their_names(url):
    part = Part("champion", 3, [0, 1, 2], ["C_7%", "c_7%", "c17x"], ["d0", "d1", "d2"], [0.1, 0.9, 0.1],
                [False, True, False], [{}, {}, {}])  # fmt: skip

    async def story(log):
        await log.write([ONE, replace(ONE, id="p2", entity="c_7%x")])
        await log.write_batch(Batch("b", AT, 3, [part]))
        await log.label([("p1", 1, AT), ("b-1", 1, AT)])

    with Log(url) as log:
        asyncio.run(story(log))
        assert log.offer([Shadow("p1", 4, 0.9, True)])
    before = vars(evidence.read(url, champion=3, canary=4, since=AT)) | {"cells": None}
    names = pseudonyms.names_of(["id"], {"id": "c_7%"})
    assert pseudonyms.count(url, names) == 2
    assert pseudonyms.replace(url, names, "ab12") == 2
    assert pseudonyms.count(url, names) == 0
    assert entities(url) == {
        "p1": ("forgotten:ab12", ""),
        "p2": ("c_7%x", "1f0c"),
        "b-0": ("C_7%", "d0"),
        "b-1": ("forgotten:ab12", ""),
        "b-2": ("c17x", "d2"),
    }
    assert vars(evidence.read(url, champion=3, canary=4, since=AT)) | {"cells": None} == before
    if url.startswith("sqlite"):
        file = Path(url.removeprefix("sqlite:///"))
        kept = b"".join(one.read_bytes() for one in file.parent.iterdir())
        assert b"c_7%x" in kept
        assert kept.count(b"c_7%") == kept.count(b"c_7%x"), "nor is the name left on a page that is free"


def test_an_entity_of_several_columns_is_found_however_its_parts_were_sent(tmp_path):
    url = f"sqlite:///{tmp_path / 'predictions.db'}"
    sent = ['["x",7]', '["x","7"]', '["y",7]', '["x","07"]']
    with Log(url) as log:
        asyncio.run(log.write([replace(ONE, id=f"p{n}", entity=one) for n, one in enumerate(sent)]))
    assert pseudonyms.count(url, pseudonyms.names_of(["bank", "id"], {"id": "7", "bank": "x"})) == 2


def test_where_there_is_no_log_none_is_made_and_what_is_none_is_told(tmp_path):
    file = tmp_path / "predictions.db"
    assert (pseudonyms.count(f"sqlite:///{file}", ["7"]), pseudonyms.replace(f"sqlite:///{file}", ["7"], "a")) == (0, 0)
    assert not file.exists()
    file.write_bytes(b"no database" * 100)
    with pytest.raises(StoreError, match="could not be searched: file is not a database"):
        pseudonyms.count(f"sqlite:///{file}", ["7"])
