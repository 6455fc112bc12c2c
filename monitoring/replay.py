"""The page of a replay: one self-contained file that says whether a retrain on a breach would have been worth it."""

from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from monitoring.plots import PALETTE
from monitoring.plots.replay import regret


def render(replayed: Mapping[str, Any]) -> str:
    """Return the page of a replay, as `tasks.replay` returns it: HTML in UTF-8 with its picture inside."""
    loader = PackageLoader("monitoring", package_path="")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    picture = Markup(regret(replayed["policies"]))  # noqa: S704 - matplotlib has escaped its text
    page = environment.get_template("replay.html.jinja")
    return page.render(**replayed, picture=picture, sentences=sentences(replayed), palette=PALETTE)


def sentences(replayed: Mapping[str, Any]) -> list[str]:
    """Return what a replay says, a sentence each.

    Examples
    --------
    >>> beside = {"every": {"regret": 0.1, "retrains": 9, "better": True}}
    >>> beside["drift"] = beside["rested"] = {"regret": 0.02, "retrains": 2, "better": False}
    >>> for said in sentences({"verdict": {"retrains": 3, "regret": 0.04, "beside": beside}}):
    ...     print(said)
    Ours retrained 3 times and regrets 0.040 of recall.
    The calendar regrets 0.100 with as many, and needs 9 for as little: ours is better.
    Any drift regrets 0.020 with as many, and needs 2 for as little: ours is not better.
    Any drift with rests regrets 0.020 with as many, and needs 2 for as little: ours is not better.
    """
    verdict = replayed["verdict"]
    said = [f"Ours retrained {verdict['retrains']} times and regrets {verdict['regret']:.3f} of recall."]
    for kind, name in (("every", "The calendar"), ("drift", "Any drift"), ("rested", "Any drift with rests")):
        one = verdict["beside"][kind]
        needs = "never gets as low" if one["retrains"] is None else f"needs {one['retrains']} for as little"
        better = "ours is better" if one["better"] else "ours is not better"
        said.append(f"{name} regrets {one['regret']:.3f} with as many, and {needs}: {better}.")
    return said
