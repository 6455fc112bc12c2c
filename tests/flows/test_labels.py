"""What the label check doubts, a person answers, and the next run learns from the answers and is measured on them."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient
from places import placed

from rarecall import training
from rarecall.doubt import answers
from rarecall.errors import DataError
from rarecall.project import load
from rarecall.warehouse import Warehouse
from tasks import labels

TURNED = 40
"""Frauds that the delivery calls none, and as many others that it calls frauds, over all parts of the split."""

GONE = 100
"""Rows at the head that the second delivery lacks, so that no row keeps its id."""


class Run:
    """A run's record beside what it left in the warehouse."""

    def __init__(self, place):
        self.record = place.retrain()
        self.shelf = Warehouse(place.home / "warehouse")
        verdict = self.shelf.find("label_verdicts", self.record["label_verdict"])
        self.queue = pd.read_parquet(verdict.file("review.parquet"))
        self.verdict = pd.read_parquet(verdict.file("labels.parquet")).set_index("row_id")
        self.folder = Path(self.shelf.find("datasets", self.record["dataset_version"]).path)
        parts = {name: pd.read_parquet(self.folder / f"{name}.parquet") for name in ("train", "validation", "holdout")}
        self.synthetic = parts["train"][parts["train"]["is_synthetic"]]
        parts["train"] = parts["train"][~parts["train"]["is_synthetic"]]
        self.parts = {name: rows.set_index("row_id") for name, rows in parts.items()}
        self.labels = pd.concat([rows["label"] for rows in self.parts.values()])


@pytest.fixture(scope="module")
def story(prefect, tmp_path_factory, payments):
    """Tell of a place whose labels were reviewed between two runs: each doubted row but one, by its truth."""
    truth = payments["is_fraud"]
    turned = [row for label in (0, 1) for row in truth.index[truth == label][7 :: (truth == label).sum() // TURNED]]
    delivered = payments.assign(is_fraud=truth.where(~truth.index.isin(turned), 1 - truth))
    place = placed(tmp_path_factory.mktemp("reviewed"), delivered)
    project, first = load(place.file, {}), Run(place)
    place.table(delivered[GONE:])
    file = place.folder / "queue.parquet"
    labels.export(project, file)
    form = pd.read_parquet(file)
    form["answer"] = form["row_id"].map(truth).map({1: "positive", 0: "negative"})
    unsure = int(form.loc[form["row_id"] >= GONE, "row_id"].iloc[0])
    form.loc[form["row_id"] == unsure, "answer"] = "unsure"
    form.to_parquet(file)
    applied = labels.apply(project, file, who="ann", why="called the customers")
    assert applied["new"] == len(form)
    answered = form[form["row_id"] >= GONE].assign(row_id=form["row_id"] - GONE).set_index("row_id")
    return SimpleNamespace(
        place=place, project=project, file=file, turned=set(turned), first=first, second=Run(place),
        answered=answered, unsure=unsure - GONE,
    )  # fmt: skip


def test_the_queue_asks_about_the_doubted_rows_with_what_disagrees(story):
    queue, verdict, given = story.first.queue, story.first.verdict, story.first.labels
    assert set(queue["row_id"]) == set(verdict.index[verdict["action"].isin(["review", "drop"])])
    assert queue["score"].is_monotonic_increasing
    assert {"payment_id", "cohort.region", "cohort.amount"} <= set(queue)
    assert queue["row_id"].isin(story.turned).mean() > 0.3, "by chance 0.007 of them would have been turned"
    assert queue["neighbor_ids"].map(len).max() <= 5
    for _, row in queue[queue["neighbor_ids"].map(len) > 0].iterrows():
        own = {"negative": 0, "positive": 1}[row["label"]]
        assert (given.reindex(row["neighbor_ids"]).dropna() == 1 - own).all()
        assert set(row["neighbor_labels"]) == {["positive", "negative"][own]}


def test_the_four_actions_act_on_the_training_part(story):
    verdict, train = story.first.verdict, story.first.parts["train"]
    acted = verdict.loc[train.index]
    teaches = acted["action"].isin(["keep", "weight"])
    assert (train["label_weight"][teaches] == acted["weight"][teaches]).all()
    reviewed = acted["action"] == "review"
    assert train["label_weight"][reviewed].between(0, 1, inclusive="neither").all()
    assert (story.first.synthetic["label_weight"] == 1).all()
    parents = set(story.first.synthetic["parent_id"]) | set(story.first.synthetic["neighbor_id"])
    assert set(verdict.loc[list(parents), "action"]) == {"keep"}


def test_the_model_has_learned_from_the_weights(story):
    """Fitted again on the dataset version with them, it orders the rows as they were; calibration keeps the order."""
    run, project = story.first, load(story.place.file, {})
    rows = pd.read_parquet(run.folder / "train.parquet")
    holdout = pd.read_parquet(run.folder / "holdout.parquet")
    features = run.record["augmentation"]["features"]
    model = training.estimator(project.training, features, seed=project.seed)
    training.fit(model, rows[list(features)], rows["label"].to_numpy(), rows["label_weight"].to_numpy())
    measured = pd.read_parquet(run.shelf.versions("evaluations")[0].file("scores.parquet"))["score"]
    assert np.diff(measured[np.argsort(training.score(model, holdout), kind="stable")]).min() >= -1e-9


def test_rows_leave_the_training_part_alone_and_rare_ones_within_the_cap(story):
    run, split = story.first, story.first.record["split"]
    for name in ("validation", "holdout"):
        assert len(run.parts[name]) == split[name]["rows"]
    assert len(run.parts["train"]) == split["train"]["rows"] - run.record["augmentation"]["dropped"]
    gone = split["train"]["positives"] - run.parts["train"]["label"].sum()
    assert gone <= 0.01 * split["train"]["positives"]


def test_answers_correct_the_labels_of_every_part(story):
    """Of rows that stand elsewhere in the second delivery."""
    sure = story.answered.drop(story.unsure)
    wrong = sure.index[sure["label"] != sure["answer"]]
    for part in story.second.parts.values():
        inside = sure.index.intersection(part.index)
        assert (part.loc[inside, "label"] == (sure.loc[inside, "answer"] == "positive")).all()
        assert len(wrong.intersection(part.index)) > 0
    assert story.second.record["labels"]["answers"]["changed"] == len(wrong)


def test_an_answered_row_is_trusted_and_not_asked_about_again(story):
    verdict = story.second.verdict.loc[story.answered.index.drop(story.unsure)]
    assert (verdict[["score", "weight"]] == 1).all(axis=None)
    assert set(verdict["action"]) == {"keep"}
    assert not set(story.answered.index) & set(story.second.queue["row_id"])
    assert story.second.record["labels"]["noise_rate"] < story.first.record["labels"]["noise_rate"]


def test_a_row_of_which_a_person_is_unsure_counts_for_half_with_the_label_that_was_delivered(story):
    row = story.second.verdict.loc[story.unsure]
    assert (row["action"], row["weight"]) == ("weight", 0.5)
    delivered = story.answered["label"][story.unsure]
    assert story.second.labels[story.unsure] == (delivered == "positive")


def test_the_same_answers_again_change_nothing(story):
    assert labels.apply(story.project, story.file, who="bob", why="again")["new"] == 0
    assert {stage["state"] for stage in story.place.retrain()["stages"]} == {"cached"}


def test_the_noise_rate_is_in_the_registry_with_its_bounds(story):
    record = story.first.record
    client = MlflowClient(tracking_uri=f"sqlite:///{story.place.home / 'mlflow' / 'mlflow.db'}")
    tags = client.get_model_version("payments", record["model_version"]).tags
    found = [float(tags[f"rarecall.label_noise_rate{end}"]) for end in (".low", "", ".high")]
    assert found == [pytest.approx(record["labels"][name], abs=1e-6) for name in ("low", "noise_rate", "high")]
    north = record["labels"]["by_cohort"]["region"]["north"]
    by_cohort = json.loads(tags["rarecall.label_noise_rate.by_cohort"])
    assert by_cohort["region north"] == pytest.approx([north["rate"], north["low"], north["high"]], abs=1e-4)
    assert set(json.loads(tags["rarecall.label_noise_rate.by_class"])) == {"negative", "positive"}


def test_the_page_tells_of_the_review(story):
    page = Path(story.second.record["report"]).read_text()
    assert f"People have answered {len(story.answered)} rows" in page
    assert "review.parquet" in page


@pytest.fixture(scope="module")
def noisy(prefect, tmp_path_factory, payments):
    """Return a place without entity or time whose labels are too noisy for its gate, and its run."""
    rows = payments.head(4000)
    turned = rows["is_fraud"].where(rows.index % 40 > 0, 1 - rows["is_fraud"])
    place = placed(tmp_path_factory.mktemp("noisy"), rows.assign(is_fraud=turned), **NOISY)
    return place, Run(place)


NOISY = {
    "entity": [],
    "timestamp": None,
    "label": {"column": "is_fraud", "positive": 1},
    "features": {"exclude": ["customer_id", "terminal_id", "fraud_kind", "labelled_at", "payment_id", "paid_at"]},
    "gates": {"label_noise_rate": 0.001, "minority_recall": 0.5, "minority_precision": 0.5, "f1_minority": 0.5},
}


def test_too_much_noise_makes_class_weights_of_synthetic_rows_and_says_so(noisy):
    run = noisy[1]
    decision = run.record["decision"]
    assert any("the learner weighs the classes instead" in reason for reason in decision["reasons"])
    assert decision["verdict"] == "reject", "the gate on the noise itself still stands"
    assert run.record["aliases"] == [], "it is registered with the reason, and stands nowhere"
    [known] = json.loads(noisy[0].run("status", "--json").stdout)["models"]
    assert (known["decision"], known["aliases"]) == ("reject", [])
    assert "synthetic_share" not in {gate["name"] for gate in decision["gates"]}
    assert run.synthetic.empty
    [model] = run.shelf.versions("models")
    recipe = json.loads(model.file("manifest.json").read_text())["recipe"]["recipe"]
    assert recipe["training"]["parameters"] == {"class_weight": "balanced", "max_iter": 40}
    assert "the learner weighs the classes instead" in Path(run.record["report"]).read_text()


def test_without_an_entity_a_row_has_one_name_before_and_after_feast(noisy):
    place, run = noisy
    project, features = load(place.file, {}), run.record["augmentation"]["features"]
    accepted = pd.read_parquet(run.shelf.versions("verdicts")[0].file("accepted.parquet"))
    name = dict(zip(accepted["row_id"], answers.names(accepted, project, features), strict=True))
    assert len(run.queue) > 0
    assert run.queue["fingerprint"].tolist() == run.queue["row_id"].map(name).tolist()


def test_too_much_noise_can_end_a_run_whose_queue_is_there_to_be_answered(noisy, tmp_path):
    """And the answer moves no row of a table without time into another part of the split."""
    place, run = noisy
    project, file = load(place.file, {}), tmp_path / "queue.parquet"
    labels.export(project, file)
    form = pd.read_parquet(file)
    turned = {"positive": "negative", "negative": "positive"}
    form["answer"] = form["label"].map(turned).where(form.index == 0)
    form.to_parquet(file)
    labels.apply(project, file, who="ann", why="asked")
    place.settings(**NOISY, labels={"on_noise": "fail"})
    with pytest.raises(DataError, match=r"above gates\.label_noise_rate"):
        place.retrain()
    labels.export(project, tmp_path / "left.csv")
    left = pd.read_csv(tmp_path / "left.csv")
    assert form["row_id"][0] not in set(left["row_id"])
    first, second = (pd.read_parquet(one.file("parts.parquet")) for one in run.shelf.versions("splits"))
    assert first.equals(second)
