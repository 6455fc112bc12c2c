"""Read block by block a source is refused for what it is refused for in one piece, and in the same words."""

import numpy as np
import pandas as pd
import pytest

from rarecall.errors import DataError
from rarecall.intake import snapshot, source, stream
from rarecall.project import Project


@pytest.fixture
def taken(tmp_path, monkeypatch):
    """Take a table in one piece, and by blocks of 100 rows."""
    monkeypatch.setattr(source, "BLOCK", 100)

    def both(rows: pd.DataFrame, **sections):
        rows.to_parquet(tmp_path / "rows.parquet", index=False, row_group_size=100)
        about = {"name": "p", "source": {"path": str(tmp_path / "rows.parquet")}, "timestamp": "day"}
        project = Project.model_validate({**about, "label": {"column": "y", "positive": 1}, **sections})
        target, markers = tmp_path / "taken.parquet", project.missing.markers

        def whole():
            return snapshot.take(source.read(project.source, markers), project)

        def blocks():
            def anew():
                return source.blocks(project.source, markers)

            facts = stream.take(anew, source.types(project.source), project, target)
            return pd.read_parquet(target), facts

        return whole, blocks

    return both


def table(**columns):
    at = np.arange(400)
    days = pd.Series(pd.date_range("2026-01-01", periods=400, freq="h").strftime("%Y-%m-%d %H:%M:%S"))
    sound = {"day": days, "y": (at % 20 == 0).astype(int), "x": at / 4, "job": np.where(at % 3, "a", "b")}
    return pd.DataFrame(sound | columns)


@pytest.mark.parametrize(
    "rows",
    [
        table(y=0),
        table(y=1),
        table(y=[1] + [0] * 399),
        table(day=None),
        table(x=np.where(np.arange(400) == 310, "many", "3")),
        table(row_id=1),
        table().drop(columns="y"),
        table()[["day", "y"]],
    ],
    ids=["no positive", "all positive", "one positive", "no moment", "a number that is none",
         "a reserved name", "no label", "no feature"],
)  # fmt: skip
def test_what_is_refused_is_refused_alike(taken, rows):
    sections = {"features": {"kinds": {"x": "numeric"}}} if "x" in rows else {}
    said = []
    for take in taken(rows, **sections):
        with pytest.raises(DataError) as error:
            take()
        said.append(str(error.value))
    assert said[0] == said[1]


def test_a_moment_that_is_none_is_named_by_its_row(taken):
    _, blocks = taken(table(day=table()["day"].where(np.arange(400) != 350, "soon")))
    with pytest.raises(DataError, match=r"row 350 of 'day' holds 'soon' \(1 of 100 rows of one block are like it\)"):
        blocks()


@pytest.mark.parametrize(
    ("columns", "kinds"),
    [
        ({"x": pd.Series(np.arange(400)).mask(np.arange(400) == 390)}, {}),
        ({"x": pd.Series(np.arange(400)).mask(np.arange(400) == 390)}, {"x": "categorical"}),
        ({"x": np.where(np.arange(400) < 390, 2.0, 2.5)}, {"x": "categorical"}),
        ({"x": np.where(np.arange(400) < 390, "2", "2.5")}, {"x": "numeric"}),
        ({"x": pd.Series(np.arange(400) % 2 == 0, dtype="boolean").mask(np.arange(400) < 200)}, {}),
        ({"x": [None] * 150 + ["late"] * 100 + [None] * 100 + ["later"] * 50}, {}),
        ({"x": pd.Series([-999] * 10 + [5] * 390), "z": pd.Categorical(["u", "v"] * 200)}, {}),
        ({"job": [f"id {at}" for at in range(400)]}, {}),
        ({"day": [None] * 120 + ["2026-01-01"] * 280}, {}),
    ],
)
def test_what_is_taken_is_taken_alike(taken, columns, kinds):
    sections = {"features": {"kinds": kinds}, "missing": {"markers": ["-999"]}}
    whole, blocks = taken(table(**columns), **sections)
    (one, facts), (other, told) = whole(), blocks()
    pd.testing.assert_frame_equal(one, other)
    assert facts == told


def test_a_source_that_grows_meanwhile_is_refused(tmp_path):
    about = {"name": "p", "source": {"path": "t.parquet"}, "label": {"column": "y", "positive": 1}}
    project, rows = Project.model_validate(about), table()
    passes = iter([[rows], [rows, rows]])
    with pytest.raises(DataError, match=r"^source.path: it held 400 rows and then 800; run again when nobody writes"):
        stream.take(lambda: next(passes), source.pa.schema([]), project, tmp_path / "rows.parquet")
