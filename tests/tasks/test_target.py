"""What a person may call a model, a dataset version or a row, and what they are told where it is none or two."""

import json

import pytest

from rarecall.errors import DataError, StoreError
from rarecall.project import Project
from serving import registry
from tasks import runs
from tasks.shelf import warehouse
from tasks.target import recognised


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A home with two registered models, one of them champion, and three dataset versions, one of them another's."""
    project = Project.model_validate({
        "name": "payments", "source": {"path": "a.csv"}, "label": {"column": "is_fraud", "positive": 1},
        "stores": {"home": str(tmp_path_factory.mktemp("home"))},
    })  # fmt: skip
    client = registry.connect(project)
    client.create_registered_model("payments")
    for _ in range(2):
        client.create_model_version("payments", source=registry.folder(project).as_uri())
    client.set_registered_model_alias("payments", "champion", "1")
    shelf = warehouse(project)
    for name, key in (("payments", "12345abc"), ("payments", "beef0001"), ("refunds", "beef0002")):
        with shelf.write("datasets", key, recipe={}) as draft:
            draft.facts["rows"] = 1
        with shelf.write("feast_datasets", key, recipe={}) as draft:
            draft.facts["name"] = f"{name}_{key}"
    record = {"started": "2026-01-01T00:00:00", "run_id": "1" * 8, "model_version": "2", "dataset_version": "beef0001"}
    runs.keep(project, record, "")
    return project


@pytest.mark.parametrize(
    ("said", "kind", "name"),
    [
        ("champion", "model", "1"),
        ("2", "model", "2"),
        ("payments/2", "model", "2"),
        ("payments@champion", "model", "1"),
        ("models:/payments/2", "model", "2"),
        ("model:champion", "model", "1"),
        ("model:payments/1", "model", "1"),
        ("beef0001", "dataset", "beef0001"),
        ("beef", "dataset", "beef"),
        ("payments_beef0001", "dataset", "beef0001"),
        ("dataset:12", "dataset", "12"),
        ("row:12345", "row", "12345"),
        ("row:2", "row", "2"),
        ("777", "row", "777"),
        (None, "model", "2"),
    ],
)
def test_what_a_person_says_is_recognised(project, said, kind, name):
    assert recognised(project, said, None) == (kind, name)


def test_a_dataset_alone_is_meant_by_its_option(project):
    assert recognised(project, None, "beef") == ("dataset", "beef")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("12345", "may be a row or the beginning of dataset version 12345abc; say row:12345 or dataset:12345"),
        ("champoin", "did you mean 'champion'?"),
        ("bee0001", "did you mean 'beef0001'?"),
        ("model:7", "expected a model version or an alias of payments, got '7'; it has champion"),
        ("row:-1", "expected the row_id of a row, such as row:12345, got 'row:-1'"),
        ("beef0002", "did you mean 'beef0001'?"),
    ],
)
def test_what_is_none_or_two_is_one_sentence(project, said, told):
    with pytest.raises(DataError) as refused:
        recognised(project, said, None)
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)


def test_before_the_first_run_the_command_that_makes_one_is_named(tmp_path):
    empty = Project.model_validate({
        "name": "payments", "source": {"path": "a.csv"}, "label": {"column": "y", "positive": 1},
        "stores": {"home": str(tmp_path)},
    })  # fmt: skip
    with pytest.raises(StoreError, match="rarecall retrain"):
        recognised(empty, None, None)
    with pytest.raises(DataError, match="got 'champion'"):
        recognised(empty, "champion", None)
    assert json.dumps(list(tmp_path.iterdir())) == "[]", "asking makes nothing"
