"""Several rare classes of one real table, with costs: scikit-learn's handwritten digits through the same flow."""

import json

import pytest
from places import Place
from sklearn.datasets import load_digits

from rarecall.errors import DataError, StoreError
from rarecall.project import Project

DIGITS = {
    "name": "digits",
    "source": {"path": "digits.csv.gz"},
    "label": {"column": "digit", "positive": [8, 9]},
    "cohorts": [{"column": "ink", "edges": [300]}],
    "features": {"exclude": ["ink"]},
    "labels": {"folds": 2},
    "fidelity": {"rows": 400, "folds": 2},
    "privacy": {"attack": False},
    "ablation": {"compare": False},
    "augmentation": {"synthetic_share": 0.2},
    "training": {
        "parameters": {"max_iter": 30},
        "threshold": {"policy": "cost", "costs": {"false_negative": 10, "false_positive": 1}},
    },
    "gates": {"minority_recall": 0.5, "minority_precision": 0.4, "f1_minority": 0.5, "train_test_gap": 0.5}
    | {"label_noise_rate": 0.2, "min_positives": 20},
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> tuple[Place, dict]:
    place = Place(tmp_path_factory.mktemp("digits"))
    rows = load_digits(as_frame=True)
    pixels = rows.data.loc[:, rows.data.nunique() > 2]
    frame = pixels.assign(ink=pixels.sum(axis=1), digit=rows.target)
    frame.to_csv(place.folder / "digits.csv.gz", index=False)
    place.settings(**DIGITS, entity=[], timestamp=None)
    return place, place.retrain()


@pytest.mark.thorough
def test_each_rare_class_has_a_model_of_its_own(trained):
    records = trained[1]["classes"]
    assert list(records) == ["8", "9"]
    assert [records[rare]["model_name"] for rare in records] == ["digits-8", "digits-9"]
    assert [records[rare]["source"]["positives"] for rare in records] == [174, 180]
    assert [records[rare]["aliases"] for rare in records] == [["champion"], ["champion"]]


@pytest.mark.thorough
def test_each_is_measured_one_against_the_rest(trained):
    for record in trained[1]["classes"].values():
        low, high = record["sli"]["intervals"]["minority_recall"]
        assert record["decision"]["verdict"] == "promote"
        assert 0.5 < low < record["sli"]["minority_recall"] <= high
        assert record["threshold_policy"] == {"policy": "cost", "aim": "the lowest cost of misses and false alarms"}


@pytest.mark.thorough
def test_a_command_is_told_which_class_is_meant(trained):
    place = trained[0]
    told = place.run("--class", "9", "status", "--json")
    assert [model["aliases"] for model in json.loads(told.stdout)["models"]] == [["champion"]]
    asked = place.run("status")
    assert asked.returncode == 2
    assert "looks for 2 classes, 8, 9; say which one is meant: rarecall --class 8" in asked.stderr


@pytest.mark.thorough
def test_a_second_run_for_all_classes_has_nothing_to_do(trained):
    again = trained[0].retrain()["classes"]
    assert {stage["state"] for record in again.values() for stage in record["stages"]} == {"cached"}


def test_a_refused_class_keeps_no_other_from_its_run():
    from flows.classes import each

    asked: list[str] = []

    def run(rare: str) -> dict:
        asked.append(rare)
        if rare == "8":
            raise StoreError("the home is held")
        return {"rare": rare}

    projects = [Project.model_validate(DIGITS | {"label": {"column": "digit", "positive": rare}}) for rare in (8, 9)]
    with pytest.raises(StoreError, match="class 8: the home is held; done: 9"):
        each(projects, run)
    assert asked == ["8", "9"]
    assert each(projects[1:], run) == {"classes": {"9": {"rare": "9"}}}


@pytest.mark.thorough
def test_a_class_that_never_occurs_is_refused_by_its_name(trained):
    place = trained[0]
    label = {"column": "digit", "positive": [9, 12]}
    place.settings(**DIGITS | {"label": label}, entity=[], timestamp=None)
    with pytest.raises(DataError, match=r"class 12: label.positive: 12 never occurs in 'digit'.*done: 9"):
        place.retrain(home=place.home)
