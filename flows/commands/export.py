"""`rarecall export`: the one way by which synthetic rows leave the warehouse."""

from pathlib import Path
from typing import Annotated, Any

import typer

from flows import console
from flows.commands.shared import AsJson, Home, ProjectFile, answer, prepare, user


def export(
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write: .parquet or .csv.")],
    project: ProjectFile = Path(),
    dataset: Annotated[str | None, typer.Option(help="A dataset version; by default the last run's.")] = None,
    lineage: Annotated[bool, typer.Option("--lineage", help="Also what ties each row to its parents.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file where it exists.")] = False,
    who: Annotated[str | None, typer.Option(help="Who takes them; by default this machine's user.")] = None,
    why: Annotated[str, typer.Option(help="What they are taken for.")] = "exported by hand",
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Let synthetic rows leave the warehouse, where the project allows it, and say what an attacker makes of them."""

    def work() -> dict[str, Any]:
        loaded = prepare(project, home)
        from tasks.export import export as write

        who_does = who or user()
        return write(loaded, output, dataset=dataset, lineage=lineage, overwrite=overwrite, who=who_does, why=why)

    answer(work, _show_exported, as_json=as_json)


def _show_exported(found: dict[str, Any]) -> None:
    risk = found["risk"]
    attacked, real = risk["real_rows"]
    sample = "" if attacked == real else f", by an attack on {attacked} of them"
    console.say(f"risk: {risk['rows_at_risk']} of {real} real rare rows can be rebuilt from the synthetic ones{sample}")
    for name in ("recall", "precision"):
        low, high = risk[f"{name}_interval"]
        console.say(f"  reconstruction {name} {risk[f'reconstruction_{name}']:.3f} ({low:.3f} to {high:.3f})")
    if not risk["complete"]:
        console.say("  the attack ran out of time, so the risk is at least this")
    kept = f"; {found['withheld']} stay, for they descend from forgotten rows" if found["withheld"] else ""
    console.say(f"wrote {found['file']} with {found['rows']} synthetic rows of {found['dataset_version']}{kept}")
