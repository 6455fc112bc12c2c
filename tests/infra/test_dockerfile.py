"""The image's recipe, held against the repository: nothing in it was ever built on the machine that wrote it."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "infra/Dockerfile").read_text()
PACKAGES = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"][
    "packages"
]


def wrong(text: str) -> list[str]:
    """Return a sentence for everything in a Dockerfile that does not hold."""
    lines = text.replace("\\\n", " ").splitlines()
    copied = [
        part for line in lines if line.startswith("COPY ") and "--from" not in line for part in line.split()[1:-1]
    ]
    said = [f"{one} is not in the repository" for one in copied if not (ROOT / one).exists()]
    said += [f"{one} is not in the image" for one in PACKAGES if one not in copied]
    allowed = {one[1:] for one in (ROOT / "infra/Dockerfile.dockerignore").read_text().splitlines() if one[:1] == "!"}
    said += [f"{one} is kept out by the ignore file" for one in copied if one not in allowed]
    installs = [line for line in lines if "pip" in line and '"install"' in line and "-m" not in line]
    said += [f"not locked: {line}" for line in installs if "--require-hashes" not in line and "--no-index" not in line]
    said += [f"{one} is not copied" for one in re.findall(r'"-r", "([^"]+)"', text) if one not in copied]
    froms = [line.split()[1] for line in lines if line.startswith("FROM ")]
    if len(froms) != 2 or len(set(froms)) != 1 or not re.fullmatch(r"python:3\.11\.\d+-slim-\w+", froms[0]):
        said.append(f"expected two stages on one exact python:3.11-slim, got {froms}")
    users = [line.split()[1] for line in lines if line.startswith("USER ")]
    if users[-1:] != ["10001:10001"]:
        said.append(f"runs as {users[-1:] or 'root'}")
    if any(re.match(r'RUN (?!\[")', line) for line in lines):
        said.append("a shell runs")
    return said


def test_it_holds():
    assert wrong(TEXT) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("COPY tasks tasks", "COPY task task", "task is not in the repository"),
        ("COPY tasks tasks", "", "tasks is not in the image"),
        ('"--require-hashes", ', "", "not locked"),
        ("USER 10001:10001", "USER root", "runs as ['root']"),
        ("USER 10001:10001", "", "runs as root"),
        ("python:3.11.13-slim-bookworm AS", "python:latest AS", "expected two stages"),
        ('RUN ["python", "-m", "venv", "/opt/backend"]', "RUN python -m venv /opt/backend", "a shell runs"),
        ("COPY pyproject.toml", "COPY .gitignore pyproject.toml", ".gitignore is kept out"),
    ],
)
def test_what_does_not_hold_is_noticed(old, new, said):
    assert old in TEXT
    assert [one for one in wrong(TEXT.replace(old, new)) if said in one]


def test_every_locked_file_has_a_digest_for_each_version():
    """`--require-hashes` refuses a file with one that lacks it."""
    for name in ("postgres", "build"):
        text = (ROOT / f"requirements/{name}.txt").read_text()
        pins = re.findall(r"^\S+==\S+.*(?:\n    --hash=\S+.*)*", text, re.MULTILINE)
        assert pins
        assert all("--hash=sha256:" in one for one in pins)
