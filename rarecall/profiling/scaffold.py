"""A first project file for a table: what was found, why, and every default beside its meaning."""

import re
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import PurePosixPath
from typing import Any

import yaml
from pydantic import BaseModel

from rarecall.profiling.leaks import Suspect
from rarecall.profiling.profile import Profile
from rarecall.project import Project
from rarecall.sections import Ablation, Augmentation, Gates, Labels, Section, Split, Training

_DEFAULTS: dict[str, type[Section]] = {
    "split": Split,
    "labels": Labels,
    "augmentation": Augmentation,
    "training": Training,
    "ablation": Ablation,
    "gates": Gates,
}


def render(profile: Profile, source: str, *, name: str | None = None, leaks: Sequence[Suspect] = ()) -> str:
    """Write a project file that `rarecall.project.load` reads.

    Parameters
    ----------
    profile : Profile
    source : str
        The table's path or URI, as it shall stand in the file: relative to it, or absolute.
    name : str, optional
        The project's; by default the table's file name.
    leaks : sequence of Suspect
        Left out of the features, each with its reason.

    Returns
    -------
    str
        YAML with comments. Lines that begin with `# ` and a key are defaults: remove the `# ` to change one.

    >>> import pandas as pd
    >>> from rarecall.profiling.profile import profile
    >>> found = profile(pd.DataFrame({"sum": [1.5, 2.5, 4.0] * 20, "won": ["no"] * 57 + ["yes"] * 3}), label="won")
    >>> print(render(found, "games.csv")[:186])
    # Written by rarecall init: 60 rows, 3 of them positive (5.00%).
    # What was proposed and not asked for says so; read it, then run: rarecall retrain
    <BLANKLINE>
    name: games
    source:
      path: games.csv
    """
    found = f"{profile.rows:,} rows, {profile.positives:,} of them positive ({profile.prevalence:.2%})"
    head = [
        f"# Written by rarecall init: {found}.",
        "# What was proposed and not asked for says so; read it, then run: rarecall retrain",
        "",
        f"name: {name or slug(source)}",
        "source:",
        f"  path: {_scalar(source)}",
    ]
    parts = [head, _keys(profile), _label(profile), _missing(profile), _features(profile, leaks), _cohorts(profile)]
    lines = [line for part in parts for line in [*part, ""]]
    return "\n".join([*lines, *_defaults()]) + "\n"


def slug(source: str) -> str:
    """Return a project name made of a table's file name.

    >>> slug("s3://lake/2026 Payments_v2.csv.gz"), slug("data/")
    ('payments_v2', 'data')
    """
    stem = PurePosixPath(source.rstrip("/")).name.split(".")[0].lower()
    return re.sub(r"[^a-z0-9_-]+", "-", stem).lstrip("0123456789_-").rstrip("-")[:63] or "project"


def _keys(profile: Profile) -> Iterator[str]:
    if profile.entity:
        yield f"entity: {_scalar(profile.entity)}{_proposed(profile, 'entity', 'it differs in every row')}"
    else:
        yield "# entity: customer_id  # the column that names who or what a row is about; none: the row itself"
    if profile.time:
        yield f"timestamp: {_scalar(profile.time)}{_proposed(profile, 'time', 'it holds dates')}"
    else:
        yield "# timestamp: happened_at  # when the row was true; none: a stratified split"


def _label(profile: Profile) -> Iterator[str]:
    yield "label:"
    yield f"  column: {_scalar(profile.label)}"
    yield f"  positive: {_scalar(profile.positive)}{_proposed(profile, 'positive', 'the rarer of two values')}"
    if profile.time:
        yield "  # delay: 14d  # how long after its timestamp a row's label can be trusted; younger rows wait"


def _missing(profile: Profile) -> Iterator[str]:
    """Yield the markers; those that may mean something in this table only as a remark."""
    if profile.markers:
        yield "missing:"
        yield "  markers:  # read as not known"
        for marker in profile.markers:
            yield f"    - {_scalar(marker.text)}  # {marker.cells:,} cells in {_listed(marker.columns)}"
    else:
        yield '# missing: {markers: ["?"]}  # values that mean not known, besides the empty cell'
    for marker in profile.doubtful:
        yield f"# {_scalar(marker.text)} is kept as a value: {marker.cells:,} cells in {_listed(marker.columns)}"


def _features(profile: Profile, leaks: Sequence[Suspect]) -> Iterator[str]:
    reasons = {leak.column: leak.reason for leak in leaks}
    dates = {name: "a date; derive a number from it" for name, kind in profile.features.items() if kind == "date"}
    left_out = {name: reason for name, reason in (dates | reasons).items() if name in profile.features}
    kinds = {name: kind for name, kind in profile.declared.items() if name in profile.features.keys() - left_out}
    if not left_out and not kinds:
        yield "# features: {exclude: []}  # every column that is nothing else is a feature"
        return
    yield "features:"
    if left_out:
        yield "  exclude:"
        for name in (name for name in profile.features if name in left_out):
            yield f"    - {_scalar(name)}  # {_one_line(left_out[name])}"
    if kinds:
        yield "  kinds:  # what their type alone would not tell"
        for name, kind in kinds.items():
            yield f"    {_scalar(name)}: {kind}"


def _cohorts(profile: Profile) -> Iterator[str]:
    if not profile.cohorts:
        yield "# cohorts: [region, {column: age, edges: [30, 60]}]  # segments whose recall is watched by itself"
        return
    yield f"cohorts:{_proposed(profile, 'cohorts', 'segments whose recall is watched by itself')}"
    for cohort in profile.cohorts:
        if cohort.edges is None:
            yield f"  - {_scalar(cohort.column)}"
        else:
            edges = ", ".join(f"{edge:g}" for edge in cohort.edges)
            yield f"  - {{column: {_scalar(cohort.column)}, edges: [{edges}]}}"


def _defaults() -> Iterator[str]:
    yield "# The defaults, which hold as long as they stand behind a '#'; rarecall schema names every key."
    for key, section in _DEFAULTS.items():
        yield f"# {key}:  # {_one_line(section.__doc__ or '')}"
        for field, info in section.model_fields.items():
            said = f"  # {info.description}" if info.description else ""
            yield f"#   {field}: {_scalar(info.get_default(call_default_factory=True))}{said}"
    yield f"# seed: {Project.model_fields['seed'].default}  # {Project.model_fields['seed'].description}"


def _proposed(profile: Profile, what: str, why: str) -> str:
    return f"  # proposed: {why}" if what in profile.proposed else ""


def _scalar(value: Any) -> str:
    """Return a value as YAML reads it back: quoted where it would turn into something else.

    >>> [_scalar(value) for value in ("yes", "no", "1", "job", 1, True, "a: b")]
    ["'yes'", "'no'", "'1'", 'job', '1', 'true', "'a: b'"]
    """
    value = str(value) if isinstance(value, timedelta) else value
    value = value.model_dump(mode="json", exclude_none=True) if isinstance(value, BaseModel) else value
    # Only double quotes can hold a line break on one line.
    style = '"' if isinstance(value, str) and "\n" in value else None
    text = yaml.safe_dump(value, default_style=style, default_flow_style=True, allow_unicode=True, width=10**6)
    return text.removesuffix("\n").removesuffix("\n...")


def _listed(columns: Sequence[str]) -> str:
    shown = ", ".join(_one_line(name) for name in columns[:4])
    return shown + (f" and {len(columns) - 4} more" if len(columns) > 4 else "")


def _one_line(text: str) -> str:
    return " ".join(text.split())
