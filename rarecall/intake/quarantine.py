"""The quarantine: rows that failed an expectation, and how those that a person released come into a snapshot again."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rarecall.intake import fingerprint, snapshot
from rarecall.project import Project
from rarecall.sections import RESERVED

BETWEEN = "; "
"""What stands between the names in `failed_expectations`."""

_AT = "\0release"  # a column for the release's number, by a name that no source can hold


@dataclass(frozen=True, kw_only=True)
class Release:
    """One reviewed row of a quarantine, and the expectations it need not hold any more.

    Attributes
    ----------
    snapshot, verdict : str
        The keys of the snapshot that it came in and of the verdict that set it aside.
    row_id : int
        Its place in that snapshot.
    columns : tuple of str
        The source's columns at that time, of which the fingerprint was taken.
    fingerprint : str
        Its name in every later delivery.
    expectations : tuple of str
        As `failed_expectations` names them.
    """

    snapshot: str
    verdict: str
    row_id: int
    columns: tuple[str, ...]
    fingerprint: str
    expectations: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)


def source_columns(rows: pd.DataFrame) -> list[str]:
    """Return the columns of a snapshot or a quarantine that the source delivered.

    >>> source_columns(pd.DataFrame(columns=["row_id", "event_timestamp", "age", "failed_expectations"]))
    ['age']
    """
    return [str(name) for name in rows.columns if name not in RESERVED]


def of_quarantine(rows: pd.DataFrame, exempt: Mapping[int, Sequence[str]], verdict: str) -> list[Release]:
    """Return a release for each chosen row of a quarantine.

    Parameters
    ----------
    rows : DataFrame of shape (n_rows, n_columns)
        A quarantine.
    exempt : mapping of int to sequence of str
        The expectations from which a row is to be exempt, by its `row_id`.
    verdict : str
        The key of the verdict that set the rows aside.
    """
    columns = source_columns(rows)
    names = fingerprint.of_rows(rows, columns)
    return [
        Release(
            snapshot=str(key),
            verdict=verdict,
            row_id=int(row),
            columns=tuple(columns),
            fingerprint=str(name),
            expectations=tuple(exempt[row]),
        )
        for row, key, name in zip(rows["row_id"], rows["snapshot_key"], names, strict=True)
        if row in exempt
    ]


def unlearnable(rows: pd.DataFrame, project: Project, kinds: Mapping[str, str]) -> dict[int, str]:
    """Say which quarantined rows no reviewer can put back as they are, for nothing can be learned from them.

    Parameters
    ----------
    rows : DataFrame of shape (n_rows, n_columns)
        With `row_id` and `event_timestamp`.
    project : Project
    kinds : mapping of str to {"numeric", "categorical"}
        The features and their kinds.

    Returns
    -------
    dict of int to str
        What a row lacks, by its `row_id`; rows that can be put back are not in it.

    Examples
    --------
    >>> project = Project.model_validate(
    ...     {"name": "p", "source": {"path": "a.csv"}, "label": {"column": "y", "positive": "yes"}})
    >>> rows = pd.DataFrame({"y": ["yes", None, "no"], "age": [200.0, 30.0, float("inf")], "row_id": [4, 5, 6]})
    >>> unlearnable(rows.assign(event_timestamp=snapshot.UNTIMED), project, {"age": "numeric"})
    {5: "its label 'y' is missing", 6: "its 'age' is infinite"}
    """
    lacks = [] if project.label.table else [(project.label.column, "label")]  # a table's labels come later
    lacks += [(name, "entity") for name in project.entity]
    told = [(rows[name].isna(), f"its {role} {name!r} is missing") for name, role in lacks]
    told += [(rows["event_timestamp"].isna(), f"its moment {project.timestamp!r} is missing")]
    for name in [name for name, kind in kinds.items() if kind == "numeric" and name in rows.columns]:
        infinite = np.isinf(pd.to_numeric(rows[name], errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan))
        told.append((pd.Series(infinite, index=rows.index), f"its {name!r} is infinite"))
    found: dict[int, str] = {}
    for hit, why in told:
        for row in rows.loc[hit, "row_id"]:
            found.setdefault(int(row), why)
    return dict(sorted(found.items()))


def readmit(
    rows: pd.DataFrame,
    releases: Sequence[Release],
    held: Mapping[str, pd.DataFrame],
    project: Project,
    kinds: Mapping[str, str],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Find the released rows in a snapshot, and bring those that were not delivered again.

    Parameters
    ----------
    rows : DataFrame of shape (n_rows, n_columns)
        A snapshot's own rows, as `rarecall.intake.snapshot.take` gives them.
    releases : sequence of Release
        Oldest first.
    held : mapping of str to DataFrame
        The quarantines, by their verdict's key; those of another home are not there.
    project : Project
    kinds : mapping of str to {"numeric", "categorical"}

    Returns
    -------
    returned : DataFrame
        The rows to add to the snapshot, with `row_id` counting on behind its own.
    outcomes : DataFrame
        What became of every release: `fingerprint`, `snapshot_key` and `quarantined_as` say where it came from,
        `expectations` what the row is exempt from, `row_id` where it stands now (-1: nowhere), and `outcome`:

        delivered : the source delivered these very values again, at each place that is named.
        returned : the source did not, so the row comes from its quarantine.
        superseded : the source delivered other values for the same entity and moment, or a later release did.
        unfit : a column holds numbers or moments by now, and the row's value is none.
        lost : not delivered again, and its quarantine is not in this warehouse.
    """
    merged = _merged(releases)
    places = _places(rows, merged)
    absent = [release for release, found in zip(merged, places, strict=True) if not found]
    keys = fingerprint.key_columns(project, kinds)
    # The moment in place of the column that says it, so that it does not matter how the source writes it.
    keys = ["event_timestamp" if name == project.timestamp else name for name in keys]
    back, fates = _returned(rows, absent, held, keys)
    outcomes = [
        _outcome(release, "delivered", place) for release, found in zip(merged, places, strict=True) for place in found
    ]
    outcomes += [_outcome(release, *fate) for release, fate in zip(absent, fates, strict=True)]
    names = ["row_id", "fingerprint", "expectations", "snapshot_key", "quarantined_as", "outcome"]
    return back, pd.DataFrame(outcomes, columns=names)


def is_released(rows: pd.DataFrame, releases: Sequence[Release]) -> NDArray[np.bool_]:
    """Tell which quarantined rows need not hold any of the expectations they failed.

    Parameters
    ----------
    rows : DataFrame of shape (n_rows, n_columns)
        A quarantine.
    releases : sequence of Release

    Returns
    -------
    ndarray of bool of shape (n_rows,)
    """
    merged = _merged(releases)
    free: dict[int, set[str]] = {}
    for release, places in zip(merged, _places(rows, merged), strict=True):
        for place in places:
            free.setdefault(place, set()).update(release.expectations)
    failed = rows["failed_expectations"].map(lambda names: set(names.split(BETWEEN)))
    return np.array(
        [names <= free.get(row, set()) for row, names in zip(rows["row_id"], failed, strict=True)], dtype=np.bool_
    )


def exemptions(outcomes: pd.DataFrame) -> dict[int, frozenset[str]]:
    """Return from which expectations each released row of a snapshot is exempt, by its `row_id`.

    >>> exemptions(pd.DataFrame({"row_id": [7, -1], "expectations": ["a; b", "a"]}))[7] == {"a", "b"}
    True
    """
    here = outcomes[outcomes["row_id"] >= 0]
    exempt: dict[int, frozenset[str]] = {}
    for row, names in zip(here["row_id"], here["expectations"], strict=True):
        exempt[int(row)] = exempt.get(int(row), frozenset()) | frozenset(names.split(BETWEEN))
    return exempt


def _merged(releases: Sequence[Release]) -> list[Release]:
    """Return one release a row: a row that was released twice is exempt from what either release named."""
    merged: dict[tuple[str, tuple[str, ...]], Release] = {}
    for release in releases:
        name = (release.fingerprint, release.columns)
        before = merged.pop(name, None)
        expectations = dict.fromkeys([*(before.expectations if before else ()), *release.expectations])
        merged[name] = replace(release, expectations=tuple(expectations))
    return list(merged.values())


def _places(rows: pd.DataFrame, releases: Sequence[Release]) -> list[list[int]]:
    """Return for each release the `row_id` of every row with its very values."""
    found: dict[tuple[str, tuple[str, ...]], list[int]] = {}
    for columns in dict.fromkeys(release.columns for release in releases):
        if set(columns) <= set(rows.columns):
            names = fingerprint.of_rows(rows, columns)
            wanted = [release.fingerprint for release in releases if release.columns == columns]
            for place in np.flatnonzero(np.isin(names, wanted)):
                found.setdefault((str(names[place]), columns), []).append(int(rows["row_id"].iloc[place]))
    return [found.get((release.fingerprint, release.columns), []) for release in releases]


def _returned(
    rows: pd.DataFrame, absent: Sequence[Release], held: Mapping[str, pd.DataFrame], keys: Sequence[str]
) -> tuple[pd.DataFrame, list[tuple[str, int]]]:
    """Return the absent rows that can come back, and for each release what became of it and where it stands."""
    fates = [("lost", -1)] * len(absent)
    candidates = []
    for verdict, frame in held.items():
        wanted = pd.DataFrame(
            [(release.row_id, at) for at, release in enumerate(absent) if release.verdict == verdict],
            columns=["row_id", _AT],
        )
        fitted, fits = _fitted(frame.merge(wanted, on="row_id"), rows)
        for at in fitted.loc[~fits, _AT]:
            fates[at] = ("unfit", -1)
        candidates.append(fitted[fits])
    if not candidates:
        return rows.head(0), fates
    back = pd.concat([one for one in candidates if len(one)] or candidates[:1]).sort_values(_AT, ignore_index=True)
    names = pd.Series(fingerprint.of_rows(back, keys))
    # Of two releases about one entity and moment, the later one counts.
    superseded = names.isin(fingerprint.of_rows(rows, keys)) | names.duplicated(keep="last")
    for at in back.loc[superseded, _AT]:
        fates[at] = ("superseded", -1)
    back = back[~superseded].reset_index(drop=True)
    back["row_id"] = np.arange(len(rows), len(rows) + len(back), dtype=np.int64)
    for at, row in zip(back[_AT], back["row_id"], strict=True):
        fates[at] = ("returned", int(row))
    return back.drop(columns=_AT), fates


def _fitted(quarantined: pd.DataFrame, like: pd.DataFrame) -> tuple[pd.DataFrame, "pd.Series[bool]"]:
    """Return quarantined rows as a snapshot's columns hold them, and which of them these columns can hold."""
    fitted = quarantined.reindex(columns=[*like.columns, _AT])
    fits = pd.Series(True, index=fitted.index)
    for name in like.columns:
        values = snapshot.held_as(fitted[name], like[name])
        fits &= values.notna() | fitted[name].isna()
        fitted[name] = values
    return fitted, fits


def _outcome(release: Release, outcome: str, place: int) -> dict[str, Any]:
    return {
        "row_id": place,
        "fingerprint": release.fingerprint,
        "expectations": BETWEEN.join(release.expectations),
        "snapshot_key": release.snapshot,
        "quarantined_as": release.row_id,
        "outcome": outcome,
    }
