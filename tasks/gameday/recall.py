"""Recall by cohort over label time, by what was seen from the outside: the answers over HTTP, and the labels sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rarecall.intervals import Interval, wilson

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rarecall.project import Project
    from tasks.gameday.stream import Stream

TRAILING = 5
"""Days of labels of which each point of a curve is the recall."""

FEWEST = 8
"""Labelled positives under which a curve has no point."""


def over_label_time(stream: Stream, cohort: str, *, begin: int, end: int) -> dict[str, list[dict[str, Any]]]:
    """Return the recall of each value of a cohort by the day on which labels came.

    Parameters
    ----------
    stream : Stream
    cohort : str
        Its column.
    begin, end : int
        Days.

    Returns
    -------
    dict of str to list
        Of each value, the commonest first: `day` (labels up to it), `positives` of the last `TRAILING` days, `recall`,
        `low` and `high` (Wilson's interval at 95%).
    """
    labelled = stream.labelled()
    values = stream.frame[cohort].to_numpy()
    names, counts = np.unique(values, return_counts=True)
    found = {}
    for name in names[np.argsort(-counts)]:
        chosen = labelled & (values == name)
        found[str(name)] = points(stream.told[chosen], stream.flagged[chosen], begin=begin, end=end)
    return found


def points(told: NDArray[np.float64], flagged: NDArray[np.bool_], *, begin: int, end: int) -> list[dict[str, Any]]:
    """Return the points of one curve.

    Parameters
    ----------
    told : array of float, shape (n_positives,)
        The day on which the label of each positive came.
    flagged : array of bool, shape (n_positives,)
        Whether its answer had found it.
    begin, end : int

    Examples
    --------
    >>> told, flagged = np.full(10, 2.5), np.arange(10) < 9
    >>> points(told, flagged, begin=0, end=3)
    [{'day': 3, 'positives': 10, 'recall': 0.9, 'low': 0.5958, 'high': 0.9821}]
    """
    found = []
    for day in range(begin + 1, end + 1):
        within = (told > day - TRAILING) & (told <= day)
        positives, hits = int(within.sum()), int(flagged[within].sum())
        if positives >= FEWEST:
            low, high = wilson(hits, positives)
            found.append(
                {"day": day, "positives": positives, "recall": round(hits / positives, 4), "low": round(low, 4),
                 "high": round(high, 4)}
            )  # fmt: skip
    return found


def compared(project: Project) -> dict[str, Any] | None:
    """Return what the last retrain says of the champion that it met and of its own model, on the same holdout.

    Returns
    -------
    dict or None
        `candidate`, `accuracy_of_champion`, `recall_by_region` and `report`; None where no retrain met a champion.
    """
    from tasks import runs

    found = [(record, folder) for record, folder in zip(runs.records(project), runs.folders(project), strict=True)
             if record["champion_sli"]]  # fmt: skip
    if not found:
        return None
    last, folder = found[-1]
    before, now = last["champion_sli"], last["sli"]
    by_region = {
        name: {"champion": before["by_cohort"]["region"][name]["minority_recall"], "candidate": one["minority_recall"]}
        for name, one in now["by_cohort"]["region"].items()
    }
    return {
        "candidate": last["model_version"],
        "accuracy_of_champion": before["accuracy"],
        "recall_by_region": {name: one for name, one in by_region.items() if None not in one.values()},
        "report": str(folder / runs.PAGE),
    }


def of(flagged: NDArray[np.bool_]) -> tuple[int, int, Interval]:
    """Return hits, positives and Wilson's interval of some positives."""
    hits, positives = int(flagged.sum()), len(flagged)
    return hits, positives, wilson(hits, positives)
