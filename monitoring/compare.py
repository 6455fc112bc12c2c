"""The page of a comparison: one self-contained file that shows what each strategy comes to, and at which cost."""

from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from monitoring.plots import PALETTE
from monitoring.plots.compare import ranked


def render(compared: Mapping[str, Any]) -> str:
    """Return the page of a comparison, as `tasks.compare` returns it: HTML in UTF-8 with its picture inside."""
    loader = PackageLoader("monitoring", package_path="")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["short"] = _short
    picture = Markup(ranked(compared["strategies"]))  # noqa: S704 - matplotlib has escaped its text
    page = environment.get_template("compare.html.jinja")
    return page.render(**compared, picture=picture, sentences=sentences(compared), palette=PALETTE)


def sentences(compared: Mapping[str, Any]) -> list[str]:
    """Return what a comparison says, a sentence each.

    Examples
    --------
    >>> plain = {"name": "threshold", "spoken": "threshold only", "folds": 2, "auc_pr": 0.5, "by_fold": [0.4, 0.6]}
    >>> other = {"name": "smote", "spoken": "SMOTE", "folds": 2, "auc_pr": 0.52, "by_fold": [0.43, 0.61]}
    >>> for said in sentences({"strategies": [other, plain], "refused": {}, "left": 3}):
    ...     print(said)
    SMOTE has the highest mean AUC-PR, 0.520: 0.020 above the plain learner, which it beats on 2 of 2 folds.
    3 cells are left for the next call.
    """
    ranking, said = compared["strategies"], []
    plain = next((one for one in ranking if one["name"] == "threshold"), None)
    if ranking and plain:
        best = ranking[0]
        beaten = sum(mine > its for mine, its in zip(best["by_fold"], plain["by_fold"], strict=False))
        above = best["auc_pr"] - plain["auc_pr"]
        said.append(
            "Nothing has a higher mean AUC-PR than the learner as it is."
            if best is plain
            else f"{best['spoken']} has the highest mean AUC-PR, {best['auc_pr']:.3f}: {above:.3f} above the plain "
            f"learner, which it beats on {beaten} of {plain['folds']} folds."
        )
    if len(compared["refused"]):
        said.append(f"{len(compared['refused'])} could not be tried on this table.")
    if compared["left"]:
        said.append(f"{compared['left']} cell{'s are' if compared['left'] > 1 else ' is'} left for the next call.")
    return said


def _short(value: float | None) -> str:
    return "—" if value is None else f"{value:.3f}" if abs(value) < 10 else f"{value:,.0f}"
