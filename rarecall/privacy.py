"""Privacy of synthetic rows: the attacks are run, for what distances and copies say of them is nothing.

Two attacks (Ganev et al. 2026, "SMOTE and Mirrors", arXiv 2510.15083): real rows are read off the synthetic ones alone
(`rarecall.attacks.reconstruction`), and synthetic rows are told from real ones (`rarecall.attacks.distinguishing`).
The attacker knows the method and how categories were weighed, and no row.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from rarecall.attacks.attacked import AttackedTable, Ints
from rarecall.attacks.distinguishing import scores
from rarecall.attacks.judge import Judge, Reconstruction
from rarecall.attacks.lines import FINE, spreads, steps
from rarecall.attacks.reconstruction import NEARBY, Candidates, modes, reconstruct
from rarecall.deadline import Deadline
from rarecall.intervals import Interval, areas

TOLERANCE = 0.01
"""A real row is reconstructed where every number is met within this share of the column's spread, or half its step."""

LOOSE = (0.0, 0.02, 0.1)
"""How far off their lines the attackers believe the rows to be, as shares of the spread."""

_REACH = 20  # synthetic rows looked at for each real row, at most, where real rows are sampled


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
    table = AttackedTable.of(real, synthetic, holdout, kinds)
    asked, used = _sample(table, max_rows, random_state)
    sampled = table.part(asked, used)
    made = _attempts(sampled, deadline)
    judge = Judge.of(table, sampled, tolerance)
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


def _sample(table: AttackedTable, max_rows: int, random_state: int) -> tuple[Ints, Ints]:
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


def _attempts(table: AttackedTable, deadline: Deadline) -> dict[str, Candidates]:
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


def _distinguished(table: AttackedTable, random_state: int, deadline: Deadline) -> tuple[float, Interval]:
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


def _copied(table: AttackedTable) -> float:
    rows = pd.DataFrame(np.column_stack([table.numbers, table.codes]))
    real = rows.iloc[table.real].drop_duplicates()
    return float(len(rows.iloc[table.synthetic].merge(real, how="inner")) / table.n_synthetic)


def _closest(table: AttackedTable) -> tuple[float, float]:
    scaled = table.numbers / spreads(table.numbers[table.real])
    real = scaled[table.real]
    tree = cKDTree(real)
    among = tree.query(real, k=2)[0][:, 1] if len(real) > 1 else np.array([np.inf])
    return float(np.median(tree.query(scaled[table.synthetic])[0])), float(np.median(among))
