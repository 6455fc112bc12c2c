"""The queue asks about the doubted rows, most suspect first, and a file for a person holds it safely."""

import numpy as np
import pandas as pd
import pytest

from rarecall.doubt import answers, review
from rarecall.errors import DataError


@pytest.fixture
def queue():
    rows = pd.DataFrame(
        {
            "row_id": [5, 6, 7, 8],
            "client": ["x", "y", "z", "w"],
            "event_timestamp": pd.Timestamp("2026-01-01", tz="UTC"),
            "label": [0, 1, 1, 0],
            "score": [3.0, 4.0, 5.0, 6.0],  # a feature that has a name of ours
            "job": ["=1+1", None, "clerk", "@nurse"],
        }
    )
    verdict = pd.DataFrame(
        {"score": [0.2, 0.9, 0.05, 0.3], "action": ["review", "keep", "drop", "weight"], "weight": [0.2, 1, 0, 0.3]}
    )
    at = review.asked(verdict)
    return review.queue(
        rows,
        verdict,
        at,
        names=np.array(["1" * 16, "00000000000012e4"]),
        neighbors=[[0, 3], [1]],
        cohorts=pd.DataFrame({"job": ["a", "b", "c", "d"]}),
        timed=False,
    )


def test_the_queue_holds_what_is_asked_about_most_suspect_first(queue):
    assert queue["row_id"].tolist() == [7, 5]
    assert queue["action"].tolist() == ["drop", "review"]
    assert queue["score"].is_monotonic_increasing


def test_the_neighbours_that_disagree_stand_with_their_labels(queue):
    assert queue["label"].tolist() == ["positive", "negative"]
    assert queue["neighbor_ids"].tolist() == [[5, 8], [6]]
    assert queue["neighbor_labels"].tolist() == [["negative", "negative"], ["positive"]]


def test_a_feature_may_have_a_name_of_ours(queue):
    assert queue["score"].tolist() == [0.05, 0.2]
    assert queue["source.score"].tolist() == [5.0, 3.0]
    assert queue["cohort.job"].tolist() == ["c", "a"]
    assert "event_timestamp" not in queue, "a moment that says nothing is not shown"


@pytest.mark.parametrize("name", ["queue.csv", "queue.parquet"])
def test_a_file_is_empty_of_answers_and_names_its_rows(queue, tmp_path, name):
    file = tmp_path / name
    review.write(queue, file)
    assert answers.read(file) == {}
    form = pd.read_parquet(file) if name.endswith("parquet") else pd.read_csv(file, dtype=str)
    assert list(form.columns[:3]) == ["answer", "row", "row_id"]
    assert form["row"].tolist() == ["row-1111111111111111", "row-00000000000012e4"]
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_no_spreadsheet_runs_what_a_cell_holds(queue, tmp_path):
    review.write(queue, tmp_path / "queue.csv")
    form = pd.read_csv(tmp_path / "queue.csv", dtype=str)
    assert form["job"].tolist() == ["clerk", "'=1+1"]
    assert form["neighbor_ids"].tolist() == ["5 8", "6"]


def test_answers_that_may_stand_in_a_file_are_not_overwritten(queue, tmp_path):
    file = tmp_path / "queue.csv"
    file.write_text("answers")
    with pytest.raises(DataError, match="exists and may hold answers"):
        review.write(queue, file)
    assert file.read_text() == "answers"


def test_another_ending_and_a_folder_that_is_not_there_are_refused(queue, tmp_path):
    with pytest.raises(DataError, match=r"ends in \.csv or \.parquet, got 'queue\.xlsx'"):
        review.write(queue, tmp_path / "queue.xlsx")
    with pytest.raises(DataError, match="cannot be written"):
        review.write(queue, tmp_path / "absent" / "queue.csv")
