"""The models of a replay: one plain fit for each moment at which some policy retrains, kept for all policies."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold

from rarecall import threshold, training
from rarecall.errors import DataError
from rarecall.replay.history import Bools, History, Ints
from rarecall.sections import Training

_FOLDS = 2


@dataclass(frozen=True, kw_only=True)
class Made:
    """A model and what it held on rows that did not teach it.

    Attributes
    ----------
    flagged : array of bool of shape (n_rows,)
        Of the rows from its round on.
    taught : array of int
        The rows that taught it.
    unseen : array of bool, one for each row that taught
        Whether it is flagged by a model of the same kind that it did not teach: these scores chose the threshold, and
        later rows are held against them.
    """

    flagged: Bools
    taught: Ints
    unseen: Bools


@dataclass
class Models:
    """Fits a project's learner on what was known at a round's beginning.

    Parameters
    ----------
    history : History
    rounds : list of slice
    training : Training
    precision_floor : float
        The threshold is the one with the highest recall that holds it, on scores of rows that did not teach.
    most_rows : int
        That teach; of more, the newest.
    seed : int
    """

    history: History
    rounds: list[slice]
    training: Training
    precision_floor: float
    most_rows: int
    seed: int
    made: dict[int, Made] = field(default_factory=dict)

    def at(self, number: int) -> Made:
        """Return the model of whoever retrains before a round."""
        if number not in self.made:
            self.made[number] = self._fit(number)
        return self.made[number]

    def _fit(self, number: int) -> Made:
        history = self.history
        known = history.known_by(history.moments[self.rounds[number].start])[-self.most_rows :]
        y = history.y[known].astype(int)
        if min(y.sum(), len(y) - y.sum()) < _FOLDS:
            raise DataError(
                f"expected {_FOLDS} known labels of both classes before round {number}, got {int(y.sum())} of {len(y)} "
                "positive; begin later with --begin"
            )
        rows, unseen = history.rows.iloc[known], np.empty(len(known))
        for teach, ask in StratifiedKFold(_FOLDS, shuffle=True, random_state=self.seed).split(rows, y):
            unseen[ask] = training.score(self._fitted(rows.iloc[teach], y[teach]), rows.iloc[ask])
        chosen = threshold.choose(y, unseen, precision_floor=self.precision_floor)
        begin = self.rounds[number].start
        flagged = np.zeros(len(history.y), dtype=bool)
        flagged[begin:] = training.score(self._fitted(rows, y), history.rows.iloc[begin:]) >= chosen.value
        return Made(flagged=flagged, taught=known, unseen=unseen >= chosen.value)

    def _fitted(self, rows: pd.DataFrame, y: NDArray[Any]) -> Any:
        return training.fit(training.estimator(self.training, self.history.kinds, seed=self.seed), rows, y)
