"""A person's answers are read whole or not at all, find their rows again, and stand above the check."""

import pandas as pd
import pytest

from rarecall.doubt.answers import corrected, named_by, names, payload, read, settled, standing
from rarecall.errors import DataError
from rarecall.project import Project
from rarecall.sections import Label

A, B = "row-00000000000000aa", "row-00000000000000bb"


def project(**sections):
    return Project.model_validate(
        {"name": "p", "source": {"path": "a.csv"}, "label": {"column": "y", "positive": 1}, **sections}
    )


@pytest.fixture
def filled(tmp_path):
    """Write a person's file and return its path."""

    def write(text, name="queue.csv", encoding="utf-8"):
        (tmp_path / name).write_bytes(text.encode(encoding))
        return tmp_path / name

    return write


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (f"answer,row\npositive,{A}\n,{B}\n", "utf-8"),
        (f"answer;row\r\n Positive ;{A}\r\n;{B}\r\n", "utf-8-sig"),
        (f"score\tanswer\trow\n0,1\tPOSITIVE\t{A}\n0,2\t\t{B}\n", "utf-8"),
    ],
    ids=["as written", "a European spreadsheet", "tabs"],
)
def test_answers_are_read_however_a_spreadsheet_writes_them(filled, text, encoding):
    assert read(filled(text, encoding=encoding)) == {"00000000000000aa": "positive"}


def test_answers_are_read_from_parquet(tmp_path):
    pd.DataFrame({"row": [A, B], "answer": [None, "unsure"]}).to_parquet(tmp_path / "queue.parquet")
    assert read(tmp_path / "queue.parquet") == {"00000000000000bb": "unsure"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"answer,row\npositive,{A}\nyes,{B}\n", f"as the answer of {B}, got 'yes'"),
        ("answer,row\npositive,1.2E+15\n", "as the name of a row, got '1.2E+15'"),
        (f"answer,row\npositive,{A}\nunsure,{A}\n", f"one answer about {A}, got 'positive and unsure'"),
        (f"answers,row\npositive,{A}\n", "got no 'answer'; did you mean 'answers'?"),
        ("", "expected CSV or Parquet"),
        (f'answer,row\n"positive,{A}\n', "expected CSV or Parquet"),
    ],
)
def test_what_is_no_answer_is_refused_in_one_sentence(filled, text, said):
    with pytest.raises(DataError) as refusal:
        read(filled(text))
    assert said in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_file_that_is_not_there_says_how_to_get_one(tmp_path):
    with pytest.raises(DataError, match="rarecall labels export --output"):
        read(tmp_path / "queue.csv")


def test_a_row_is_known_again_in_another_delivery():
    """At another place, with another label and features, and its time read from another column."""
    timed = project(entity="client", timestamp="paid_at")
    first = pd.DataFrame({"client": [1, 2], "event_timestamp": pd.to_datetime(["2026-01-01", "2026-01-02"], utc=True)})
    later = first.iloc[::-1].assign(paid_at="another way to write it", label=1, amount=9.5)
    assert list(names(first, timed, ["amount"])) == list(names(later, timed, ["amount"]))[::-1]
    assert named_by(timed, ["amount"]) == ["client", "event_timestamp"]


def test_without_an_entity_a_row_is_known_by_its_features():
    rows = pd.DataFrame({"amount": [1.0, 2.0], "job": ["cook", None], "label": [0, 1]})
    first = names(rows, project(), ["amount", "job"])
    assert list(first) == list(names(rows.assign(label=1 - rows["label"]), project(), ["job", "amount"]))
    assert len(set(first)) == 2


def test_a_person_may_change_their_mind():
    label = Label(column="y", positive=1)
    assert standing([payload({"a": "positive"}, label), payload({"a": "unsure"}, label)], label) == {"a": "unsure"}


@pytest.mark.parametrize("other", [Label(column="z", positive=1), Label(column="y", positive=0)])
def test_an_answer_to_another_question_is_none(other):
    assert standing([payload({"a": "positive"}, Label(column="y", positive=1))], other) == {}


def test_a_corrected_label_keeps_its_type():
    label = pd.Series([0, 1, 0, 1], dtype="int8", index=[4, 5, 6, 7])
    answer = pd.Series(["positive", "negative", "unsure", None], index=label.index)
    after = corrected(label, answer)
    assert (after.tolist(), after.dtype) == ([1, 0, 0, 1], label.dtype)
    assert corrected(label, pd.Series(None, index=label.index, dtype=object)).equals(label)


def test_a_persons_word_stands_above_the_check():
    verdict = pd.DataFrame({"score": 0.02, "action": "drop", "weight": 0.0}, index=[3, 4, 5])
    after = settled(verdict, pd.Series(["positive", "unsure", None], index=verdict.index))
    assert after.loc[3].tolist() == [1.0, "keep", 1.0]
    assert after.loc[4].tolist() == [0.02, "weight", 0.5]
    assert after.loc[5].tolist() == verdict.loc[5].tolist()
