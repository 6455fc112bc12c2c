"""The page of a game day: one self-contained file with the picture, what was expected, and what happened when."""

from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from monitoring.plots import PALETTE
from monitoring.plots.gameday import recall_by_cohort


def render(found: Mapping[str, Any]) -> str:
    """Return the page of a game day, as `tasks.gameday.play` returns it: HTML in UTF-8 with its picture inside."""
    loader = PackageLoader("monitoring", package_path="")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    picture = Markup(recall_by_cohort(found))  # noqa: S704 - matplotlib has escaped its text
    page = environment.get_template("gameday.html.jinja")
    return page.render(**found, picture_drawn=picture, verdict=verdict(found), palette=PALETTE)


def verdict(found: Mapping[str, Any]) -> str:
    """Return what a game day came to, in one sentence.

    >>> verdict({"held": True, "expectations": [{"held": True}] * 3})
    'The chain held: 3 of 3 expectations.'
    >>> verdict({"held": False, "expectations": [{"held": True}, {"held": False}]})
    'The chain did not hold: 1 of 2 expectations failed.'
    """
    expectations = found["expectations"]
    failed = sum(not one["held"] for one in expectations)
    if found["held"]:
        return f"The chain held: {len(expectations)} of {len(expectations)} expectations."
    return f"The chain did not hold: {failed} of {len(expectations)} expectations failed."
