"""The review queue: the rows whose label is doubted, with what a person needs to judge them, most suspect first."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rarecall.errors import DataError

ASKED = ("drop", "review")
"""The actions that ask a person; what the run drops is asked about too."""

MARK = "row-"
"""Before a fingerprint in a person's file, so that no spreadsheet takes one of digits for a number."""

_SPOKEN = np.array(["negative", "positive", "unknown"], dtype=object)
_FORMULA = r"^([=+\-@\t\r])"


def asked(verdict: pd.DataFrame) -> NDArray[np.intp]:
    """Return the positions of the rows that a person is asked about, most suspect first.

    >>> asked(pd.DataFrame({"score": [0.3, 0.9, 0.1], "action": ["review", "keep", "drop"]})).tolist()
    [2, 0]
    """
    doubted = np.flatnonzero(verdict["action"].isin(ASKED))
    return doubted[np.argsort(verdict["score"].to_numpy()[doubted], kind="stable")]


def queue(
    rows: pd.DataFrame,
    verdict: pd.DataFrame,
    at: NDArray[np.intp],
    *,
    names: NDArray[Any],
    neighbors: Sequence[Sequence[int]],
    cohorts: pd.DataFrame,
    timed: bool,
    more: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Put together what a person needs to judge the rows that are asked about.

    Parameters
    ----------
    rows : DataFrame of shape (n_rows, n_columns)
        `row_id`, the entity, `event_timestamp`, `label` (0, 1, or missing), and the features.
    verdict : DataFrame of shape (n_rows, ...)
        With `score` and `action`, in the order of the rows.
    at : array of int, shape (n_asked,)
        Positions of the rows to ask about, in the order of the queue.
    names : array of str, shape (n_asked,)
        Their fingerprints.
    neighbors : sequence of n_asked sequences of int
        Positions of the nearest rows whose label is another, nearest first.
    cohorts : DataFrame of str, shape (n_rows, n_cohorts)
    timed : bool
        Whether the moment says anything.
    more : DataFrame of shape (n_asked, n_more), optional
        What else is known of the rows asked about; it stands behind `action`.

    Returns
    -------
    DataFrame of shape (n_asked, ...)
        `fingerprint`, `row_id`, `event_timestamp` (where timed), `label` (positive, negative or unknown), `score`,
        `action`, what `more` holds, `cohort.<column>` for each cohort, `neighbor_ids` and `neighbor_labels` (lists),
        then the entity and the features; one that has a name of ours is `source.<name>`.
    """
    doubted, judged = rows.iloc[at].reset_index(drop=True), verdict.iloc[at].reset_index(drop=True)
    ids, label = rows["row_id"].to_numpy(), _spoken(rows["label"])
    ours = pd.DataFrame({"fingerprint": names, "row_id": doubted["row_id"]})
    if timed:
        ours["event_timestamp"] = doubted["event_timestamp"]
    ours = ours.assign(label=label[at], score=judged["score"], action=judged["action"])
    if more is not None:
        ours = ours.join(more.reset_index(drop=True))
    for name in cohorts:
        ours[f"cohort.{name}"] = cohorts[name].to_numpy()[at]
    ours["neighbor_ids"] = [ids[list(near)].tolist() for near in neighbors]
    ours["neighbor_labels"] = [label[list(near)].tolist() for near in neighbors]
    taken = {*ours, "answer", "row"}
    theirs = doubted.drop(columns=["row_id", "event_timestamp", "label"])
    return ours.join(theirs.rename(columns=lambda name: f"source.{name}" if name in taken else name))


def write(queue: pd.DataFrame, file: Path) -> None:
    """Write a queue for a person to fill in: `answer`, still empty, then `row`, then all that the queue holds.

    Parameters
    ----------
    queue : DataFrame
        As `queue` made it.
    file : Path
        `.csv` or `.parquet`; it must not be there, as it might hold answers.

    Raises
    ------
    DataError
        The file is there already, cannot be written, or has another ending.
    """
    if file.suffix.lower() not in {".csv", ".parquet"}:
        raise DataError(f"--output: expected a file that ends in .csv or .parquet, got {file.name!r}; rename it")
    form = queue.drop(columns="fingerprint")
    form.insert(0, "answer", pd.Series(pd.NA, index=form.index, dtype="string"))
    form.insert(1, "row", MARK + queue["fingerprint"].astype(str))
    aside = file.with_name(f".partial-{file.name}")
    try:
        if file.exists():
            raise DataError(f"{file} exists and may hold answers; apply it, move it, or give another --output")
        if file.suffix.lower() == ".csv":
            _as_text(form).to_csv(aside, index=False)
        else:
            form.to_parquet(aside, index=False)
        aside.rename(file)
    except OSError as error:
        raise DataError(f"{file} cannot be written: {error.strerror}; give another --output") from error
    finally:
        aside.unlink(missing_ok=True)


def _spoken(label: "pd.Series[Any]") -> NDArray[Any]:
    said: NDArray[Any] = _SPOKEN[label.astype("float64").fillna(2).to_numpy(dtype=np.intp)]
    return said


def _as_text(form: pd.DataFrame) -> pd.DataFrame:
    """Return the form as a spreadsheet can hold it: lists as words, and no text that it would run as a formula."""
    form = form.copy(deep=False)
    for many in ("neighbor_ids", "neighbor_labels"):
        form[many] = [" ".join(map(str, near)) for near in form[many]]
    for name in form.select_dtypes(["object", "string"]):
        form[name] = form[name].astype("string").str.replace(_FORMULA, r"'\1", regex=True)
    return form
