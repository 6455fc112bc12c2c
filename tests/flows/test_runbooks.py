"""The commands of the runbooks are the commands that work: each is run, in its page's order, on a home of its own."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from command import run_here
from places import Place

from rarecall.project import load

PAGES = sorted((Path(__file__).parents[2] / "docs" / "runbooks").glob("*.md"))
LONG = {"retrain"}  # tested by itself, and a minute each
TOOLS = {"tar", "mv"}
LINES = [
    (page.stem, line)
    for page in PAGES
    for block in re.findall(r"```console\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    for line in re.findall(r"^\$ (.*)$", block, re.MULTILINE)
]


@pytest.fixture(scope="module")
def homes(retrained, tmp_path_factory):
    """Return a page's home: that of one retrain, where a second version has become champion."""
    from serving import registry
    from tasks.promote import promote

    place, _ = retrained
    first = Place(tmp_path_factory.mktemp("runbooks") / "first")
    shutil.copytree(place.folder, first.folder)
    project = load(first.file, {})
    client = registry.connect(project)
    source = client.get_model_version(project.name, "1")
    client.create_model_version(project.name, source=source.source, tags=source.tags)
    promote(project, "2", who="ann", why="so that there is one before", force=True)
    made = {}

    def home(page: str) -> Place:
        if page not in made:
            made[page] = Place(first.folder.with_name(page))
            shutil.copytree(first.folder, made[page].folder)
        return made[page]

    return home


@pytest.mark.thorough
@pytest.mark.parametrize(("page", "line"), LINES, ids=[f"{page}: {line}" for page, line in LINES])
def test_a_command_of_a_runbook_works(homes, page, line):
    program, *arguments = shlex.split(line)
    if program in TOOLS:
        asked = [shutil.which(program), *arguments]
        assert subprocess.run(asked, cwd=homes(page).folder, check=False, timeout=60).returncode == 0
        return
    assert program == "rarecall"
    if arguments[0] in LONG:
        assert run_here(homes(page).folder, [arguments[0], "--help"], {}).returncode == 0
        return
    done = run_here(homes(page).folder, arguments, {})
    assert done.returncode == 0, done.stderr


def test_each_kind_of_trouble_has_its_page():
    assert [page.stem for page in PAGES] == [
        "noisy-labels", "recall-breach", "restore", "rollback", "source-late", "synthetic-suspected"
    ]  # fmt: skip
    assert {page for page, _ in LINES} == {page.stem for page in PAGES}
