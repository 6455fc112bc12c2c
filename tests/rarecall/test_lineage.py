import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from sklearn.datasets import make_classification

from rarecall.errors import DataError
from rarecall.lineage import descendants, partners, rebuild
from rarecall.resampling import ADASYN


def _every_second(rows):
    """A rule that half of the draws break, so that many rows are redrawn."""
    return np.floor(np.asarray(rows)[:, 0].astype(float) * 50) % 2 == 0


COURSES = [
    {},
    {"off_segment": "auto"},
    {"off_segment": 0.2, "n_mixed": 3},
    {"n_mixed": 2, "rules": [_every_second], "max_redraws": 60},
]


@pytest.fixture(scope="module", params=[np.float64, np.float32, "table"])
def kind(request):
    return request.param


@pytest.fixture(scope="module", params=COURSES, ids=["straight", "strayed", "mixed", "redrawn"])
def drawn(request, kind):
    X, y = make_classification(800, n_classes=3, n_informative=5, weights=[0.8, 0.12], random_state=0)
    if kind == "table":
        X = pd.DataFrame(X).rename(columns=str)
        X["job"] = np.random.default_rng(0).choice(["a", "b", None], 800)
        X["whole"] = (X["0"] * 10).astype(int)
    else:
        X = X.astype(kind)
    ids = np.array([f"row-{number}" for number in range(800)])
    sampler = ADASYN(random_state=5, **request.param)
    rows = sampler.fit_resample(X, y, ids=ids)[0][800:]
    return sampler.lineage_, X, ids, rows.reset_index(drop=True) if kind == "table" else rows


def _same(left, right):
    """Tell whether two tables are of the same types and equal bit for bit."""
    return left.equals(right) if isinstance(left, pd.DataFrame) else left.tobytes() == right.tobytes()


def test_the_rows_are_made_again_bit_for_bit_from_a_file(drawn, tmp_path):
    lineage, X, ids, rows = drawn
    pq.write_table(lineage, tmp_path / "lineage.parquet")
    assert _same(rebuild(pq.read_table(tmp_path / "lineage.parquet"), X, ids=ids), rows)


def test_any_of_the_rows_can_be_made_alone(drawn):
    lineage, X, ids, rows = drawn
    few = np.array([3, 99, 40])
    assert _same(
        rebuild(lineage.take(few), X, ids=ids),
        rows.iloc[few].reset_index(drop=True) if hasattr(rows, "iloc") else rows[few],
    )


def test_the_parents_alone_are_enough(drawn):
    lineage, X, ids, rows = drawn
    part = lineage.slice(0, 20)
    needed = set(part["parent_id"].to_pylist()) | set(part["neighbor_id"].to_pylist())
    if "voter_ids" in part.column_names:
        needed |= {name for names in part["voter_ids"].to_pylist() for name in names}
    kept = np.isin(ids, list(needed))
    assert _same(rebuild(part, X[kept], ids=ids[kept]), rows[:20])


def test_descendants_are_all_rows_that_a_row_had_a_part_in(drawn):
    lineage = drawn[0]
    wanted = lineage["neighbor_id"][0].as_py()
    found = set(descendants(lineage, [wanted])["index"].to_pylist())
    table = lineage.to_pandas()
    expected = (table["parent_id"] == wanted) | (table["neighbor_id"] == wanted)
    if "voter_ids" in table:
        expected |= table["voter_ids"].map(lambda names: wanted in names)
    assert found == set(table["index"][expected])
    assert descendants(lineage, []).num_rows == 0


def test_partners_are_those_a_row_was_drawn_towards(drawn):
    """The first is the neighbour that the lineage names; all are among the voters, and their shares sum to one."""
    lineage = drawn[0]
    found = partners(lineage)
    assert [next(iter(row)) for row in found] == lineage["neighbor_id"].to_pylist()
    assert np.allclose([sum(row.values()) for row in found], 1.0)
    if max(map(len, found)) > 1:
        voters = lineage["voter_ids"].to_pylist()
        assert all(set(row) <= set(names) for row, names in zip(found, voters, strict=True))


def test_a_missing_parent_is_named(drawn):
    lineage, X, ids, _ = drawn
    with pytest.raises(DataError, match="every parent among the rows, but 'row-"):
        rebuild(lineage, X[:5], ids=ids[:5])


def test_a_table_without_the_samplers_metadata_is_refused(drawn):
    lineage, X, ids, _ = drawn
    with pytest.raises(DataError, match="without the columns"):
        rebuild(lineage.replace_schema_metadata(None), X, ids=ids)
