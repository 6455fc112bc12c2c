r"""Suggestion: which rows without a label are worth one, for the recall of the rare class.

Three ways to say what the label of row `i` is worth, `u` being its uncertainty, which is 1 at the threshold from which
a row is flagged and falls to 0 at both ends, and `p` its probability of the rare class:

.. math:: g_i^{rare} = p_i, \qquad g_i^{uncertain} = u_i, \qquad
          g_i^{dense} = u_i \cdot \frac1k \sum_{j \in N(i)} \exp\left(-(d_{ij} / h)^2\right).

`h` is the median distance to the k-th nearest row without a label. Rows are chosen one after another, and each takes
the share :math:`\exp(-(d / h)^2)` of the gain from those around it: their labels would tell the same.

`rare` is the default, as it found the most recall (docs/benchmarks.md): where one row in many is rare, the labels that
lack are those of rare rows. Sources: Lewis & Gale 1994, "A sequential algorithm for training text classifiers", SIGIR,
for the uncertainty; Settles & Craven 2008, "An analysis of active learning strategies for sequence labeling tasks",
EMNLP, for its density; Attenberg & Provost 2010, "Why label when you can search?", KDD, for seeking out the rare.
"""

from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from rarecall.cohorts import in_order
from rarecall.errors import DataError
from rarecall.neighbors import FaissNeighbors
from rarecall.resampling.columns import Columns
from rarecall.resampling.metric import measure

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

By = Literal["rare", "uncertain", "dense"]
BY: tuple[By, ...] = get_args(By)

NEAREST = 15
"""How many rows without a label the density around a row is taken from."""

_LOOKED_AT = 20
"""Times the budget: the rows of most worth, of which alone the neighbours are looked for."""

_AT_LEAST = 2000
_RARE = 50  # the likeliest rows, whose spread says how far apart unequal categories are: as many at least
_RARE_SHARE = 0.02


def uncertainty(score: ArrayLike, cut: ArrayLike) -> Floats:
    """Return how little is known of which side of its threshold a row is on, from 0 to 1 at the threshold.

    Parameters
    ----------
    score : array-like of shape (n_rows,)
        The probability of the rare class.
    cut : array-like of shape (n_rows,), or float
        From which probability a row is flagged.

    >>> uncertainty([0.0, 0.1, 0.2, 0.6, 1.0], 0.2).tolist()
    [0.0, 0.5, 1.0, 0.5, 0.0]
    """
    p = np.asarray(score, dtype=float)
    t = np.clip(np.asarray(cut, dtype=float), 1e-9, 1 - 1e-9)
    found: Floats = np.minimum(np.minimum(p / t, (1 - p) / (1 - t)), 1.0)
    return found


def suggest(
    rows: pd.DataFrame,
    kinds: dict[str, str],
    score: NDArray[Any],
    cut: NDArray[Any] | float,
    *,
    budget: int,
    by: By = "rare",
    cohorts: pd.DataFrame | None = None,
    floor: int = 0,
    seed: int = 0,
) -> pd.DataFrame:
    """Choose the rows to have labelled.

    Parameters
    ----------
    rows : DataFrame of shape (n_rows, n_columns)
        Rows without a label.
    kinds : dict of str to str
        The features and their kinds, `numeric` or `categorical`.
    score : array of shape (n_rows,)
        The model's probability of the rare class.
    cut : array of shape (n_rows,), or float
        From which probability the model flags a row.
    budget : int
        How many labels are to be had.
    by : {"rare", "uncertain", "dense"}
        What a label is worth; see the module.
    cohorts : DataFrame of str, shape (n_rows, n_cohorts), optional
    floor : int
        Of each cohort value at least so many rows are chosen, or all that it has.
    seed : int
        Of the search for neighbours in large tables.

    Returns
    -------
    DataFrame of shape (n_chosen, 6)
        `at`, the row's position; `probability`; `uncertainty` and `density`, each from 0 to 1; `gain`, what was left of
        their product when the row was chosen; and `floor`, the cohort value for whose sake it was, or None. Those
        chosen for a floor come first, then by gain.

    Raises
    ------
    DataError
        The budget is below 1, or the floors alone are beyond it.

    Examples
    --------
    Of two rows that are alike one is enough, also where the other comes next:

    >>> rows = pd.DataFrame({"a": [0.0, 0.0, 1.0, 1.1, 1.2, 9.0]})
    >>> score = np.array([0.19, 0.19, 0.01, 0.12, 0.01, 0.2])
    >>> suggest(rows, {"a": "numeric"}, score, 0.2, budget=3)["at"].tolist()
    [5, 0, 3]
    >>> regions = pd.DataFrame({"region": list("nnnnns")})
    >>> suggest(rows, {"a": "numeric"}, score, 0.2, budget=2, cohorts=regions, floor=2)
    Traceback (most recent call last):
        ...
    rarecall.errors.DataError: --floor: expected a budget that holds 2 rows of each of 2 cohort values, got 2; raise \
--budget or lower --floor
    """
    if budget < 1:
        raise DataError(f"--budget: expected one label at least, got {budget}")
    if rows.empty:
        return _told(_Chosen(), np.asarray(score), np.empty(0), np.empty(0))
    unsure = uncertainty(score, cut)
    groups = _groups(cohorts) if cohorts is not None and floor else {}
    worth = np.asarray(score, dtype=float) if by == "rare" else unsure
    looked = _looked_at(worth, groups, budget, floor)
    distance, near = _neighbors(rows, kinds, np.asarray(score), looked, seed)
    likeness = _likeness(distance)
    density = likeness.mean(axis=1) if near.shape[1] else np.ones(len(looked))
    choice = _Choice(looked, near, likeness, worth[looked] * (density if by == "dense" else 1.0))
    chosen = _by_floor(choice, groups, floor, budget)
    while len(chosen.at) < min(budget, len(looked)):
        chosen.add(*choice.take(choice.best()), None)
    dense = np.zeros(len(rows))
    dense[looked] = density
    return _told(chosen, np.asarray(score), unsure, dense)


def labelled_near(
    rows: pd.DataFrame, kinds: dict[str, str], at: Ints, labelled: Ints, y: NDArray[Any], *, k: int, seed: int = 0
) -> list[Ints]:
    """Return, for each row asked about, its k nearest rows that have a label, as positions, nearest first.

    Parameters
    ----------
    rows : DataFrame of shape (n_rows, n_columns)
    kinds : dict of str to str
    at : array of int, shape (n_asked,)
    labelled : array of int, shape (n_labelled,)
        Positions of the rows that have a label.
    y : array of shape (n_labelled,)
        0 and 1; the positives' spread sets how far apart unequal categories are, as in the resampler.
    k : int
        Never more than have a label.
    seed : int
        Of the search in large tables.

    >>> rows = pd.DataFrame({"a": [0.0, 1.0, 5.0, 4.0]})
    >>> labelled_near(rows, {"a": "numeric"}, np.array([3]), np.array([0, 1, 2]), np.array([0, 0, 1]), k=2)
    [array([2, 1])]
    """
    k = min(k, len(labelled))
    if not len(at) or k < 1:
        return [np.empty(0, dtype=np.intp) for _ in at]
    space = _space(rows, kinds, labelled[y == 1])
    found = FaissNeighbors(k, random_state=seed).fit(space.part(labelled)).kneighbors(space.take(at))[1]
    return [labelled[near] for near in found]


def even_floor(cohorts: pd.DataFrame, budget: int) -> int:
    """Return the floor by which a quarter of the budget is spread evenly over all cohort values; 0 without cohorts.

    >>> even_floor(pd.DataFrame({"region": ["north", "south"], "job": ["nurse", "nurse"]}), 100)
    8
    """
    values = sum(cohorts[name].nunique() for name in cohorts)
    return budget // (4 * values) if values else 0


@dataclass
class _Chosen:
    at: list[int] = field(default_factory=list)
    gain: list[float] = field(default_factory=list)
    floor: list[str | None] = field(default_factory=list)

    def add(self, at: int, gain: float, floor: str | None) -> None:
        self.at.append(at)
        self.gain.append(gain)
        self.floor.append(floor)


class _Choice:
    """What is left to gain of each row looked at."""

    def __init__(self, looked: Ints, near: Ints, likeness: Floats, gain: Floats) -> None:
        self.looked, self._near, self._likeness, self.gain = looked, near, likeness, gain.copy()
        self._place = {int(at): place for place, at in enumerate(looked)}

    def best(self, among: NDArray[np.bool_] | None = None) -> int:
        gain = self.gain if among is None else np.where(among, self.gain, -np.inf)
        return int(np.argmax(gain))

    def take(self, place: int) -> tuple[int, float]:
        """Take a row, and from those around it what its label would tell of them; return its position and gain."""
        gain = float(self.gain[place])
        for at, like in zip(self._near[place].tolist(), self._likeness[place].tolist(), strict=True):
            if (other := self._place.get(at)) is not None and np.isfinite(self.gain[other]):
                self.gain[other] *= 1.0 - like
        self.gain[place] = -np.inf
        return int(self.looked[place]), gain


def _groups(cohorts: pd.DataFrame) -> dict[str, Ints]:
    return {
        f"{name} {value}": np.flatnonzero((cohorts[name] == value).to_numpy())
        for name in cohorts
        for value in in_order(cohorts[name].unique())
    }


def _looked_at(worth: Floats, groups: dict[str, Ints], budget: int, floor: int) -> Ints:
    """Return the rows of most worth, and of each cohort value enough to fill its floor from."""
    order = np.argsort(-worth, kind="stable")
    most = order[: max(_LOOKED_AT * budget, _AT_LEAST)]
    each = (inside[np.argsort(-worth[inside], kind="stable")][: _LOOKED_AT * floor] for inside in groups.values())
    return np.unique(np.concatenate([most, *each]))


def _neighbors(
    rows: pd.DataFrame, kinds: dict[str, str], score: NDArray[Any], looked: Ints, seed: int
) -> tuple[Floats, Ints]:
    k = min(NEAREST, len(rows) - 1)
    if k < 1:
        return np.empty((len(looked), 0)), np.empty((len(looked), 0), dtype=np.intp)
    likeliest = np.argsort(score, kind="stable")[-max(_RARE, int(_RARE_SHARE * len(rows))) :]
    distance, near = FaissNeighbors(k, random_state=seed).fit(_space(rows, kinds, likeliest)).neighbors_of(looked)
    return distance.astype(float), near.astype(np.intp)


def _space(rows: pd.DataFrame, kinds: dict[str, str], rare: Ints) -> Any:
    voted = tuple(at for at, kind in enumerate(kinds.values()) if kind == "categorical")
    return measure(rows[list(kinds)], Columns(n=len(kinds), categorical=voted), scaling="robust", minority=rare)


def _likeness(distance: Floats) -> Floats:
    if not distance.size:
        return distance
    reach = float(np.median(distance[:, -1])) or 1.0
    found: Floats = np.exp(-((distance / reach) ** 2))
    return found


def _by_floor(choice: _Choice, groups: dict[str, Ints], floor: int, budget: int) -> _Chosen:
    """Fill the floors, each time of the value that lacks most; a row counts for every value that it is of."""
    chosen = _Chosen()
    inside = {name: np.isin(choice.looked, members) for name, members in groups.items()}
    lacking = {name: min(floor, len(members)) for name, members in groups.items()}
    while any(lacking.values()):
        if len(chosen.at) == budget:
            raise DataError(
                f"--floor: expected a budget that holds {floor} rows of each of {len(groups)} cohort values, got "
                f"{budget}; raise --budget or lower --floor"
            )
        name = max(lacking, key=lambda one: lacking[one])
        place = choice.best(inside[name])
        for other, members in inside.items():
            lacking[other] = max(0, lacking[other] - int(members[place]))
        chosen.add(*choice.take(place), name)
    return chosen


def _told(chosen: _Chosen, score: NDArray[Any], unsure: Floats, dense: Floats) -> pd.DataFrame:
    at = np.array(chosen.at, dtype=np.intp)
    return pd.DataFrame(
        {
            "at": at,
            "probability": np.asarray(score, dtype=float)[at],
            "uncertainty": unsure[at],
            "density": dense[at],
            "gain": np.array(chosen.gain, dtype=float),
            "floor": pd.Series(chosen.floor, dtype=object),
        }
    )
