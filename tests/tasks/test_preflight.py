"""What is asked for and not there is said before any server starts and any folder is made."""

from importlib.metadata import PackageNotFoundError

import pytest
from registered import project_in

from rarecall.errors import DataError
from rarecall.learners import known
from rarecall.sections import Ablation, Source, Training
from tasks.preflight import preflight


@pytest.fixture
def project(tmp_path):
    (tmp_path / "payments.csv").write_text("is_fraud\n1\n")
    source = Source(path=str(tmp_path / "payments.csv"))
    return project_in(tmp_path / "home").model_copy(update={"source": source})


@pytest.mark.parametrize(
    "changes",
    [
        {"training": Training(learner="xgboost")},
        {"ablation": Ablation(learners=["xgboost"])},
        {"ablation": Ablation(scarce="xgboost")},
    ],
)
def test_a_learner_that_is_not_installed(project, tmp_path, monkeypatch, changes):
    asked = project.model_copy(update=changes)
    preflight(asked)

    def without(package):
        if package.startswith("xgboost"):
            raise PackageNotFoundError(package)
        return "9.9"

    monkeypatch.setattr(known, "version", without)
    preflight(project)
    with pytest.raises(
        DataError, match=r"^the learner xgboost is not installed; run: pip install 'rarecall\[boosting\]'"
    ):
        preflight(asked)
    assert not (tmp_path / "home").exists()
