"""A queue goes out, answers come in once and whole, and the ledger keeps who gave them and why."""

import os
from pathlib import Path

import pandas as pd
import pytest

from rarecall.errors import DataError, StoreError
from rarecall.project import Project
from tasks import labels
from tasks.ledger import open_project_ledger
from tasks.shelf import warehouse

ROWS = ["00000000000000aa", "00000000000000bb"]


@pytest.fixture
def project(tmp_path):
    values = {"name": "p", "source": {"path": "a.csv"}, "label": {"column": "y", "positive": 1}}
    return Project.model_validate(values | {"stores": {"home": str(tmp_path / "home")}})


@pytest.fixture
def judged(project):
    """Make a label verdict in the home, as if a run had judged labels, and return its version."""

    def make(key, rows=ROWS, name="p", at=100):
        with warehouse(project).write("label_verdicts", key, recipe={}) as draft:
            lists = {"neighbor_ids": [[1]] * len(rows), "neighbor_labels": [["negative"]] * len(rows)}
            pd.DataFrame({"fingerprint": rows, "row_id": range(len(rows)), **lists}).to_parquet(
                draft.folder / "review.parquet"
            )
            draft.facts["project"] = name
        version = warehouse(project).find("label_verdicts", key)
        os.utime(version.path, (at, at))
        return version

    return make


@pytest.fixture
def file(tmp_path):
    """Return a person's file with these answers."""

    def fill(**answers):
        frame = pd.DataFrame({"row": [f"row-{name}" for name in answers], "answer": list(answers.values())})
        frame.to_csv(tmp_path / "answers.csv", index=False)
        return tmp_path / "answers.csv"

    return fill


def entries(project):
    return open_project_ledger(project).entries(labels.ANSWERED)


def test_what_was_exported_and_filled_in_is_applied(project, judged, tmp_path):
    judged("one")
    assert labels.export(project, tmp_path / "q.csv") == {"file": str(tmp_path / "q.csv"), "rows": 2}
    form = pd.read_csv(tmp_path / "q.csv", dtype=str)
    form.assign(answer=["positive", None]).to_csv(tmp_path / "q.csv", index=False)
    done = labels.apply(project, tmp_path / "q.csv", who="ann", why="called the customer")
    assert done == {
        "answers": {"positive": 1, "negative": 0, "unsure": 0},
        "new": 1,
        "unasked": 0,
        "entry": 1,
    }
    [entry] = entries(project)
    assert (entry.subject, entry.who, entry.why) == ("p", "ann", "called the customer")
    assert labels.standing(project) == {ROWS[0]: "positive"}


def test_a_file_applied_twice_is_applied_once(project, file):
    filled = file(**{ROWS[0]: "positive", ROWS[1]: "unsure"})
    labels.apply(project, filled, who="ann", why="w")
    again = labels.apply(project, filled, who="ann", why="w")
    assert (again["new"], again["entry"], len(entries(project))) == (0, None, 1)


def test_only_a_changed_mind_is_written(project, file):
    labels.apply(project, file(**{ROWS[0]: "positive", ROWS[1]: "unsure"}), who="ann", why="w")
    labels.apply(project, file(**{ROWS[0]: "positive", ROWS[1]: "negative"}), who="bob", why="w")
    assert entries(project)[1].payload["answers"] == {ROWS[1]: "negative"}
    assert labels.standing(project) == {ROWS[0]: "positive", ROWS[1]: "negative"}


def test_one_wrong_answer_applies_nothing(project, file):
    with pytest.raises(DataError, match=f"answer of row-{ROWS[1]}, got 'perhaps'"):
        labels.apply(project, file(**{ROWS[0]: "positive", ROWS[1]: "perhaps"}), who="ann", why="w")
    assert entries(project) == ()


def test_answers_about_another_projects_rows_are_refused(project, judged, file):
    judged("one")
    strange = file(**{"00000000000000cc": "positive"})
    with pytest.raises(DataError, match="was it exported from another project"):
        labels.apply(project, strange, who="ann", why="w")
    assert entries(project) == ()
    some = file(**{"00000000000000cc": "positive", ROWS[0]: "positive"})
    assert labels.apply(project, some, who="ann", why="w")["unasked"] == 1


def test_another_projects_answers_are_not_ours(project, file):
    labels.apply(project, file(**{ROWS[0]: "positive"}), who="ann", why="w")
    assert labels.standing(project.model_copy(update={"name": "q"})) == {}


def test_the_queue_is_the_last_runs(project, judged, tmp_path):
    """Of a run that went through, by its record; of a later one that refused to go on, by when it judged."""
    old, _ = judged("old", ROWS[:1], at=100), judged("new", ROWS, at=200)
    judged("other", ["f" * 16] * 5, name="another", at=400)
    run = Path(project.stores.home) / "runs" / "p" / "2026"
    run.mkdir(parents=True)
    (run / "record.json").write_text(f'{{"label_verdict": "{old.key}"}}')
    os.utime(run, (300, 300))
    assert labels.export(project, tmp_path / "after.csv")["rows"] == 1
    os.utime(run, (150, 150))
    assert labels.export(project, tmp_path / "before.csv")["rows"] == 2


def test_without_a_run_there_is_nothing_to_review(project, tmp_path):
    with pytest.raises(StoreError, match="make one with: rarecall retrain"):
        labels.export(project, tmp_path / "q.csv")
