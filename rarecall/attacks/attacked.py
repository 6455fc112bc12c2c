"""The table under attack: real rows, synthetic rows and those held out, in one coding."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rarecall.attacks.lines import spreads
from rarecall.errors import DataError

Floats = NDArray[np.float64]
Ints = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class AttackedTable:
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
        """Where the real rows stand."""
        return slice(self.n_real)

    @property
    def synthetic(self) -> slice:
        """Where the synthetic rows stand."""
        return slice(self.n_real, self.n_real + self.n_synthetic)

    @property
    def held_out(self) -> slice:
        """Where the rows stand that no synthetic row was drawn from."""
        return slice(self.n_real + self.n_synthetic, None)

    @classmethod
    def of(cls, real: Any, synthetic: Any, holdout: Any, kinds: Mapping[str, str] | None) -> Self:
        """Return rows of one kind of columns in one coding; DataError where the columns differ or a side is empty."""
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

    def part(self, real: Ints, synthetic: Ints) -> "AttackedTable":
        """Return some real and some synthetic rows, these by their number among the synthetic ones."""
        rows = np.concatenate([real, self.n_real + synthetic])
        return AttackedTable(self.numbers[rows], self.codes[rows], len(real), len(synthetic))

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


def _coded(codes: Ints) -> tuple[NDArray[np.int32], list[int]]:
    """Return categories as the metric counts them."""
    from rarecall.resampling.metric import fold

    folded = [fold(np.bincount(column))[column] for column in codes.T]
    levels = [int(column.max(initial=0)) + 1 for column in folded]
    return np.array(folded, dtype=np.int32).T.reshape(codes.shape), levels
