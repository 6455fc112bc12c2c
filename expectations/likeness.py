"""What became of a column that drifted, where it can be told: another column's values, or another unit.

Both are faults of a delivery and not of the world, so they end the run where a drift of the same size is only reported.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from expectations.reference import Column, drift
from rarecall.tables.scan import Scan

DRIFTED = 0.1  # above chance: below, a column holds what it held
_ALIKE = 0.05  # above chance: the values of another column or unit are found again so far
_FACTOR = 1.5  # a sound column may grow by this much (prices do); kg for lb, the nearest of the usual units, is 0.45


def likeness(
    rows: pd.DataFrame | Scan, columns: Mapping[str, Column], distances: Mapping[str, float]
) -> dict[str, str]:
    """Return what each drifted column looks like, in words; columns that look like nothing known are left out.

    Parameters
    ----------
    rows : DataFrame or Scan of shape (n_rows, n_columns)
    columns : mapping of str to Column
        Of a reference.
    distances : mapping of str to float
        What `expectations.reference.drift` says of the rows.

    Examples
    --------
    >>> from expectations.reference import profiled
    >>> rng = np.random.default_rng(0)
    >>> before = pd.DataFrame({"age": rng.normal(40, 12, 2000), "sum": rng.lognormal(3, 1, 2000)})
    >>> kept = {name: profiled(before[name], "numeric") for name in before}
    >>> now = before.rename(columns={"age": "sum", "sum": "age"})
    >>> likeness(now, kept, drift(now, kept))
    {'age': "what 'sum' held", 'sum': "what 'age' held"}
    >>> now = before.assign(sum=before["sum"] * 0.45)
    >>> likeness(now, kept, drift(now, kept))
    {'sum': 'about 0.45 times what it held'}
    """
    moved = [name for name, distance in distances.items() if distance >= DRIFTED]
    found = {
        name: "numbers"
        for name, column in columns.items()
        if column.kind == "categorical" and name in rows and pd.api.types.is_numeric_dtype(rows[name].dropna())
    }
    for name in moved:
        if other := _place(name, moved, rows, columns, distances):
            found[name] = f"what {other!r} held"
        elif columns[name].kind == "numeric" and (factor := _factor(rows[name], columns[name])):
            found[name] = f"about {factor:.2g} times what it held"
    return found


def _place(
    name: str,
    moved: list[str],
    rows: pd.DataFrame | Scan,
    columns: Mapping[str, Column],
    distances: Mapping[str, float],
) -> str | None:
    """Return the column with which this one changed places."""
    for other in moved:
        if other == name or columns[other].kind != columns[name].kind:
            continue
        crossed = pd.DataFrame({name: rows[other], other: rows[name]})
        across = drift(crossed, {one: columns[one] for one in (name, other)})
        if all(across.get(one, 1.0) <= min(_ALIKE, distances[one] / 2) for one in (name, other)):
            return other
    return None


def _factor(values: "pd.Series[float]", column: Column) -> float | None:
    """Return by what the reference's values were multiplied, if the whole column can be told so."""
    now, before = _scale(values.dropna().to_numpy(dtype=np.float64)), _scale(np.array(column.edges))
    if not now or not before or 1 / _FACTOR < (factor := now / before) < _FACTOR:
        return None
    distance = drift(pd.DataFrame({"column": values / factor}), {"column": column})
    return factor if distance.get("column", 1.0) <= _ALIKE else None


def _scale(values: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]") -> float:
    """Return the median size of the values that are not 0, which is what a unit scales."""
    sizes = np.abs(values[np.isfinite(values) & (values != 0)])
    return float(np.median(sizes)) if len(sizes) else 0.0
