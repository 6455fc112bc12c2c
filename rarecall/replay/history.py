"""A history: rows in the order in which they came, and when each one's label was known."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rarecall.errors import DataError

Bools = NDArray[np.bool_]
Ints = NDArray[np.intp]


@dataclass(frozen=True, kw_only=True)
class History:
    """Rows, oldest first.

    Attributes
    ----------
    rows : DataFrame of shape (n_rows, n_features)
    kinds : mapping of str to str
        The features and their kinds.
    y : array of int of shape (n_rows,)
    moments, known : array of datetime64 of shape (n_rows,)
        When each row came, and when its label was known.
    cohorts : DataFrame of shape (n_rows, n_cohorts)
        As `rarecall.cohorts.assign` names them.
    """

    rows: pd.DataFrame
    kinds: Mapping[str, str]
    y: NDArray[np.integer]
    moments: NDArray[np.datetime64]
    known: NDArray[np.datetime64]
    cohorts: pd.DataFrame

    def rounds(self, *, begin: float, many: int) -> list[slice]:
        """Return the rows of each round after the first share of them, as many rows in each.

        A round is what serves between two looks; rows of one moment stay in one round.

        Raises
        ------
        DataError
            There are too few moments for so many rounds.
        """
        n = len(self.y)
        edges = np.linspace(begin * n, n, many + 1).astype(int)
        edges[:-1] = np.searchsorted(self.moments, self.moments[edges[:-1]], side="left")
        if (np.diff(edges) <= 0).any():
            raise DataError(
                f"expected at least {many} moments after the first {begin:.0%} of the rows; ask for fewer rounds"
            )
        return [slice(int(first), int(last)) for first, last in pairwise(edges)]

    def known_by(self, moment: np.datetime64) -> Ints:
        """Return the rows whose label is known at a moment."""
        return np.flatnonzero(self.known <= moment)


def of_table(
    table: pd.DataFrame,
    kinds: Mapping[str, str],
    cohorts: pd.DataFrame,
    *,
    delay: pd.Timedelta | None = None,
    known: "pd.Series[Any] | None" = None,
) -> History:
    """Return the history of a table with `event_timestamp` and `label`.

    Parameters
    ----------
    table : DataFrame of shape (n_rows, ...)
    kinds : mapping of str to str
    cohorts : DataFrame of shape (n_rows, n_cohorts)
    delay : Timedelta, optional
        After which each label is known.
    known : Series of datetime, optional
        When each one is, where that is told row by row.
    """
    at = table["event_timestamp"].dt.tz_localize(None)
    when = at + (delay or pd.Timedelta(0)) if known is None else known.dt.tz_localize(None)
    order = np.argsort(at.to_numpy(), kind="stable")
    return History(
        rows=table[list(kinds)].iloc[order].reset_index(drop=True),
        kinds=kinds,
        y=table["label"].to_numpy()[order].astype(np.int8),
        moments=at.to_numpy()[order],
        known=when.to_numpy()[order],
        cohorts=cohorts.iloc[order].reset_index(drop=True),
    )
