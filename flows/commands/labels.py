"""`rarecall labels`: labels that come later than their rows, and doubted ones that a person answers for."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from flows import console
from flows.commands.shared import AsJson, Home, ProjectFile, answer, prepare, user


class Worth(StrEnum):
    """As `rarecall.suggestion` names them."""

    rare = "rare"
    uncertain = "uncertain"
    dense = "dense"


app = typer.Typer(
    help="Take labels in as they come, hand out those that the check doubts, and take a person's answers in.",
    no_args_is_help=True,
)


@app.command("add")
def add(
    file: Annotated[str, typer.Argument(metavar="FILE", help="CSV, Parquet, a folder of Parquet, or any fsspec URI.")],
    project: ProjectFile = Path(),
    source: Annotated[
        str | None, typer.Option(help="Who says so; by default the file's column source, or its name.")
    ] = None,
    label_time: Annotated[
        str | None, typer.Option(help="The column that says since when a label holds; by default label_time.")
    ] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Take a delivery of labels in, all of a file or none; one that says otherwise is a new revision."""

    def work() -> dict[str, Any]:
        loaded = prepare(project, home)
        from tasks.late_labels import add

        return {"file": file, **add(loaded, file, label_source=source, label_time=label_time)}

    answer(work, _show_added, as_json=as_json)


@app.command("history")
def history(
    entity: Annotated[
        list[str], typer.Option("--entity", help="Whose labels: an id, or column=value for each entity column.")
    ],
    project: ProjectFile = Path(),
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Show every label that an entity's events ever had: since when it holds, who said so, and when we were told."""

    def work() -> dict[str, Any]:
        loaded = prepare(project, home)
        from tasks.late_labels import history

        return history(loaded, entity)

    def show(found: dict[str, Any]) -> None:
        names = ["revision", "label", "label_time", "source", "recorded"]
        rows = [[one["event_timestamp"], *(r[n] for n in names)] for one in found["events"] for r in one["revisions"]]
        named = ", ".join(f"{name}={value}" for name, value in found["entity"].items())
        console.table(f"labels of {named}", ["event_timestamp", *names], rows)

    answer(work, show, as_json=as_json)


@app.command("export")
def export(
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write: .csv or .parquet.")],
    project: ProjectFile = Path(),
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Write the rows whose label the last run doubts, most suspect first, with an empty column for the answers."""

    def work() -> dict[str, Any]:
        loaded = prepare(project, home)
        from tasks.labels import export

        return export(loaded, output)

    def show(found: dict[str, Any]) -> None:
        console.say(
            f"wrote {found['file']} with {found['rows']} rows; answer positive, negative or unsure where you can, "
            f"then: rarecall labels apply {found['file']}"
        )

    answer(work, show, as_json=as_json)


@app.command("suggest")
def suggest(
    budget: Annotated[int, typer.Option(min=1, help="How many labels are to be had.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write: .csv or .parquet.")],
    project: ProjectFile = Path(),
    by: Annotated[
        Worth,
        typer.Option(help="What a label is worth: rare, the chance of a rare row; uncertain; dense, times density."),
    ] = Worth.rare,
    floor: Annotated[
        int | None,
        typer.Option(min=0, help="Rows of each cohort value at least; by default a quarter of the budget is spread."),
    ] = None,
    who: Annotated[str | None, typer.Option(help="Who asks; by default this machine's user.")] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Write the rows that are worth a label, of those without: where the model wavers and many are alike."""

    def work() -> dict[str, Any]:
        loaded = prepare(project, home)
        from tasks.suggest import suggest

        return suggest(loaded, output, budget=budget, by=by.value, floor=floor, who=who or user())

    answer(work, _show_suggested, as_json=as_json)


@app.command("apply")
def apply(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What labels export wrote, with answers filled in.")],
    project: ProjectFile = Path(),
    who: Annotated[str | None, typer.Option(help="Who answered; by default this machine's user.")] = None,
    why: Annotated[str, typer.Option(help="What the answers rest on.")] = "reviewed by hand",
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Take a person's answers in, all of a file or none; the next retrain learns from them and is measured on them."""

    def work() -> dict[str, Any]:
        loaded = prepare(project, home)
        from tasks.labels import apply

        return apply(loaded, file, who=who or user(), why=why)

    def show(found: dict[str, Any]) -> None:
        kinds = ", ".join(f"{count} {kind}" for kind, count in found["answers"].items())
        more = f"; {found['unasked']} are about rows that no run here has asked about" if found["unasked"] else ""
        console.say(f"{found['new']} new answers of {sum(found['answers'].values())} ({kinds}){more}")
        if found["new"]:
            console.say("next: rarecall retrain")

    answer(work, show, as_json=as_json)


def _show_added(found: dict[str, Any]) -> None:
    console.say(
        f"{found['labels']} labels: {found['new']} new, {found['corrected']} corrected "
        f"({found['to_positive']} to the rare class, {found['to_negative']} from it)"
    )
    said = {
        "known": "known already",
        "confirmed": "confirmed as of a later moment",
        "late": "older than what is known, kept without displacing it",
        "unlabelled": "without a label yet",
        "forgotten": "of those who were forgotten, left out",
    }
    for name, what in said.items():
        if found[name]:
            console.say(f"  {found[name]} {what}")
    if found["new"] + found["corrected"]:
        console.say("next: rarecall retrain")


def _show_suggested(found: dict[str, Any]) -> None:
    console.say(
        f"wrote {found['file']} with {found['rows']} of {found['candidates']:,} rows without a known label "
        f"({found['immature']:,} whose label may still change, {found['unlabelled']:,} without one); "
        f"about {found['expected_positives']:.0f} of them are of the rare class"
    )
    said = {
        "answered": "left out, as a person has answered for them",
        "known": "left out, as the prediction log has their truth",
        "served": "that the router has answered and waits for the truth of",
        "elsewhere": "entities that the router has answered about are not in the snapshot: deliver their rows first",
    }
    for name, what in said.items():
        if found[name]:
            console.say(f"  {found[name]:,} {what}")
    console.say(f"answer positive, negative or unsure where you can, then: rarecall labels apply {found['file']}")
