"""The reference: what the last accepted snapshot was, kept small enough to stand beside its verdict.

A later snapshot is compared with it column by column: what a column holds, how much of it is missing, and how far its
distribution lies from where it lay.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rarecall import cohorts
from rarecall.intake import quarantine, snapshot
from rarecall.project import Project
from rarecall.tables.scan import Scan

ROWS = 100_000
"""Of which distributions are taken; from so many, F lies within 0.0062 of the whole table's with 99.9% confidence
(Dvoretzky, Kiefer and Wolfowitz 1956, Massart's constant 1990)."""

LEVELS = 1000
"""A column with more texts is compared by none of them; a snapshot calls it an id unless it is declared."""

_QUANTILES = 65  # edges of the kept distribution: a continuous column's distance is told to 1/64
_CHANCE = 0.001  # how often a distance between two samples of one table may pass for a drift, a column
_KOLMOGOROV = float(np.sqrt(-np.log(_CHANCE / 2) / 2))  # 1.95, the limit of Kolmogorov's distribution at that level
_BERNSTEIN = float(np.sqrt(-np.log(_CHANCE) / 2))  # 1.86, of McDiarmid's inequality at that level


@dataclass(frozen=True, kw_only=True)
class Column:
    """What a column held.

    Attributes
    ----------
    kind : {"numeric", "categorical"}
    missing : float
        Share of the rows.
    known : int
        Values that the distribution is of.
    edges, below : tuple of float
        Of a numeric column: quantiles in ascending order, and the share of the known values at or below each.
    shares : mapping of str to float, or None
        Of a categorical column: each text's share of the known values; None where there are more than `LEVELS`.
    once : int
        How many texts stood in one row only: with `known` they tell how often the next row brings a new one.
    """

    kind: str
    missing: float
    known: int
    edges: tuple[float, ...] = ()
    below: tuple[float, ...] = ()
    shares: Mapping[str, float] | None = None
    once: int = 0

    @property
    def unseen(self) -> float:
        """The share of the next rows that will hold a text never seen, if nothing changed (Good 1953, Turing)."""
        return self.once / self.known if self.known else 1.0


@dataclass(frozen=True, kw_only=True)
class Reference:
    """What a snapshot was.

    Attributes
    ----------
    rows : int
        Accepted rows.
    labelled, positives : int
        Of them, those whose label can be judged, and those of the rare class among these.
    last : str or None
        The newest moment, in ISO 8601; None for a table without time.
    names : tuple of str
        The source's columns.
    entity_unique : bool
        Whether no entity stood in two rows.
    columns : mapping of str to Column
        The features.
    cohorts : mapping of str to mapping of str to int
        For each cohort column the rows of each value or band.
    """

    rows: int
    labelled: int
    positives: int
    last: str | None
    names: tuple[str, ...]
    entity_unique: bool
    columns: Mapping[str, Column]
    cohorts: Mapping[str, Mapping[str, int]]

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any]) -> "Reference":
        """Read what `as_dict` gave."""
        columns = {
            name: Column(**column | {"edges": tuple(column["edges"]), "below": tuple(column["below"])})
            for name, column in kept["columns"].items()
        }
        before = {"labelled": kept["rows"]}  # of a profile that was kept when every row had a label
        return cls(**{**before, **kept, "columns": columns, "names": tuple(kept["names"])})


def refer(rows: pd.DataFrame | Scan, project: Project, kinds: Mapping[str, str]) -> Reference:
    """Profile a snapshot's accepted rows, for the snapshots after it to be compared with.

    Parameters
    ----------
    rows : DataFrame or Scan of shape (n_rows, n_columns)
        As `rarecall.intake.snapshot.take` gives them, without those that are quarantined.
    project : Project
    kinds : mapping of str to {"numeric", "categorical"}
        The features and their kinds.

    Examples
    --------
    >>> project = Project.model_validate(
    ...     {"name": "p", "source": {"path": "a.csv"}, "label": {"column": "y", "positive": "yes"}})
    >>> rows = pd.DataFrame({"y": ["yes", "no", "no", "no"], "job": ["cook", "cook", None, "nurse"]})
    >>> found = refer(rows.assign(row_id=range(4), event_timestamp=snapshot.UNTIMED), project, {"job": "categorical"})
    >>> found.rows, found.positives, found.columns["job"].missing, found.columns["job"].shares["cook"]
    (4, 1, 0.25, 0.6666666666666666)
    >>> Reference.from_dict(found.as_dict()) == found
    True
    """
    told = rows[snapshot.trusted(rows, project)]
    positive = snapshot.positives(told[project.label.column], project)
    named = cohorts.assign(rows, project.cohorts)
    moment = rows["event_timestamp"].max() if project.timestamp and len(rows) else None
    return Reference(
        rows=len(rows),
        labelled=len(told),
        positives=int(positive.sum()),
        last=None if moment is None or pd.isna(moment) else moment.isoformat(),
        names=tuple(quarantine.source_columns(rows)),
        entity_unique=bool(project.entity) and not rows[list(project.entity)].duplicated().any(),
        columns={name: profiled(rows[name], kind) for name, kind in kinds.items()},
        cohorts={str(name): named[name].value_counts().sort_index().to_dict() for name in named},
    )


def drift(rows: pd.DataFrame | Scan, columns: Mapping[str, Column]) -> dict[str, float]:
    """Return how far each column's distribution lies from the reference's, less what chance gives.

    Parameters
    ----------
    rows : DataFrame or Scan of shape (n_rows, n_columns)
    columns : mapping of str to Column
        Of a reference; a column that is not in the rows, or has no distribution on one side, is left out.

    Returns
    -------
    dict of str to float
        0 to 1. For numbers the Kolmogorov-Smirnov distance less its critical value at 0.1%; for texts the total
        variation less its expectation between two samples of the reference and McDiarmid's bound at 0.1%.

    Notes
    -----
    These two and not the population stability index: both are the share of the rows that would have to hold another
    value, so that one limit means the same in every column; the index has no upper end, and depends on the bins and
    on what is put in place of an empty one.

    Examples
    --------
    >>> before = pd.DataFrame({"sum": np.arange(10_000.0)})
    >>> kept = {"sum": profiled(before["sum"], "numeric")}
    >>> drift(before, kept), drift(before * 100, kept)["sum"] > 0.9
    ({'sum': 0.0}, True)
    """
    sample = _sample(rows)
    found = {}
    for name, column in columns.items():
        if name not in rows or not column.known:
            continue
        known = sample[name].dropna()
        numbers = pd.api.types.is_numeric_dtype(known) and not pd.api.types.is_bool_dtype(known)
        if known.empty or numbers != (column.kind == "numeric"):
            continue
        distance = _kolmogorov(known, column) if numbers else _variation(known, column)
        if distance is not None:
            found[name] = round(max(0.0, min(1.0, distance)), 6)
    return found


def profiled(values: "pd.Series[Any]", kind: str) -> Column:
    """Return what a column holds; `kind` is numeric or categorical."""
    sampled = _sample(values.to_frame())[values.name].dropna()
    about = {"kind": kind, "missing": float(values.isna().mean()) if len(values) else 1.0}
    if kind == "numeric":
        numbers = sampled.to_numpy(dtype=np.float64)
        numbers = numbers[np.isfinite(numbers)]
        if not len(numbers):
            return Column(**about, known=0)
        edges = np.unique(np.quantile(numbers, np.linspace(0, 1, _QUANTILES), method="inverted_cdf"))
        # The ends are the whole column's: a range must hold what was there.
        whole = values.to_numpy(dtype=np.float64, na_value=np.nan)
        whole = whole[np.isfinite(whole)]
        edges = np.unique([whole.min(), *edges, whole.max()])
        below = _below(numbers, edges)
        return Column(
            **about, known=len(numbers), edges=tuple(map(float, edges)), below=tuple(map(float, below.round(9)))
        )
    counts = values.value_counts()
    kept = {str(text): int(n) / int(counts.sum()) for text, n in sorted(counts.items(), key=lambda item: str(item[0]))}
    return Column(
        **about,
        known=int(counts.sum()),
        shares=kept if len(kept) <= LEVELS else None,
        once=int((counts == 1).sum()),
    )


def _sample(rows: pd.DataFrame | Scan) -> pd.DataFrame:
    if len(rows) <= ROWS:
        return rows if isinstance(rows, pd.DataFrame) else rows.head(len(rows))
    return rows.take(np.sort(np.random.default_rng(0).choice(len(rows), ROWS, replace=False)))


def _below(numbers: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share of the numbers at or below each edge."""
    at = np.searchsorted(edges, numbers, side="left")
    return np.cumsum(np.bincount(at, minlength=len(edges) + 1))[: len(edges)] / len(numbers)


def _kolmogorov(known: "pd.Series[Any]", column: Column) -> float | None:
    numbers = known.to_numpy(dtype=np.float64)
    numbers = numbers[np.isfinite(numbers)]
    if not len(numbers):
        return None
    distance = np.abs(_below(numbers, np.array(column.edges)) - np.array(column.below)).max()
    return float(distance - _KOLMOGOROV * np.sqrt(1 / len(numbers) + 1 / column.known))


def _variation(known: "pd.Series[Any]", column: Column) -> float | None:
    if column.shares is None:
        return None
    now = known.astype(str).value_counts(normalize=True)
    before = pd.Series(column.shares, dtype=np.float64)
    both = pd.concat([now, before], axis=1).fillna(0.0).to_numpy()
    share = both[:, 1]
    rows = 1 / len(known) + 1 / column.known
    expected = np.sqrt(2 / np.pi * share * (1 - share) * rows).sum() / 2  # of |difference| when it is normal
    return float(np.abs(both[:, 0] - share).sum() / 2 - expected - _BERNSTEIN * np.sqrt(rows))
