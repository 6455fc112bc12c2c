"""The demo: a fraud that nobody has seen begins in one region, and the loop finds it, retrains once, and mends it.

Everything is real but the payments: the first of the [game days](../docs/gameday.md), with the monitor running its
retrain itself instead of a Prefect server's worker, so that it is told in a few minutes.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from flows.gameday import gameday, replace

_SCENARIO = "new-fraud"
_SHOWN = {"trouble", "alarm", "retrain", "canary", "promotion", "restored"}


def demo(home: Path, *, say: Callable[[str], None], progress: Callable[[str], None]) -> dict[str, Any]:
    """Tell the story in `home`, and return what it came to.

    Parameters
    ----------
    home : Path
        An empty folder, or none yet.
    say : callable
        Told the story, a paragraph each.
    progress : callable
        Told a line for whatever happens meanwhile.

    Returns
    -------
    dict
        `held`, `seconds`, `page`, `picture`; and where a retrain met the champion `candidate`, its version,
        `accuracy_of_champion` and `recall_by_region` on the retrain's holdout, and `report`.

    Raises
    ------
    DataError
        The home holds something that is no demo's.
    StoreError
        The stack did not come up.
    """
    replace(home / "stack")
    found = gameday(_SCENARIO, output=home / "gameday", home=home / "stack", say=progress, with_prefect=False)
    for event in found["events"]:
        if event["mark"] in _SHOWN:
            say(f"[bold]Day {event['day']:.0f}.[/] {_sentence(event['said'])}")
    after = found["after"]
    if after:
        say(_difference(after))
    many, held = len(found["expectations"]), sum(one["held"] for one in found["expectations"])
    say(f"\n{held} of {many} expectations held, in {found['seconds']:.0f} s; see {found['page']}")
    if after:
        say(f"read the report of the retrain: {after['report']}")
    return {**(after or {}), **{key: found[key] for key in ("held", "seconds", "page", "picture")}}


def _sentence(said: str) -> str:
    said = said.replace("[", r"\[")
    return f"{said[0].upper()}{said[1:]}."


def _difference(after: dict[str, Any]) -> str:
    accuracy = after["accuracy_of_champion"]
    rows = [
        f"  {name:<9} champion {of['champion']:.2f}   retrained {of['candidate']:.2f}"
        for name, of in after["recall_by_region"].items()
    ]
    head = f"\nOn one holdout, the old champion's accuracy still reads {accuracy:.2%}. Its recall by region does not:"
    return "\n".join([head, *rows])
