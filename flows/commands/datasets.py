"""`rarecall datasets`: the versions of training data in a home, seen, compared, checked, pinned and collected."""

from collections import Counter
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from flows import console
from flows.commands.shared import AsJson, Home, ProjectFile, answer, prepare, user

app = typer.Typer(help="See, compare, check, pin and collect dataset versions.", no_args_is_help=True)

Dataset = Annotated[str, typer.Argument(metavar="V", help="A dataset version, or the beginning of its key.")]
Who = Annotated[str | None, typer.Option(help="Who answers for it; by default this machine's user.")]


@app.command("list")
def overview(project: ProjectFile = Path(), home: Home = None, as_json: AsJson = False) -> None:
    """List the dataset versions, oldest first, with the models that learned from each."""

    def work() -> dict[str, Any]:
        loaded = prepare(project, home)
        from tasks.datasets import overview

        return overview(loaded)

    def show(found: dict[str, Any]) -> None:
        names = ["version", "created", "rows", "synthetic", "sampler"]
        rows = [
            [one[name] for name in names] + [_models(one["models"]), _pin(one["pinned"]), _size(one["bytes"])]
            for one in found["datasets"]
        ]
        console.table("dataset versions", [*names, "models", "pinned", "size"], rows)

    answer(work, show, as_json=as_json)


@app.command("show")
def show(version: Dataset, project: ProjectFile = Path(), home: Home = None, as_json: AsJson = False) -> None:
    """Show what a dataset version is made of, how, from what, and who uses it."""

    def work() -> dict[str, Any]:
        loaded = prepare(project, home)
        from tasks.datasets import show

        return show(loaded, version)

    answer(work, _show_dataset, as_json=as_json)


@app.command("diff")
def diff(
    a: Annotated[str, typer.Argument(metavar="A", help="The version before, or the beginning of its key.")],
    b: Annotated[str, typer.Argument(metavar="B", help="The version after, or the beginning of its key.")],
    project: ProjectFile = Path(),
    rows: Annotated[int, typer.Option("--rows", min=1, help="How many rows of a table to print at most.")] = 10,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Show what tells two dataset versions apart: schema, counts, distributions, and the lines of their recipes."""

    def work() -> dict[str, Any]:
        loaded = prepare(project, home)
        from tasks.datasets import diff

        return diff(loaded, a, b)

    answer(work, lambda found: _show_diff(found, rows), as_json=as_json)


@app.command("verify")
def verify(
    version: Annotated[
        str | None, typer.Argument(metavar="[V]", help="One version, or kind/version; by default all of every kind.")
    ] = None,
    project: ProjectFile = Path(),
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Recompute the digest of every file and look up every file that Feast names; exit code 2 where one is wrong."""

    def work() -> dict[str, Any]:
        # Of two arguments that may both be left out, one alone is a project where there is such a path.
        is_project = version is not None and Path(version).exists()
        loaded = prepare(Path(version) if version and is_project else project, home)
        from tasks.verify import verify

        return verify(loaded, None if is_project else version)

    def show(found: dict[str, Any]) -> None:
        console.say(
            f"all as written: {found['files']} files of {found['versions']} versions, {_size(found['bytes'])}; "
            f"{found['registrations']} registrations in Feast"
        )

    answer(work, show, as_json=as_json)


@app.command("pin")
def pin(
    version: Dataset,
    why: Annotated[str, typer.Option(help="What it is kept for.")],
    project: ProjectFile = Path(),
    who: Who = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Keep a dataset version and all that it was made of, until it is unpinned; the ledger remembers who and why."""

    def work() -> dict[str, Any]:
        loaded = prepare(project, home)
        from flows.alone import alone
        from tasks.pins import pin

        with alone(loaded):  # a collection that has not seen the pin would take the version
            return pin(loaded, version, who=who or user(), why=why)

    answer(work, _show_pin, as_json=as_json)


@app.command("unpin")
def unpin(
    version: Dataset,
    project: ProjectFile = Path(),
    who: Who = None,
    why: Annotated[str, typer.Option(help="Why it may go.")] = "no longer needed",
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Let a pinned dataset version go again."""

    def work() -> dict[str, Any]:
        loaded = prepare(project, home)
        from tasks.pins import unpin

        return unpin(loaded, version, who=who or user(), why=why)

    answer(work, _show_pin, as_json=as_json)


@app.command("gc")
def gc(
    project: ProjectFile = Path(),
    yes: Annotated[bool, typer.Option("--yes", help="Remove what is listed; without it nothing is changed.")] = False,
    forgotten: Annotated[
        bool, typer.Option("--forgotten", help="Only what descends from people that were forgotten.")
    ] = False,
    who: Who = None,
    why: Annotated[str, typer.Option(help="For the ledger.")] = "nothing needs them",
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """List the versions that no alias, pin, ledger entry or last run needs, and with --yes remove them."""

    def work() -> dict[str, Any]:
        loaded = prepare(project, home)
        from flows.alone import alone
        from tasks.collect import collect

        with alone(loaded) if yes else nullcontext():
            return collect(loaded, remove=yes, forgotten_only=forgotten, who=who or user(), why=why)

    answer(work, _show_collected, as_json=as_json)


def _show_dataset(found: dict[str, Any]) -> None:
    console.say(f"dataset {found['version']}, made {found['created']} by rarecall {found['engine']}")
    console.say(f"in {found['folder']}, {_size(found['bytes'])}")
    counts = [
        [part, value, one["real"], one["synthetic"]]
        for part, by in found["counts"].items()
        for value, one in by["by_class"].items()
    ]
    console.table("rows by class", ["part", "class", "real", "synthetic"], counts)
    cohorts = [
        [cohort, value, one["real"], one["synthetic"]]
        for cohort, values in found["counts"]["train"]["by_cohort"].items()
        for value, one in values.items()
    ]
    if cohorts:
        console.table("training rows by cohort", ["cohort", "value", "real", "synthetic"], cohorts)
    console.table("schema of the training rows", ["column", "type"], [[*one] for one in found["schema"].items()])
    parameters = ", ".join(f"{name} {console.figure(value)}" for name, value in found["parameters"].items())
    console.say(f"sampler: {found['sampler']}{f' ({parameters})' if parameters else ''}")
    console.say(f"synthetic: {found['synthetic']} of {found['rows']} training rows, {found['synthetic_share']:.1%}")
    lineage = found["lineage"]
    if lineage:
        console.say(f"lineage: {lineage['file']}, {lineage['rows']} rows, SHA-256 {lineage['sha256']}")
    console.table("recipe", ["line", "value"], [[key, _short(value)] for key, value in found["recipe"].items()])
    console.say(f"made of: {', '.join(found['parents']) or '-'}")
    console.say(f"models: {_models(found['models'])}")
    for name in found["feast"]:
        console.say(f'in Feast: get_saved_dataset("{name}").to_df()')
    pinned = found["pinned"]
    if pinned:
        console.say(escape(f"pinned by {pinned['who']}: {pinned['why']} (ledger entry {pinned['entry']})"))


def _show_diff(found: dict[str, Any], most: int) -> None:
    a, b = found["a"], found["b"]
    if a == b:
        console.say(f"{a} is one version; there is nothing to compare")
        return
    schema = [["added", name, "-", kind] for name, kind in found["schema"]["added"].items()]
    schema += [["lost", name, kind, "-"] for name, kind in found["schema"]["lost"].items()]
    schema += [["retyped", name, *kinds] for name, kinds in found["schema"]["retyped"].items()]
    _some("schema", ["what", "column", a, b], schema, most)
    counts = [
        [one["part"], f"{one['of']} {one['value']}", _change(one["real"]), _change(one["synthetic"])]
        for one in found["counts"]
        if one["of"] == "class" or any(before != after for before, after in (one["real"], one["synthetic"]))
    ]
    _some("rows", ["part", "of", "real", "synthetic"], counts, most)
    columns = [
        [
            *(one["name"], one["kind"], one["distance"]),
            _change(one["mean"] or one["levels"]),
            _change([None if share is None else f"{share:.1%}" for share in one["missing"]]),
        ]
        for one in found["distributions"]
    ]
    _some("training columns", ["column", "kind", "distance", "mean or levels", "missing"], columns, most)
    lines = [[one["key"], _short(one["old"]), _short(one["new"])] for one in found["recipe"]]
    _some("recipe, all versions behind it included", ["line", a, b], lines, most)
    if found["gone"]:
        console.say(f"! not in the warehouse any more, so not compared: {', '.join(found['gone'])}")


def _show_pin(found: dict[str, Any]) -> None:
    done = "pinned" if found["pinned"] else "unpinned"
    if found["already"]:
        console.say(f"{found['version']} was {done} already; nothing was written")
    else:
        console.say(f"{done} {found['version']}, ledger entry {found['entry']}")


def _show_collected(found: dict[str, Any]) -> None:
    rows = [[one["kind"], one["version"], _size(one["bytes"]), one["because"]] for one in found["going"]]
    kept = f"{len(found['kept'])} versions are kept"
    reasons = Counter(one["because"][0] for one in found["kept"])
    console.table("kept", ["because", "versions"], [[reason, count] for reason, count in reasons.most_common()])
    if not rows and not found["registrations"]:
        console.say(f"nothing may go; {kept}")
    else:
        title = "removed" if found["removed"] else "may go"
        console.table(title, ["kind", "version", "size", "because"], rows)
    forgotten = found["forgotten"]
    for name, needed in forgotten["kept"].items():
        console.say(escape(f"! {name} descends from forgotten rows and is kept: {'; '.join(needed)}"))
    if forgotten["people"]:
        console.say(
            f"of {forgotten['people']} forgotten: {len(forgotten['going'])} versions that descend from their rows "
            f"{'went' if found['removed'] else 'go'}, {len(forgotten['kept'])} are kept"
        )
    if found["removed"]:
        console.say(f"freed {_size(found['freed'])}, ledger entry {found['entry']}; {kept}")
    elif rows or found["registrations"]:
        console.say(
            f"{len(rows)} versions and {len(found['registrations'])} registrations in Feast, {_size(found['freed'])}; "
            f"{kept}; nothing was removed: --yes removes them"
        )


def _some(title: str, columns: list[str], rows: list[list[Any]], most: int) -> None:
    if not rows:
        console.say(f"{title}: no difference")
        return
    console.table(title, columns, rows[:most])
    if len(rows) > most:
        console.say(f"and {len(rows) - most} more; --rows {len(rows)} shows all")


def _models(models: list[dict[str, Any]]) -> str:
    named = (f"{one['name']}/{one['version']}" + "".join(f" {alias}" for alias in one["aliases"]) for one in models)
    return ", ".join(named) or "-"


def _pin(pinned: dict[str, Any] | None) -> str:
    return f"{pinned['why']} ({pinned['who']})" if pinned else "-"


def _change(pair: list[Any]) -> str:
    before, after = (console.figure(value) for value in pair)
    return before if before == after else f"{before} → {after}"


def _short(value: Any) -> str:
    text = console.figure(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _size(count: int) -> str:
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"
