"""Which rows teach, which choose the threshold, and which nothing learns from.

By time where there is time, so that the holdout is what the model will meet; stratified where there is none.
"""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from rarecall.errors import DataError
from rarecall.sections import Split

PARTS = ("train", "validation", "holdout")


def mature(rows: pd.DataFrame, delay: pd.Timedelta) -> pd.Series:
    """Return which rows are old enough for their label to be trusted, counted from the newest row.

    Raises DataError when none is.

    >>> moments = pd.to_datetime(["2026-01-01", "2026-01-10", "2026-01-15"])
    >>> mature(pd.DataFrame({"event_timestamp": moments}), pd.Timedelta("7d")).tolist()
    [True, False, False]
    """
    moments: pd.Series = rows["event_timestamp"]
    old_enough = moments.le(moments.max() - delay)
    if not old_enough.any():
        raise DataError(
            f"label.delay: after {delay} no label can be trusted, for the {len(rows)} rows span "
            f"{moments.max() - moments.min()}; bring older rows or shorten the delay"
        )
    return old_enough


def assign(rows: pd.DataFrame, split: Split, *, timed: bool, seed: int) -> pd.Series:
    """Name the part of each row.

    Parameters
    ----------
    rows : DataFrame of shape (n_rows, ...)
        With `event_timestamp` and `label` (0 or 1).
    split : Split
        The shares.
    timed : bool
        By time (rows of one moment stay together) or stratified by label.
    seed : int

    Returns
    -------
    Series of str, one of `PARTS`, indexed like rows

    Raises
    ------
    DataError
        A part would have no positive row, so nothing could be learned or judged in it.
    """
    if rows.empty:
        raise DataError("split: expected labelled rows, got none; bring more rows")
    part = _by_time(rows, split) if timed else _stratified(rows, split, seed)
    for name in PARTS:
        labels = rows["label"][part == name]
        if labels.sum() < 2 or labels.sum() == len(labels):
            raise DataError(
                f"split.{name}: expected at least 2 positive rows and one negative, got {int(labels.sum())} of "
                f"{len(labels)}; give it a larger share or bring more rows"
            )
    return part


def summary(rows: pd.DataFrame, part: pd.Series, *, timed: bool) -> dict[str, Any]:
    """Return rows, positives, first and last moment of each part, JSON-ready."""
    result: dict[str, Any] = {"by": "time" if timed else "stratified"}
    for name in PARTS:
        inside = rows[part == name]
        moments = inside["event_timestamp"]
        result[name] = {
            "rows": len(inside),
            "positives": int(inside["label"].sum()),
            "first": moments.min().isoformat() if timed else None,
            "last": moments.max().isoformat() if timed else None,
        }
    return result


def _by_time(rows: pd.DataFrame, split: Split) -> pd.Series:
    moments = rows["event_timestamp"]
    ordered = moments.sort_values(kind="stable", ignore_index=True)
    last = len(ordered) - 1
    train_end = ordered[min(round(split.train * len(ordered)), last)]
    holdout_start = ordered[min(round((split.train + split.validation) * len(ordered)), last)]
    part = pd.Series("validation", index=rows.index, dtype=object)
    part[moments < train_end] = "train"
    part[moments >= holdout_start] = "holdout"
    return part


def _stratified(rows: pd.DataFrame, split: Split, seed: int) -> pd.Series:
    y = rows["label"].to_numpy()
    if min(y.sum(), len(y) - y.sum()) < 6:
        raise DataError(
            f"label.column: expected at least 6 rows of each class to split three ways, got {int(y.sum())} positive of "
            f"{len(y)}; bring more rows"
        )
    positions = np.arange(len(rows))
    share = split.validation / (split.train + split.validation)
    try:
        teach, holdout = train_test_split(positions, test_size=split.holdout, stratify=y, random_state=seed)
        train, validation = train_test_split(teach, test_size=share, stratify=y[teach], random_state=seed)
    except ValueError as error:
        raise DataError(f"split: {len(rows)} rows are too few for these shares ({error}); bring more rows") from error
    part = np.empty(len(rows), dtype=object)
    for name, inside in zip(PARTS, (train, validation, holdout), strict=True):
        part[inside] = name
    return pd.Series(part, index=rows.index)
