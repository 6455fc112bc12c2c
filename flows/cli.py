"""The command line: a command a function, each with `--json` for programs; every failure is one sentence on stderr."""

import errno
import json
import os
import sys
import warnings
from pathlib import Path
from typing import Annotated, Any

import typer

from flows import console, interruption
from flows.commands import (
    append,
    approve,
    canary,
    compare,
    dashboard,
    datasets,
    deploy,
    doctor,
    drift,
    export,
    forget,
    history,
    labels,
    lineage,
    materialize,
    metrics,
    monitor,
    promote,
    quarantine,
    replay,
    retrain,
    slo,
    triggers,
    up,
)
from flows.commands import keys as api_keys
from flows.commands import serve as serving
from flows.commands import watch as watching
from flows.commands.shared import AsJson, Home, ProjectFile, answer, prepare, user
from rarecall.errors import RarecallError

app = typer.Typer(
    name="rarecall",
    help="Keep the recall of a rare class: validated data, judged labels, traceable synthetic rows, gated models.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

app.add_typer(datasets.app, name="datasets")
app.add_typer(labels.app, name="labels")
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(api_keys.app, name="keys")
app.command()(serving.serve)
app.command()(append.append)
app.command()(retrain.retrain)
app.command()(forget.forget)
app.command()(export.export)
app.command()(lineage.lineage)
app.command()(materialize.materialize)
app.command()(approve.approve)
app.command()(approve.reject)
app.command()(promote.promote)
app.command()(promote.rollback)
app.command()(promote.demote)
app.command()(history.history)
app.command()(canary.canary)
app.command()(doctor.doctor)
app.command()(up.up)
app.command()(up.down)
app.command()(monitor.monitor)
app.command()(triggers.triggers)
app.command()(deploy.deploy)
app.command()(replay.replay)
app.command()(compare.compare)
app.command()(slo.slo)
app.command()(metrics.metrics)
app.command()(dashboard.dashboard)
app.command()(drift.drift)
app.command()(drift.estimate)
app.command()(watching.watch)


def main() -> None:
    """Run the command line; a refusal becomes its sentence and its exit code."""
    interruption.install()
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # the libraries' own; ours are facts in the report
    try:
        app()
    except RarecallError as error:
        print(f"rarecall: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except Exception as error:
        if not _is_full_disk(error):
            raise
        print(
            "rarecall: the disk is full, so a store could not be written; free some space, or give another folder "
            "with --home, and run again: it goes on where it stopped",
            file=sys.stderr,
        )
        sys.exit(1)


@app.callback()
def whole(
    only: Annotated[
        str | None,
        typer.Option("--class", envvar="RARECALL_CLASS", help="Of several rare classes, the one that is meant."),
    ] = None,
) -> None:
    """Say which of a project's rare classes a command is about."""
    if only is not None:
        os.environ["RARECALL_CLASS"] = only


@app.command()
def init(
    table: Annotated[str, typer.Argument(help="CSV, CSV.gz, Parquet, a folder of Parquet, or any fsspec URI.")],
    label: Annotated[str, typer.Option(help="The column that says what is rare.")],
    positive: Annotated[str | None, typer.Option(help="The rare class's value; by default the rarer of two.")] = None,
    time: Annotated[str | None, typer.Option(help="The column that says when a row was true.")] = None,
    entity: Annotated[str | None, typer.Option(help="The column that names who or what a row is about.")] = None,
    cohort: Annotated[
        list[str] | None, typer.Option(help="A column whose values are watched apart; repeat it.")
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write.")] = Path("rarecall.yaml"),
    as_json: AsJson = False,
) -> None:
    """Read a table and write a commented project file for it."""

    def work() -> dict[str, Any]:
        from tasks.initialise import initialise

        return initialise(table, output, label=label, positive=positive, time=time, entity=entity, cohorts=cohort or [])

    def show(found: dict[str, Any]) -> None:
        console.table("columns", ["column", "kind"], [[name, kind] for name, kind in found["kinds"].items()])
        for warning in found["warnings"]:
            console.people.print(f"[yellow]![/] {warning}", highlight=False, soft_wrap=True)
        console.people.print(f"prevalence {found['prevalence']:.4f} ({found['positives']} of {found['rows']} rows)")
        console.people.print(f"wrote {found['file']}; next: rarecall retrain {found['file']}", soft_wrap=True)

    answer(work, show, as_json=as_json)


@app.command()
def status(project: ProjectFile = Path(), home: Home = None, as_json: AsJson = False) -> None:
    """Show dataset versions, model versions, aliases and the last decision."""

    def work() -> dict[str, Any]:
        loaded = prepare(project, home)
        from tasks.status import status as read

        return read(loaded, who=user())

    def show(found: dict[str, Any]) -> None:
        console.mended(found)
        names = ["version", "rows", "synthetic", "sampler"]
        console.table("dataset versions", names, [[d[n] for n in names] for d in found["datasets"]])
        names = ["version", "aliases", "decision", "recall", "precision", "dataset_version"]
        console.table("model versions", names, [[m[n] for n in names] for m in found["models"]])
        for one in found["approvals"]:
            console.waits(one)
        for reason in (found["last_decision"] or {}).get("reasons", ["nothing has been decided yet"]):
            console.people.print(f"last decision: {reason}", highlight=False, soft_wrap=True)

    answer(work, show, as_json=as_json)


@app.command()
def report(
    project: ProjectFile = Path(),
    home: Home = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write a copy of the page here.")] = None,
    as_json: AsJson = False,
) -> None:
    """Give the last run's page: one HTML file that needs nothing else."""

    def work() -> dict[str, Any]:
        loaded = prepare(project, home)
        from tasks.runs import last_page

        return {"report": str(last_page(loaded, copy_to=output))}

    answer(work, lambda found: console.people.print(found["report"], soft_wrap=True), as_json=as_json)


@app.command()
def demo(
    home: Annotated[str, typer.Option("--home", help="Where the demo keeps everything.")] = ".rarecall/demo",
    synthetic: Annotated[
        bool, typer.Option("--synthetic", help="Train on synthetic rows even where they are not shown to gain.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Tell the whole story on simulated card payments: a champion, a new fraud in one region, a retrain that pays."""

    def work() -> dict[str, Any]:
        from flows.demo import demo as tell

        return tell(Path(home).absolute(), synthetic=synthetic, say=None if as_json else console.say)

    answer(work, lambda _: None, as_json=as_json, stages=2 * retrain.STAGES)


@app.command()
def schema(
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write it here instead of stdout.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write the JSON Schema of the project file, for editors."""

    def work() -> dict[str, Any]:
        from rarecall.project import Project

        text = json.dumps(Project.model_json_schema(), indent=2)
        if output:
            output.write_text(text + "\n")
            return {"file": str(output)}
        return json.loads(text)

    answer(
        work,
        lambda found: print(f"wrote {output}" if output else json.dumps(found, indent=2)),
        as_json=as_json,
    )


@app.command()
def fetch(
    name: Annotated[str, typer.Argument(help="bank-marketing, adult, census-income or credit-default.")],
    to: Annotated[Path | None, typer.Option("--to", help="The folder; by default RARECALL_DATA, else ./data.")] = None,
    as_json: AsJson = False,
) -> None:
    """Get a public table of the examples from where it is published, checked by its digest."""

    def work() -> dict[str, Any]:
        from tasks.fetch import fetch as get

        return get(name, to or Path(os.environ.get("RARECALL_DATA", "data")))

    def show(found: dict[str, Any]) -> None:
        console.people.print(f"{found['file']}\nexport RARECALL_DATA={Path(found['file']).parent}", soft_wrap=True)

    answer(work, show, as_json=as_json)


def _is_full_disk(error: BaseException | None) -> bool:
    """Return whether a full disk is at the bottom of what a library raised in its own words."""
    while error is not None:
        if getattr(error, "errno", None) == errno.ENOSPC or "disk is full" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False
