"""The doors: every command answers, says what is wrong in one sentence, and stands in the docs."""

import json
from pathlib import Path

import pytest

from flows.cli import app
from rarecall import __version__

ROOT = Path(__file__).parents[2]
COMMANDS = sorted(
    [command.callback.__name__ for command in app.registered_commands]
    + [
        f"{group.name} {one.name}"
        for group in app.registered_groups
        for one in group.typer_instance.registered_commands
    ]
)


def test_every_command_is_in_the_readme_and_the_docs():
    readme, docs = (ROOT / "README.md").read_text(), (ROOT / "docs" / "commands.md").read_text()
    for command in COMMANDS:
        assert f"rarecall {command}" in readme, command
        assert f"## rarecall {command}" in docs, command


@pytest.mark.parametrize("command", COMMANDS)
def test_help_answers(place, command):
    done = place.run(*command.split(), "--help")
    assert done.returncode == 0
    assert "--json" in done.stdout


def test_help_loads_nothing_heavy():
    """--help answers at once because the heavy libraries are imported in the stage that needs them."""
    import subprocess
    import sys

    heavy = "{'pandas', 'numpy', 'sklearn', 'prefect', 'mlflow', 'feast', 'pydantic'}"
    program = f"import sys; import flows.cli; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_commands_that_only_read_do_not_wait_for_prefect():
    import subprocess
    import sys

    program = "import sys, tasks.history, tasks.lineage, tasks.promote, tasks.status; print('prefect' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_version_is_asked_for_without_a_command(place):
    assert place.run("--version").stdout == f"rarecall {__version__}\n"


def test_schema_describes_the_project_file(place):
    schema = json.loads(place.run("schema", "--json").stdout)
    assert {"source", "label", "gates", "augmentation"} <= set(schema["properties"])


def test_status_of_an_empty_home(place):
    found = json.loads(place.run("status", "--json").stdout)
    assert (found["datasets"], found["models"], found["last_decision"]) == ([], [], None)


def test_report_without_a_run_says_what_to_do(place):
    done = place.run("report")
    assert done.returncode == 1
    assert "rarecall retrain" in done.stderr


def test_report_gives_the_last_page(retrained, tmp_path):
    place, record = retrained
    found = json.loads(place.run("report", "--json", "--output", str(tmp_path / "page.html")).stdout)
    assert Path(found["report"]).read_text() == Path(record["report"]).read_text()


def test_init_writes_a_file_that_retrain_reads(place):
    place.file.unlink()
    done = place.run("init", "payments.csv.gz", "--label", "is_fraud", "--time", "paid_at", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["positives"] > 0
    assert any("labelled_at" in warning or "fraud_kind" in warning for warning in found["warnings"])
    from rarecall.project import load

    assert load(place.file, {}).label.column == "is_fraud"


def test_init_never_overwrites(place):
    before = place.file.read_text()
    done = place.run("init", "payments.csv.gz", "--label", "is_fraud")
    assert done.returncode == 1
    assert "exists" in done.stderr
    assert place.file.read_text() == before
