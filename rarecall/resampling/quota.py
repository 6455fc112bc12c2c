"""The quota: how many synthetic rows a table may get, and what was cut to keep it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rarecall.resampling.allocation import allocate


@dataclass(frozen=True)
class Quota:
    """Limits on the synthetic rows of one table.

    Attributes
    ----------
    limits : tuple of int or float
        An integer is a number of rows, a float the share of the resampled table that may be synthetic.
    per_parent : int, optional
        The most rows that one real row may give.
    memory : int, optional
        Bytes that the synthetic rows may take.
    """

    limits: tuple[int | float, ...] = ()
    per_parent: int | None = None
    memory: int | None = None

    @classmethod
    def of(cls, limit: float | Sequence[float] | None, per_parent: int | None, memory: int | None) -> "Quota":
        """Return the quota of an estimator's parameters."""
        limits = () if limit is None else tuple(limit) if isinstance(limit, Sequence) else (limit,)
        return cls(limits, per_parent, memory)

    def cut(self, wanted: Mapping[Any, int], *, n_rows: int, row_bytes: float) -> tuple[dict[Any, int], list[str]]:
        """Return the rows each class may get, cut in proportion, and a sentence on the limit that cut.

        >>> Quota((0.2,)).cut({1: 60, 2: 40}, n_rows=200, row_bytes=8.0)[0]
        {1: 30, 2: 20}
        """
        total = sum(wanted.values())
        limit, reason = min(self._rows(n_rows, row_bytes), default=(total, ""))
        if total <= limit:
            return dict(wanted), []
        shares = allocate(np.array(list(wanted.values()), dtype=np.float64), limit)
        return dict(zip(wanted, shares.tolist(), strict=True)), [f"{total} rows were cut to {limit}: {reason}"]

    def _rows(self, n_rows: int, row_bytes: float) -> list[tuple[int, str]]:
        rows = []
        for limit in self.limits:
            if not isinstance(limit, float):
                rows.append((int(limit), f"max_synthetic is {limit} rows"))
            else:
                # The epsilon keeps 0.2 of 250 from becoming 49 by a rounding of the last bit.
                most = int(limit * n_rows / (1.0 - limit) + 1e-9)
                rows.append((most, f"max_synthetic is {limit:.0%} of the resampled rows"))
        if self.memory is not None:
            rows.append((int(self.memory // max(row_bytes, 1.0)), f"memory_budget is {self.memory} bytes"))
        return rows
