"""What each scope of the suite is asked of: the rows, the accepted ones, their masks, cohorts and measures."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import pandas as pd

from expectations.bounds import rule_mask, text_mask
from expectations.likeness import likeness
from expectations.reference import Reference, drift
from expectations.suite import MAJORITY, POSITIVE_LABELS, TWO_ROWS, learnable_values
from rarecall import cohorts
from rarecall.errors import DataError, nearest
from rarecall.expressions import columns_of
from rarecall.intake import snapshot
from rarecall.project import Project
from rarecall.resampling.rules import Rules
from rarecall.tables.scan import Scan

_CONTINUED = r"\u0080-\u00bf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u02c6\u02dc\u2013-\u203a\u20ac\u2122"
_GARBLED = rf"\ufffd|[\u00c2-\u00c5\u00e2][{_CONTINUED}]"
"""A replacement character, or the first bytes of a UTF-8 letter that were read as Latin-1 or as Windows-1252."""


class Subjects:
    """The frames that a snapshot's scopes are asked of, each made when its turn comes.

    Parameters
    ----------
    rows : DataFrame or Scan of shape (n_rows, n_columns)
        A snapshot's, on a plain index. Of a scan no more columns are held at once than a question needs.
    project : Project
    kinds : mapping of str to {"numeric", "categorical"}
    reference : Reference, optional
    stale : bool
    """

    def __init__(
        self,
        rows: pd.DataFrame | Scan,
        project: Project,
        kinds: Mapping[str, str],
        reference: Reference | None,
        *,
        stale: bool,
    ) -> None:
        self._rows = rows
        self._project = project
        self._kinds = kinds
        self._reference = reference
        self._stale = stale
        self._kept: pd.DataFrame | Scan | None = None

    def of(self, scope: str, rejected: Collection[int]) -> tuple[pd.DataFrame | Scan, dict[str, Any]]:
        """Return the frame of a scope, and the suite's parameters that it gives.

        Parameters
        ----------
        scope : str
            In the order of `expectations.suite.SCOPES`.
        rejected : collection of int
            The `row_id` of every row that failed an expectation about rows.
        """
        if scope in {"columns", "types", "rows"}:
            return self._rows, {}
        if scope == "masks":
            return self._masks(), {}
        if self._kept is None:  # the rows themselves where none is rejected, for a copy would be another batch
            self._kept = self._rows[~self._rows["row_id"].isin(list(rejected))] if rejected else self._rows
        kept, label = self._kept, self._kept[self._project.label.column]
        positive = snapshot.positives(label, self._project).fillna(value=False).astype(bool)
        if scope == "share":
            return kept, {MAJORITY: (len(self._rows) + 1) // 2}
        if scope == "table":
            two = 2 / max(2, int(label.notna().sum()))  # of those that Great Expectations asks, which are not missing
            return kept, {TWO_ROWS: two, POSITIVE_LABELS: label[positive].unique().tolist()}
        if scope == "measures":
            return self._measures(kept, positive), {}
        values = cohorts.assign(kept, self._project.cohorts)
        return values, {
            learnable_values(number): values.loc[positive, cohort.column].unique().tolist()
            for number, cohort in enumerate(self._project.cohorts)
        }

    def _masks(self) -> pd.DataFrame:
        masks: dict[str, Any] = {"row_id": self._rows["row_id"]}
        for name, rule in self._project.expectations.rules.items():
            masks[rule_mask(name)] = Rules({name: rule.that}).passed(self._rows[list(columns_of(rule.that))])
        for name, kind in self._kinds.items():
            if kind == "categorical":
                masks[text_mask(name)] = _readable(self._rows[name])
        return pd.DataFrame(masks)

    def _measures(self, kept: pd.DataFrame | Scan, positive: "pd.Series[bool]") -> pd.DataFrame:
        newest = kept["event_timestamp"].max() if self._project.timestamp else None
        told = "no moment" if newest is None or pd.isna(newest) else newest.isoformat()
        found: dict[str, Any] = {
            "prevalence": float(positive[snapshot.trusted(kept, self._project)].mean()),
            "stale": f"a table whose newest row is of {told}" if self._stale else "",
            "older": "",
        }
        if self._reference:
            if self._reference.last and (told == "no moment" or newest < pd.Timestamp(self._reference.last)):
                found["older"] = told
            columns = self._reference.columns
            distances = drift(kept, columns)
            looks = likeness(kept, columns, distances)
            for name in columns:
                found[f"distance {name}"] = distances.get(name, 0.0)
                found[f"likeness {name}"] = looks.get(name, "")
        return pd.DataFrame([found])


def check_names(rows: pd.DataFrame | Scan, project: Project) -> None:
    """Raise DataError where the project's expectations name a column that the table has not."""
    # A column that is switched off may be gone: that is how a person lets it go.
    asked = [name for name, bounds in project.expectations.columns.items() if bounds.severity != "off"]
    named: dict[str, Iterable[str]] = {f"expectations.columns.{name}": [name] for name in asked}
    named |= {f"expectations.rules.{name}": columns_of(rule.that) for name, rule in project.expectations.rules.items()}
    columns = [str(name) for name in rows.columns]
    for key, names in named.items():
        for name in names:
            if name not in columns:
                raise DataError(f"{key}: the table has no column {name!r}{nearest(name, columns)}")


def _readable(values: "pd.Series[Any]") -> Any:
    """Return which texts are readable; each is looked at once, however many rows hold it."""
    levels = pd.Series(values.dropna().unique(), dtype="object").astype(str)
    garbled = levels[levels.str.contains(_GARBLED, regex=True)]
    return ~values.isin(garbled.tolist()).to_numpy() if len(garbled) else True
