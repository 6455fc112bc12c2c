import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from rarecall.errors import DataError
from rarecall.search import blocks
from rarecall.search.blocks import Matrix, Parquet, Stream, as_rows


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK", 7)


@pytest.fixture
def rows():
    return np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)


def _whole(source):
    return np.concatenate(list(source.blocks()))


def test_every_source_gives_the_same_rows_in_order(small_blocks, rows, tmp_path):
    """An array, a sparse matrix, a list, a function, an iterator and a folder of Parquet."""
    for at, start in enumerate(range(0, 40, 15)):
        pd.DataFrame(rows[start : start + 15], columns=list("abc")).to_parquet(tmp_path / f"{at:02d}.parquet")
    cut = [rows[:11], rows[11:]]
    for source in (rows, sparse.csr_matrix(rows), cut, lambda: iter(cut), iter(cut), tmp_path):
        np.testing.assert_array_equal(_whole(as_rows(source)), rows)


def test_no_block_is_larger_than_the_limit(small_blocks, rows):
    assert max(len(block) for block in Stream([rows]).blocks()) == 7


def test_an_iterator_is_read_once_and_then_refused(rows):
    stream = Stream(iter([rows]))
    _whole(stream)
    with pytest.raises(DataError, match="read to its end; give fit a function"):
        next(stream.blocks())


def test_an_array_of_floats_is_not_copied(rows):
    assert np.shares_memory(Matrix(rows).take(slice(0, 5)), rows)


def test_a_folder_without_parquet_is_refused(tmp_path):
    with pytest.raises(DataError, match="found none"):
        Parquet(tmp_path)


def test_parquet_columns_can_be_chosen(rows, tmp_path):
    pd.DataFrame(rows, columns=list("abc")).to_parquet(tmp_path / "x.parquet")
    np.testing.assert_array_equal(_whole(Parquet(tmp_path / "x.parquet", columns=["c", "a"])), rows[:, [2, 0]])
