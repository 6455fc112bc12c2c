import json
from pathlib import Path

import pytest
import yaml

from rarecall.errors import ProjectError
from rarecall.project import Project, load, load_each

DIGITS = {
    "name": "digits",
    "source": {"path": "digits.csv"},
    "label": {"column": "digit", "positive": [8, 9]},
}


@pytest.fixture
def file(tmp_path) -> Path:
    written = tmp_path / "rarecall.yaml"
    written.write_text(yaml.safe_dump(DIGITS))
    return written


def positive(file: Path, wanted: object) -> None:
    file.write_text(yaml.safe_dump(DIGITS | {"label": {"column": "digit", "positive": wanted}}))


def test_each_class_is_a_project_of_its_own_name(file):
    found = load_each(file, {})
    assert [(one.name, one.label.positive) for one in found] == [("digits-8", 8), ("digits-9", 9)]
    assert found[0].stores == found[1].stores


def test_one_class_is_chosen_by_the_environment_or_by_name(file):
    assert load(file, {"RARECALL_CLASS": "9"}).name == "digits-9"
    assert [one.name for one in load_each(file, {"RARECALL_CLASS": "9"}, only="8")] == ["digits-8"]


def test_a_command_about_one_class_asks_which(file):
    with pytest.raises(ProjectError, match="looks for 2 classes, 8, 9; say which one is meant: rarecall --class 8"):
        load(file, {})


def test_a_list_of_one_is_one_class_under_its_own_name(file):
    positive(file, ["yes please"])
    assert load(file, {}).name == "digits-yes_please"


def test_the_environment_may_name_the_classes(file):
    found = load_each(file, {"RARECALL__LABEL__POSITIVE": "[1, 2, 3]"})
    assert [one.name for one in found] == ["digits-1", "digits-2", "digits-3"]


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ([], "expected a value or a list of them, got an empty list"),
        ([8, 8], "8 and 8 would both be called 8; name each class once"),
        (["A b", "a_b"], "'a_b' and 'A b' would both be called a_b"),
        ([[8], 9], "label.positive: expected one value"),
        (["x" * 60], "name: expected small letters"),
    ],
)
def test_what_cannot_be_a_class_is_refused(file, wanted, said):
    positive(file, wanted)
    with pytest.raises(ProjectError, match=said.replace("[", r"\[")):
        load_each(file, {})


def test_an_unknown_class_is_refused_with_the_ones_there_are(file):
    with pytest.raises(ProjectError, match="has no class '7'; it has 8, 9"):
        load_each(file, {"RARECALL_CLASS": "7"})


def test_a_project_of_one_class_knows_only_that_one(file):
    positive(file, 8)
    assert load(file, {"RARECALL_CLASS": "8"}).name == "digits"
    with pytest.raises(ProjectError, match="looks for 8 alone, got the class '9'"):
        load(file, {"RARECALL_CLASS": "9"})


def test_the_schema_for_editors_takes_a_list():
    schema = json.dumps(Project.model_json_schema()["$defs"]["Label"]["properties"]["positive"])
    assert '"type": "array"' in schema
    assert '"type": "boolean"' in schema


def test_each_class_has_a_prediction_log_of_its_own(file):
    said = "stores.predictions: expected {name} in the URL"
    shared = {"RARECALL__STORES__PREDICTIONS": "postgresql://db/log"}
    with pytest.raises(ProjectError, match=said):
        load_each(file, shared)
    apart = {"RARECALL__STORES__PREDICTIONS": "postgresql://db/{name}"}
    assert len(load_each(file, apart)) == 2
