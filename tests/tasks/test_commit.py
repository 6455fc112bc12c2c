"""Which commit a run was made at, also where there is none to name."""

import os
import subprocess
import sys

import git
import pytest

from tasks.commit import commit


@pytest.fixture
def repository(tmp_path) -> git.Repo:
    made = git.Repo.init(tmp_path / "repository")
    (tmp_path / "repository" / "rarecall.yaml").write_text("name: p\n")
    made.index.add(["rarecall.yaml"])
    made.index.commit("begin")
    return made


def test_commit_of_the_repository_around_a_folder(repository, tmp_path):
    inside = tmp_path / "repository" / "sub"
    inside.mkdir()
    assert commit(inside) == repository.head.commit.hexsha


def test_uncommitted_work_is_said(repository, tmp_path):
    (tmp_path / "repository" / "rarecall.yaml").write_text("name: q\n")
    assert commit(tmp_path / "repository") == f"{repository.head.commit.hexsha}+changed"


def test_outside_a_repository_or_before_its_first_commit(tmp_path):
    assert commit(tmp_path) == "none"
    git.Repo.init(tmp_path)
    assert commit(tmp_path) == "none"


def test_a_machine_without_git(repository, tmp_path):
    program = "import sys; from pathlib import Path; from tasks.commit import commit; print(commit(Path(sys.argv[1])))"
    environ = os.environ | {"PATH": str(tmp_path), "GIT_PYTHON_REFRESH": "quiet"}
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "repository"],
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "none"
