"""`rarecall labels suggest`: what is answered teaches before its label is due, and never judges."""

import asyncio
import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from places import Place

from monitoring.predictions import Log, Prediction, url
from rarecall.project import load
from rarecall.warehouse import Warehouse
from tasks import labels
from tasks.retrieve import retrieve
from tasks.split import split

BUDGET = 40


@pytest.fixture(scope="module")
def place(retrained, tmp_path_factory) -> Place:
    copy = tmp_path_factory.mktemp("suggested") / "copy"
    shutil.copytree(retrained[0].folder, copy)
    return Place(copy)


@pytest.fixture(scope="module")
def story(place, payments):
    """Tell of a log with a truth and an answer that waits, a suggestion, its answers, and what becomes of them."""
    project = load(place.file, {})
    young = payments.loc[payments["paid_at"].astype("datetime64[ns, UTC]").argsort(), "payment_id"].astype(str)
    told, waits = young.iloc[-1], young.iloc[-2]
    with Log(url(project)) as log:
        asyncio.run(log.write([answered("p1", told), answered("p2", waits), answered("p3", "stranger")]))
        asyncio.run(log.label([("p1", 1, None)]))
    first = place.run("labels", "suggest", "--budget", str(BUDGET), "-o", "queue.parquet", "--who", "ann", "--json")
    assert first.returncode == 0, first.stderr
    queue = pd.read_parquet(place.folder / "queue.parquet")
    truth = payments.set_index("payment_id")["is_fraud"]
    queue["answer"] = queue["payment_id"].map(truth).map({1: "positive", 0: "negative"})
    queue.loc[0, "answer"] = "unsure"
    queue.to_parquet(place.folder / "queue.parquet")
    applied = place.run("labels", "apply", "queue.parquet", "--who", "ann", "--json")
    assert applied.returncode == 0, applied.stderr
    again = place.run("labels", "suggest", "--budget", str(BUDGET), "-o", "next.csv")
    return SimpleNamespace(
        project=project, found=json.loads(first.stdout), queue=queue, applied=json.loads(applied.stdout),
        again=again, told=told, waits=waits, next=pd.read_csv(place.folder / "next.csv"),
    )  # fmt: skip


def answered(name, entity):
    return Prediction(name, datetime(2026, 3, 3, tzinfo=UTC), entity, "champion", 1, "d", 0.5, True, {})


def test_only_rows_whose_label_may_still_change_are_asked_about(story):
    queue, found = story.queue, story.found
    newest = pd.read_csv(story.project.source.path)["paid_at"].astype("datetime64[us, UTC]").max()
    assert (queue["event_timestamp"] > newest - pd.Timedelta("2d")).all()
    assert (len(queue), found["rows"], set(queue["action"])) == (BUDGET, BUDGET, {"suggested"})
    assert found["candidates"] == found["immature"] + found["unlabelled"]


def test_each_cohort_value_has_its_floor(story):
    assert story.found["floor"] == 1
    for values in story.found["by_cohort"].values():
        assert min(values.values()) >= 1
        assert sum(values.values()) == BUDGET


def test_what_the_log_knows_is_not_asked_about(story):
    found = story.found
    assert (found["known"], found["served"], found["elsewhere"]) == (1, 1, 1)
    assert story.told not in set(story.queue["payment_id"].astype(str))


def test_the_queue_says_why_each_row_is_in_it(story):
    queue = story.queue
    assert list(queue.columns[:2]) == ["answer", "row"]
    assert {"probability", "uncertainty", "density", "gain", "floor", "answers", "cohort.region"} <= set(queue)
    assert (queue["neighbor_ids"].map(len) == 5).all()
    assert set().union(*queue["neighbor_labels"]) <= {"negative", "positive"}


def test_the_answers_are_taken_in_as_those_of_any_queue(story):
    assert (story.applied["new"], story.applied["unasked"]) == (BUDGET, 0)
    assert labels.suggested(story.project) >= {row.removeprefix("row-") for row in story.queue["row"]}


def test_an_answered_row_is_not_suggested_again(story):
    assert story.again.returncode == 0, story.again.stderr
    assert f"{BUDGET} left out, as a person has answered for them" in story.again.stdout
    assert not set(story.next["row"]) & set(story.queue["row"])


@pytest.fixture(scope="module")
def taught(story, tmp_path_factory):
    """Return the training set and the parts that the next run makes."""
    shelf, made = Warehouse(tmp_path_factory.mktemp("next")), {}
    home = Warehouse(Path(story.project.stores.home) / "warehouse")
    inputs = [home.versions(kind)[-1] for kind in ("snapshots", "verdicts", "feature_views")]
    for name, stage, given in (("rows", retrieve, inputs), ("parts", split, None)):
        plan = stage.__wrapped__(story.project, *(given or [made["rows"]]))
        with shelf.write(plan.kind, "next", recipe={}) as draft:
            plan.write(draft)
        made[name] = shelf.find(plan.kind, "next")
    return made


def test_a_row_answered_before_its_label_was_due_teaches_and_never_judges(story, taught):
    sure = story.queue[story.queue["answer"] != "unsure"].set_index("row_id")
    rows = pd.read_parquet(taught["rows"].file("rows.parquet")).set_index("row_id")
    parts = pd.read_parquet(taught["parts"].file("parts.parquet")).set_index("row_id")["part"]
    assert taught["rows"].facts["answers"]["early"] == len(sure) == BUDGET - 1
    assert (rows.loc[sure.index, "label"] == (sure["answer"] == "positive")).all()
    assert set(parts[sure.index]) == {"train"}
    assert story.queue["row_id"][0] not in rows.index, "of an unsure one the label is waited for"


def test_the_rows_that_judge_are_those_that_judged_without_the_answers(story, taught):
    before = Warehouse(Path(story.project.stores.home) / "warehouse").versions("splits")[0]
    old, new = (
        pd.read_parquet(one.file("parts.parquet")).set_index("row_id")["part"] for one in (before, taught["parts"])
    )
    for name in ("validation", "holdout"):
        assert set(old.index[old == name]) == set(new.index[new == name])


def test_a_file_with_answers_is_not_overwritten(place, story):
    done = place.run("labels", "suggest", "--budget", "3", "-o", "queue.parquet")
    assert done.returncode == 1
    assert "may hold answers" in done.stderr


def test_floors_beyond_the_budget_are_refused_in_one_sentence(place, story):
    done = place.run("labels", "suggest", "--budget", "3", "--floor", "3", "-o", "few.csv")
    assert done.returncode == 1
    assert "--floor: expected a budget that holds 3 rows of each of" in done.stderr
