"""`rarecall labels`: doubted labels go out to a person, and the answers come in."""

from pathlib import Path
from typing import Annotated, Any

import typer

from flows import console
from flows.commands.shared import AsJson, Home, ProjectFile, answer, prepare, user

app = typer.Typer(
    help="Hand out the labels that the check doubts, and take a person's answers in.", no_args_is_help=True
)


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
