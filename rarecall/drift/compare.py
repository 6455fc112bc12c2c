"""Compare rows with a sketch: how far each column has shifted, for all rows, the rare class, and every cohort value.

A shift must pass two tests: it is larger than what a project finds worth telling, which keeps a million rows from
making a finding of everything, and it is not what chance does, which keeps a few hundred rows from it.
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from rarecall.drift import chance, distance
from rarecall.drift.bins import Bins
from rarecall.drift.groups import Counted, Group, grouped
from rarecall.drift.levels import Levels
from rarecall.drift.sketch import Column, Sketch, count, each
from rarecall.errors import DataError

ALPHA = 0.05
PSI = 0.1
FEWEST = 30

_DISCRETE = 20  # a number with no more values than this is tested as a category, by chi-square
_SHOWN = 20  # levels of a category in its stability index; the others count together


def compare(
    sketch: Sketch,
    frame: pd.DataFrame,
    *,
    positive: ArrayLike | None = None,
    alpha: float = ALPHA,
    psi: float = PSI,
    min_rows: int = FEWEST,
) -> dict[str, Any]:
    """Compare a table with a sketch.

    Parameters
    ----------
    sketch : Sketch
        Of the rows that taught the model.
    frame : DataFrame of shape (n_rows, n_columns)
        Later rows, none of which the sketch was made of, with the sketch's columns and its cohorts'.
    positive : array-like of bool, shape (n_rows,), optional
        Whether a row is of the rare class, missing where it is not known; without it the rare class is not compared.
    alpha : float
        Probability at most that anything at all is called shifted while nothing is, over all columns and groups.
    psi : float
        A shift smaller than this population stability index is not worth telling.
    min_rows : int
        Groups with fewer rows, here or in the sketch, are not tested.

    Returns
    -------
    dict
        JSON-ready. `rows`, `reference_rows`, `tests` (how many were run), `alpha`, `psi`, `absent` (columns that the
        table does not have), `groups` (each `cohort`, `value`, `minority`, `rows`, `reference_rows`, `share`,
        `reference_share` and `state`) and `columns` (each `column`, `kind`, its group's `cohort`, `value` and
        `minority`, `psi`, `distance`, `wasserstein`, `missing`, `reference_missing`, `new`, `p`, `adjusted_p`,
        `state` and `why`), the most shifted first. `distance` is Kolmogorov-Smirnov's of a number and the total
        variation of a category; `wasserstein` is in the reference group's standard deviations; `new` is the share of
        values that the reference never had. The states are "shifted", "not shown" and "too few rows".

    Raises
    ------
    DataError
        There is no row or no column of the sketch, a cohort's column is absent, or there is not one label a row.

    Examples
    --------
    >>> from rarecall.drift import take
    >>> rng = np.random.default_rng(0)
    >>> before = pd.DataFrame({"amount": rng.normal(size=5000), "age": rng.normal(size=5000)})
    >>> after = pd.DataFrame({"amount": rng.normal(size=300) + 1, "age": rng.normal(size=300)})
    >>> found = compare(take(before, {"amount": "numeric", "age": "numeric"}), after)
    >>> [(one["column"], one["state"]) for one in found["columns"]]
    [('amount', 'shifted'), ('age', 'not shown')]
    """
    there = [column for column in sketch.columns if column.name in frame.columns]
    if not there:
        raise DataError("drift: the table has none of the sketch's columns; give one with the model's features")
    within = grouped(frame, sketch.cohorts, positive, sketch.values())
    counted = each(lambda column: count(frame[column.name], column.cells, within), there)
    whole = within.counted(np.zeros(len(frame), dtype=np.uint16), 1, None)
    rows = {group: int(whole.counts[group][0]) for group in sketch.groups if group in whole.counts}
    tested = {group for group, many in rows.items() if min(many, sketch.groups[group]) >= min_rows}
    figures = [
        _figures(column, group, now, is_tested=group in tested)
        for column, now in zip(there, counted, strict=True)
        for group in rows
    ]
    _judge(figures, alpha, psi)
    return {
        "rows": len(frame),
        "reference_rows": sketch.rows,
        "tests": sum(one["p"] is not None for one in figures),
        "alpha": alpha,
        "psi": psi,
        "absent": [column.name for column in sketch.columns if column.name not in frame.columns],
        "groups": [_group(sketch, group, many, len(frame), figures) for group, many in rows.items()],
        "columns": sorted(figures, key=_rank),
    }


def _figures(column: Column, group: Group, now: Counted, *, is_tested: bool) -> dict[str, Any]:
    before, after = column.counted.counts[group], now.counts[group]
    found: dict[str, Any] = {
        "column": column.name,
        "kind": column.kind,
        "cohort": group.cohort,
        "value": group.value,
        "minority": group.minority,
        "psi": None,
        "distance": None,
        "wasserstein": None,
        "missing": _share(after[-1:], after),
        "reference_missing": _share(before[-1:], before),
        "new": None,
        "p": None,
    }
    if not is_tested:
        return found
    if isinstance(column.cells, Levels):
        found["new"] = _share(after[-2:-1], after) if column.cells.is_whole else None
        figures = _of_category(before, after)
    else:
        sums = column.counted.sums[group], now.sums[group]
        figures = _of_number(column.cells, before, after, *sums)
    return found | figures


def _of_category(before: NDArray[np.int64], after: NDArray[np.int64]) -> dict[str, Any]:
    shown = np.argsort(-before[:-1], kind="stable")[:_SHOWN]
    rest = np.setdiff1d(np.arange(len(before) - 1), shown)
    cells = [np.array([*part[shown], part[rest].sum(), part[-1]]) for part in (before, after)]
    used = cells[0] + cells[1] > 0
    known = before[:-1], after[:-1]
    figures = {"psi": distance.psi(cells[0][used], cells[1][used])}
    if known[0].any() and known[1].any():
        figures["distance"] = distance.total_variation(*known)
        p = chance.homogeneity(*known)
    else:
        p = 1.0
    return figures | {"p": _with_missing(p, before, after)}


def _of_number(
    cells: Bins,
    before: NDArray[np.int64],
    after: NDArray[np.int64],
    before_sums: NDArray[np.float64],
    after_sums: NDArray[np.float64],
) -> dict[str, Any]:
    known = before[:-1], after[:-1]
    tenths = distance.coarse(*known)
    figures: dict[str, Any] = {
        "psi": distance.psi(*(np.append(t, c[-1]) for t, c in zip(tenths, (before, after), strict=True)))
    }
    if not (known[0].any() and known[1].any()):
        return figures | {"p": _with_missing(1.0, before, after)}
    figures["distance"] = distance.kolmogorov_smirnov(*known)
    moved = distance.wasserstein(cells.edges, known[0], before_sums[:-1], known[1], after_sums[:-1])
    spread = _spread(known[0], before_sums[:-1])
    figures["wasserstein"] = moved / spread if spread > 0 else None
    used = known[0] + known[1] > 0
    if used.sum() <= _DISCRETE:
        p = chance.homogeneity(known[0][used], known[1][used])
    else:
        p = chance.kolmogorov(figures["distance"], int(known[0].sum()), int(known[1].sum()))
    return figures | {"p": _with_missing(p, before, after)}


def _with_missing(p: float, before: NDArray[np.int64], after: NDArray[np.int64]) -> float:
    """Return the p-value of what is known and what is missing together; without a missing value it is the first."""
    if not before[-1] and not after[-1]:
        return p
    missing = chance.share(int(after[-1]), int(after.sum()), int(before[-1]), int(before.sum()))
    return min(1.0, 2 * min(p, missing))


def _spread(counts: NDArray[np.int64], sums: NDArray[np.float64]) -> float:
    """Return the standard deviation of the bins' means: a little less than that of the rows."""
    filled = counts > 0
    means = sums[filled] / counts[filled]
    weights = counts[filled] / counts.sum()
    return float(np.sqrt(np.sum(weights * (means - np.sum(weights * means)) ** 2)))


def _judge(figures: list[dict[str, Any]], alpha: float, psi: float) -> None:
    tested = [one for one in figures if one["p"] is not None]
    adjusted = chance.holm(np.array([one["p"] for one in tested], dtype=float))
    for one in figures:
        one.update(adjusted_p=None, state="too few rows", why="")
    for one, p in zip(tested, adjusted, strict=True):
        is_large = one["psi"] >= psi
        one.update(adjusted_p=float(p), state="shifted" if is_large and p <= alpha else "not shown")
        one["why"] = _why(one) if one["state"] == "shifted" else ""


def _why(one: dict[str, Any]) -> str:
    """Say in words what a shift is."""
    said = []
    if abs(one["missing"] - one["reference_missing"]) >= 0.05:
        said.append(f"missing {one['missing']:.0%}, was {one['reference_missing']:.0%}")
    if one["new"] is not None and one["new"] >= 0.01:
        said.append(f"{one['new']:.0%} are values never seen")
    if one["wasserstein"] is not None:
        said.append(f"moved by {one['wasserstein']:.2f} standard deviations")
    elif one["distance"] is not None:
        said.append(f"{one['distance']:.0%} of the rows are in other values")
    return "; ".join(said)


def _group(sketch: Sketch, group: Group, rows: int, whole: int, figures: list[dict[str, Any]]) -> dict[str, Any]:
    own = [
        one
        for one in figures
        if (one["cohort"], one["value"], one["minority"]) == (group.cohort, group.value, group.minority)
    ]
    states = {one["state"] for one in own}
    return {
        "cohort": group.cohort,
        "value": group.value,
        "minority": group.minority,
        "rows": rows,
        "reference_rows": sketch.groups[group],
        "share": rows / whole,
        "reference_share": sketch.groups[group] / sketch.rows,
        "state": next(state for state in ("shifted", "not shown", "too few rows") if state in states),
    }


def _rank(one: dict[str, Any]) -> tuple[bool, float]:
    return one["state"] != "shifted", -(one["psi"] or 0.0)


def _share(some: NDArray[np.int64], whole: NDArray[np.int64]) -> float:
    total = int(whole.sum())
    return float(some.sum() / total) if total else 0.0
