"""The judge of an attack: which candidates are real rows, and which real rows are among them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from rarecall.attacks.attacked import AttackedTable, Floats, Ints
from rarecall.attacks.lines import spreads, steps
from rarecall.attacks.reconstruction import Candidates
from rarecall.intervals import Interval, wilson


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
class Judge:
    """Compares candidates with real rows: numbers in what they may be off, categories to be equal."""

    whole: AttackedTable
    part: AttackedTable
    within: Floats

    @classmethod
    def of(cls, whole: AttackedTable, part: AttackedTable, tolerance: float) -> "Judge":
        """Return the judge who has all real rows before them, and asks about a part of them."""
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
