"""Privacy of synthetic rows: the attacks are run, for what distances and copies say of them is nothing.

Two attacks (Ganev et al. 2026, "SMOTE and Mirrors", arXiv 2510.15083): real rows are read off the synthetic ones alone
(`rarecall.reconstruction`), and synthetic rows are told from real ones (`rarecall.distinguishing`). The attacker knows
the method and how categories were weighed, and no row.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from rarecall.deadline import Deadline
from rarecall.distinguishing import scores
from rarecall.errors import DataError
from rarecall.intervals import Interval, areas, wilson
from rarecall.lines import FINE, spreads, steps
from rarecall.reconstruction import NEARBY, Candidates, modes, reconstruct

TOLERANCE = 0.01
"""A real row is reconstructed where every number is met within this share of the column's spread, or half its step."""

LOOSE = (0.0, 0.02, 0.1)
"""How far off their lines the attackers believe the rows to be, as shares of the spread."""

_REACH = 20  # synthetic rows looked at for each real row, at most, where real rows are sampled

Floats = NDArray[np.float64]
Ints = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Reconstruction:
    """What one attacker made of the synthetic rows.

    Attributes
    ----------
    attacker : str
    candidates : int
        Rows that it says are real.
    recall, precision : float
        Share of the real rows that are among them, and of them that are real.
    recall_interval, precision_interval : Interval
        Wilson's, at 95%.
    numbers_recall, numbers_precision : float
        The same where the categories need not be right. Few coarse numbers are met by chance.
    chance_recall : float, optional
        Share of the rows of `holdout` that are among its candidates.
    """

    attacker: str
    candidates: int
    recall: float
    precision: float
    recall_interval: Interval
    precision_interval: Interval
    numbers_recall: float
    numbers_precision: float
    chance_recall: float | None


@dataclass(frozen=True)
class AttackResult:
    """What the attacks found.

    Attributes
    ----------
    reconstruction_recall, reconstruction_precision : float
        Of the attacker with the highest F1; `copies`, who takes every synthetic row for a real one, is left out.
    recall_interval, precision_interval : Interval
    distinguishing_auc : float
        Area under the ROC curve of the best of the attackers that tell synthetic rows from real ones.
    distinguishing_interval : Interval
    rows_at_risk : int
        Real rows that were reconstructed; where they were sampled, as many of all as of the sample.
    at_risk : tuple of int
        Which rows of `real` were, by position.
    attackers : tuple of Reconstruction
    copied : float
        Share of the synthetic rows that equal a real one.
    closest : tuple of float
        Median distance of a synthetic row to the closest real one, and of a real row to the closest other, in spreads:
        what distance-to-closest-record compares.
    real_rows, synthetic_rows : tuple of (int, int)
        Rows that were attacked, of how many.
    complete : bool
        False where the time limit cut the attack short: then the figures are lower bounds, and may differ next time.
    """

    reconstruction_recall: float
    reconstruction_precision: float
    recall_interval: Interval
    precision_interval: Interval
    distinguishing_auc: float
    distinguishing_interval: Interval
    rows_at_risk: int
    at_risk: tuple[int, ...]
    attackers: tuple[Reconstruction, ...]
    copied: float
    closest: tuple[float, float]
    real_rows: tuple[int, int]
    synthetic_rows: tuple[int, int]
    complete: bool

    def facts(self) -> dict[str, Any]:
        """Return JSON values, without the rows at risk."""
        return {name: value for name, value in asdict(self).items() if name != "at_risk"}


def attack(
    real: Any,
    synthetic: Any,
    *,
    random_state: int,
    time_limit: float = 120.0,
    kinds: Mapping[str, str] | None = None,
    max_rows: int = 5000,
    tolerance: float = TOLERANCE,
    holdout: Any = None,
) -> AttackResult:
    """Attack synthetic rows of one class with the real rows of that class as the judge.

    Parameters
    ----------
    real, synthetic : DataFrame or array of shape (n_rows, n_columns)
        With the same columns.
    random_state : int
        Chooses the rows where there are more than `max_rows`; the same seed gives the same figures.
    time_limit : float
        Seconds after which the attack stops where it is. The work is bounded by `max_rows`, so this is a guard only.
    kinds : mapping of str to str, optional
        Each column's kind; `numeric` ones are attacked, all others are categories, compared exactly. By default as
        `rarecall.resampling.ADASYN` reads the types.
    max_rows : int
        Real rows that are attacked; the synthetic rows around them are all used, up to 20 times as many.
    tolerance : float
        How closely a number must be met, as a share of the column's spread; half its rounding step is always enough.

    holdout : DataFrame or array, optional
        Real rows of the class that no synthetic row was drawn from: what is met of them is met by chance.

    Raises
    ------
    DataError
        The columns differ, or there is no row on one side.

    >>> from rarecall.resampling import ADASYN
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(600, 4)), np.repeat([0, 1], [570, 30])
    >>> drawn = ADASYN(random_state=0).fit_resample(X, y)[0][600:]
    >>> result = attack(X[y == 1], drawn, random_state=0)
    >>> result.reconstruction_recall > 0.8, result.reconstruction_precision > 0.9, result.copied
    (True, True, 0.0)
    """
    deadline = Deadline(time_limit)
    table = _Table.of(real, synthetic, holdout, kinds)
    asked, used = _sample(table, max_rows, random_state)
    sampled = table.part(asked, used)
    made = _attempts(sampled, deadline)
    judge = _Judge.of(table, sampled, tolerance)
    attackers = tuple(judge.judged(name, one) for name, one in made.items())
    chosen = max((one for one in attackers if one.attacker != "copies"), key=_f1)
    hit = judge.met(made[chosen.attacker])[0]
    auc, interval = _distinguished(sampled, random_state, deadline)
    return AttackResult(
        reconstruction_recall=chosen.recall,
        reconstruction_precision=chosen.precision,
        recall_interval=chosen.recall_interval,
        precision_interval=chosen.precision_interval,
        distinguishing_auc=auc,
        distinguishing_interval=interval,
        rows_at_risk=round(chosen.recall * table.n_real),
        at_risk=tuple(asked[hit].tolist()),
        attackers=attackers,
        copied=_copied(table),
        closest=_closest(sampled),
        real_rows=(len(asked), table.n_real),
        synthetic_rows=(len(used), table.n_synthetic),
        complete=not deadline.cut,
    )


@dataclass(frozen=True)
class _Table:
    """Real rows, synthetic rows and those held out in one coding, in this order.

    Attributes
    ----------
    numbers : ndarray of shape (n_rows, n_numeric)
        What is missing is the column's median.
    codes : ndarray of int of shape (n_rows, n_categorical)
    n_real, n_synthetic : int
    """

    numbers: Floats
    codes: Ints
    n_real: int
    n_synthetic: int

    @property
    def real(self) -> slice:
        return slice(self.n_real)

    @property
    def synthetic(self) -> slice:
        return slice(self.n_real, self.n_real + self.n_synthetic)

    @property
    def held_out(self) -> slice:
        return slice(self.n_real + self.n_synthetic, None)

    @classmethod
    def of(cls, real: Any, synthetic: Any, holdout: Any, kinds: Mapping[str, str] | None) -> "_Table":
        from rarecall.resampling.columns import describe
        from rarecall.resampling.metric import numbers_of

        given = [real, synthetic] if holdout is None else [real, synthetic, holdout]
        frames = [rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(np.asarray(rows)) for rows in given]
        for frame in frames[1:]:
            if list(frame.columns) != list(frames[0].columns):
                raise DataError(
                    f"expected the same columns in real and synthetic rows, got {list(frames[0].columns)} and "
                    f"{list(frame.columns)}; select the features of both"
                )
        n_real, n_synthetic = len(frames[0]), len(frames[1])
        if not n_real or not n_synthetic:
            raise DataError(
                f"expected real and synthetic rows, got {n_real} and {n_synthetic}; attack a class that was augmented"
            )
        named = "auto" if kinds is None else [name for name in frames[0].columns if kinds[name] != "numeric"]
        columns = describe(frames[0], categorical=named, steps=None, bounds=None)
        numbers = np.concatenate([np.asarray(numbers_of(frame, columns), dtype=np.float64) for frame in frames])
        for column in numbers.T:
            missing = np.isnan(column)
            column[missing] = 0.0 if missing.all() else np.median(column[~missing])
        codes = np.empty((len(numbers), len(columns.categorical)), dtype=np.int64)
        for place, at in enumerate(columns.categorical):
            values = np.concatenate([frame.iloc[:, at].astype(object).to_numpy() for frame in frames])
            codes[:, place] = pd.factorize(values, use_na_sentinel=False)[0]
        return cls(numbers, codes, n_real, n_synthetic)

    def part(self, real: Ints, synthetic: Ints) -> "_Table":
        """Return some real and some synthetic rows, these by their number among the synthetic ones."""
        rows = np.concatenate([real, self.n_real + synthetic])
        return _Table(self.numbers[rows], self.codes[rows], len(real), len(synthetic))

    def nearest(self, rows: Ints, among: Ints, k: int) -> Ints:
        """Return the numbers of the rows nearest to each, itself left out, as a sampler sees them."""
        from rarecall.neighbors import FaissNeighbors
        from rarecall.resampling.metric import Mixed, mismatch

        numbers, (codes, levels) = self.numbers[among], _coded(self.codes[among])
        center, spread = np.median(numbers, axis=0), spreads(numbers)
        space = Mixed(numbers, codes, levels, center=center, spread=spread)
        space.mismatch = mismatch((numbers - center) / spread)
        places = np.searchsorted(among, rows)
        return among[FaissNeighbors(n_jobs=1).fit(space).neighbors_of(places, min(k, len(among) - 1))[1]]


@dataclass(frozen=True)
class _Judge:
    """Compares candidates with real rows: numbers in what they may be off, categories to be equal."""

    whole: _Table
    part: _Table
    within: Floats

    @classmethod
    def of(cls, whole: _Table, part: _Table, tolerance: float) -> "_Judge":
        real = whole.numbers[whole.real]
        return cls(whole, part, np.maximum(tolerance * spreads(real), 0.5001 * steps(real)))

    def met(self, made: Candidates, *, apart: float = 3.0) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Tell which of the attacked real rows a candidate meets, and which candidates meet any real row.

        Unequal categories are `apart`, in what a number may be off.
        """
        guess = self._placed(made.numbers, self.part.codes[self.part.n_real + made.witness], apart)
        rows, every = (
            self._placed(table.numbers[table.real], table.codes[table.real], apart) for table in (self.part, self.whole)
        )
        return _within(rows, guess), _within(guess, every)

    def judged(self, name: str, made: Candidates) -> Reconstruction:
        """Return an attacker's success."""
        hit, true = self.met(made)
        alike, real = self.met(made, apart=0.0)
        spare = self._placed(self.whole.numbers[self.whole.held_out], self.whole.codes[self.whole.held_out], 3.0)
        guess = self._placed(made.numbers, self.part.codes[self.part.n_real + made.witness], 3.0)
        return Reconstruction(
            attacker=name,
            candidates=len(true),
            recall=float(hit.mean()),
            precision=float(true.mean()) if len(true) else 0.0,
            recall_interval=wilson(int(hit.sum()), len(hit)),
            precision_interval=wilson(int(true.sum()), len(true)),
            numbers_recall=float(alike.mean()),
            numbers_precision=float(real.mean()) if len(real) else 0.0,
            chance_recall=float(_within(spare, guess).mean()) if len(spare) else None,
        )

    def _placed(self, numbers: Floats, codes: Ints, apart: float) -> Floats:
        return np.column_stack([numbers / self.within, apart * codes])


def _within(rows: Floats, others: Floats) -> NDArray[np.bool_]:
    """Tell which rows have another within 1 in every column."""
    if not len(others):
        return np.zeros(len(rows), dtype=bool)
    distance = cKDTree(others).query(rows, p=np.inf, distance_upper_bound=1.0 + 1e-9)[0]
    return np.asarray(distance <= 1.0)


def _coded(codes: Ints) -> tuple[NDArray[np.int32], list[int]]:
    """Return categories as the metric counts them."""
    from rarecall.resampling.metric import fold

    folded = [fold(np.bincount(column))[column] for column in codes.T]
    levels = [int(column.max(initial=0)) + 1 for column in folded]
    return np.array(folded, dtype=np.int32).T.reshape(codes.shape), levels


def _sample(table: _Table, max_rows: int, random_state: int) -> tuple[Ints, Ints]:
    """Return which real rows are attacked, and with which synthetic rows around them."""
    if table.n_real <= max_rows and table.n_synthetic <= _REACH * max_rows:
        return np.arange(table.n_real), np.arange(table.n_synthetic)
    rng = np.random.default_rng(random_state)
    asked = np.sort(rng.choice(table.n_real, min(max_rows, table.n_real), replace=False))
    numbers = table.numbers / spreads(table.numbers[table.synthetic])
    around = cKDTree(numbers[table.synthetic]).query(numbers[asked], k=min(NEARBY, table.n_synthetic))[1]
    width = around.shape[1]
    while len(used := np.unique(around[:, :width])) > _REACH * max_rows:
        width //= 2
    return asked, used


def _attempts(table: _Table, deadline: Deadline) -> dict[str, Candidates]:
    """Return what each attacker takes for real rows."""
    numbers = table.numbers[table.synthetic]
    rows = np.sort(np.unique(numbers, axis=0, return_index=True)[1])
    made = {"copies": Candidates(numbers[rows], np.arange(len(rows)))}
    if len(rows) < 3:
        made["lines"] = Candidates(numbers[:0], rows[:0])
    else:
        among = table.n_real + rows
        nearby = np.searchsorted(among, table.nearest(among, among, NEARBY))
        for loose in LOOSE:
            name = f"lines within {loose:g}" if loose else "lines"
            made[name] = reconstruct(numbers[rows], nearby, deadline, loose=loose)
        made["modes"] = modes(numbers[rows], nearby)
    return {name: Candidates(one.numbers, rows[one.witness]) for name, one in made.items()}


def _f1(one: Reconstruction) -> float:
    both = one.recall + one.precision
    return 2 * one.recall * one.precision / both if both else 0.0


def _distinguished(table: _Table, random_state: int, deadline: Deadline) -> tuple[float, Interval]:
    """Return the best attacker's area under the curve, synthetic rows being what is looked for."""
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(random_state)
    size = min(table.n_real, table.n_synthetic)
    rows = np.sort(
        np.concatenate(
            [
                rng.choice(table.n_real, min(table.n_real, size), replace=False),
                table.n_real + rng.choice(table.n_synthetic, size, replace=False),
            ]
        )
    )
    everyone = np.arange(len(table.numbers))
    nearby = table.nearest(rows, everyone, NEARBY)
    spread = spreads(table.numbers)
    unit = np.maximum(steps(table.numbers), FINE * spread)
    center = np.median(table.numbers, axis=0)
    said = scores((table.numbers - center) / unit, table.numbers / spread, rows, nearby, deadline)
    truth = rows >= table.n_real
    aucs = {name: float(roc_auc_score(truth, score)) for name, score in said.items()}
    best = max(aucs, key=lambda name: aucs[name])
    return aucs[best], areas(truth, said[best])[1]


def _copied(table: _Table) -> float:
    rows = pd.DataFrame(np.column_stack([table.numbers, table.codes]))
    real = rows.iloc[table.real].drop_duplicates()
    return float(len(rows.iloc[table.synthetic].merge(real, how="inner")) / table.n_synthetic)


def _closest(table: _Table) -> tuple[float, float]:
    scaled = table.numbers / spreads(table.numbers[table.real])
    real = scaled[table.real]
    tree = cKDTree(real)
    among = tree.query(real, k=2)[0][:, 1] if len(real) > 1 else np.array([np.inf])
    return float(np.median(tree.query(scaled[table.synthetic])[0])), float(np.median(among))
