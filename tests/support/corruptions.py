"""What goes wrong with a table on its way here, done on purpose to deliveries of the real tables.

Every corruption works on the delivered text, as a fault of an export or of a transfer does, and says which columns it
touches. How much it changes is drawn from what can be noticed in a delivery of `ROWS` rows at all: a share of the rows
of at least `SHARE`, or a column whose distribution moves by at least `MOVED`. Left out by construction, for no check of
a table can see them: one changed cell; a column whose values are only dealt to other rows; two columns of one
distribution that changed places; a unit that few rows have a value in.
"""

import gzip
import io
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from rarecall.project import Project, load

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("RARECALL_DATA", ROOT.parent / "shared" / "data")).absolute()
TABLES = ("adult", "bank-marketing", "census-income", "credit-default")

ROWS = 3000  # of the reference, and as many others of the delivery
SHARE = 0.10  # of the rows: the least that a distribution over as many rows can be asked to show
NEW = 0.02  # of the rows: a value that never occurred needs no distribution to show
MOVED = 0.15  # of a column's distribution: three times what two sound samples of `ROWS` rows differ by


@dataclass(frozen=True, eq=False, repr=False)
class Table:
    """A real table: its project file, an accepted delivery, and the next one, still sound; all cells as text."""

    project: Project
    reference: pd.DataFrame
    delivery: pd.DataFrame
    numeric: tuple[str, ...]
    categorical: tuple[str, ...]

    def __repr__(self) -> str:
        return self.project.name

    @property
    def features(self) -> tuple[str, ...]:
        return self.numeric + self.categorical


@dataclass(frozen=True, kw_only=True, repr=False)
class Corruption:
    """A corrupted delivery: the file's bytes and ending, and what was done to which columns (none: the whole table)."""

    kind: str
    columns: tuple[str, ...]
    how: str
    content: bytes = field(repr=False)
    ending: str = ".csv"

    def __repr__(self) -> str:
        return f"{self.kind} of {', '.join(self.columns) or 'the table'}: {self.how}"


@cache
def table(name: str) -> Table:
    """Return a real table of `DATA`, by its example's name."""
    project = load(ROOT / "examples" / name, {"RARECALL_DATA": str(DATA)})
    cells = pd.read_csv(str(project.source.path), dtype=str, keep_default_na=False)
    order = np.random.default_rng(0).permutation(len(cells))
    samples = [cells.iloc[np.sort(order[at : at + ROWS])].reset_index(drop=True) for at in (0, ROWS)]
    # The accepted one is the older of the two, as a delivery before is.
    reference, delivery = sorted(samples, key=lambda rows: rows[project.timestamp].max() if project.timestamp else "")
    never = {project.label.column, project.timestamp, *project.entity, *project.features.exclude}
    features = [str(column) for column in cells if column not in never]
    numeric = tuple(column for column in features if _is_numeric(cells[column], project))
    return Table(project, reference, delivery, numeric, tuple(name for name in features if name not in numeric))


def missing(of: Table, column: str, share: float, seed: int) -> Corruption:
    """Empty some cells of a column."""
    return _cells(of, "missing values", column, share, seed, lambda _: "")


def new_category(of: Table, column: str, share: float, seed: int) -> Corruption:
    """Write a value that never occurred into some cells."""
    return _cells(of, "a new category", column, share, seed, lambda _: "Atlantis")


def case(of: Table, column: str, share: float, seed: int) -> Corruption:
    """Write some texts in capitals with a blank behind."""
    return _cells(of, "another spelling", column, share, seed, lambda cell: f"{cell.upper()} " if cell else cell)


def mojibake(of: Table, column: str, share: float, seed: int) -> Corruption:
    """Write some texts as UTF-8 that somebody read as Latin-1 and saved again."""
    return _cells(of, "mojibake", column, share, seed, lambda cell: f"{cell}é".encode().decode("latin-1"))


def placeholder(of: Table, column: str, share: float, seed: int, value: str) -> Corruption:
    """Write a number that means missing, and that nobody declared, into some cells."""
    return _cells(of, "a placeholder", column, share, seed, lambda _: value)


def written_numbers(of: Table, column: str, share: float, seed: int, form: str) -> Corruption:
    """Write some numbers as people do: with a currency, or with the comma of another country."""
    return _cells(of, "written numbers", column, share, seed, lambda cell: form.format(cell) if cell else cell)


def infinite(of: Table, column: str, share: float, seed: int) -> Corruption:
    """Write what a division by zero leaves into some cells."""
    return _cells(of, "infinite numbers", column, share, seed, lambda _: "inf")


def unit(of: Table, column: str, share: float, seed: int, factor: float) -> Corruption:
    """Measure a column in another unit from some row on."""
    return _cells(of, "a shifted unit", column, share, seed, lambda cell: _scaled(cell, factor))


def constant(of: Table, column: str) -> Corruption:
    """Write the most frequent value into every row."""
    most = of.delivery[column].mode()[0]
    return _cells(of, "a constant column", column, 1.0, 0, lambda _: str(most))


def dates(of: Table, form: str) -> Corruption:
    """Write the moments in another form."""
    assert of.project.timestamp
    return _cells(
        of, "another form of date", of.project.timestamp, 1.0, 0, lambda cell: pd.Timestamp(cell).strftime(form)
    )


def swapped(of: Table, one: str, other: str) -> Corruption:
    """Deliver two columns under one another's name."""
    cells = of.delivery.rename(columns={one: other, other: one})
    return Corruption(
        kind="swapped columns", columns=(one, other), how="", content=_csv(cells[list(of.delivery.columns)])
    )


def dropped(of: Table, column: str) -> Corruption:
    """Leave a column out."""
    return Corruption(
        kind="a dropped column", columns=(column,), how="", content=_csv(of.delivery.drop(columns=column))
    )


def renamed(of: Table, column: str) -> Corruption:
    """Call a column otherwise."""
    cells = of.delivery.rename(columns={column: f"{column}_v2"})
    return Corruption(kind="a renamed column", columns=(column,), how="", content=_csv(cells))


def inverted(of: Table, share: float, seed: int) -> Corruption:
    """Take positives for negatives and the other way round."""
    label = of.project.label.column
    one, other = sorted(of.delivery[label].unique())
    return _cells(of, "an inverted label", label, share, seed, lambda cell: other if cell == one else one)


def unlabelled(of: Table, share: float, seed: int) -> Corruption:
    """Deliver rows whose label is not known yet."""
    return _cells(of, "missing labels", of.project.label.column, share, seed, lambda _: "")


def cut_gzip(of: Table, share: float) -> Corruption:
    """Break off the transfer of a compressed file."""
    whole = gzip.compress(_csv(of.delivery), mtime=0)
    part = whole[: int(len(whole) * share)]
    return Corruption(kind="a cut CSV.gz", columns=(), how=f"{share:.0%} of it", content=part, ending=".csv.gz")


def cut_csv(of: Table, share: float) -> Corruption:
    """Break off the transfer of a file, in the middle of whatever stands there."""
    whole = _csv(of.delivery)
    return Corruption(kind="a cut CSV", columns=(), how=f"{share:.0%} of it", content=whole[: int(len(whole) * share)])


def first_rows(of: Table, share: float) -> Corruption:
    """Deliver a whole file of the first rows only."""
    cells = of.delivery.head(int(len(of.delivery) * share))
    return Corruption(kind="first rows only", columns=(), how=f"{share:.0%} of them", content=_csv(cells))


def latin1(of: Table, column: str, rows: int, seed: int) -> Corruption:
    """Append a Latin-1 letter to some cells of a UTF-8 file: merged from two systems."""
    mark = "\N{LATIN SMALL LETTER THORN}"  # a letter of both encodings that no table here holds
    cells = _cells(of, "mixed encodings", column, rows / len(of.delivery), seed, lambda cell: f"{cell}{mark}")
    content = cells.content.replace(mark.encode(), mark.encode("latin-1"))
    return Corruption(kind=cells.kind, columns=(), how=f"{rows} cells of {column}", content=content)


def shifted_cells(of: Table, column: str, share: float, seed: int) -> Corruption:
    """Lose a delimiter's cell in some rows: what follows moves one column to the left."""
    cells = of.delivery.copy()
    at = cells.columns.get_loc(column)
    hit = _hit(len(cells), share, seed)
    moved = cells.iloc[hit, at:].shift(-1, axis=1, fill_value="")
    cells.iloc[hit, at:] = moved.to_numpy()
    columns = tuple(str(name) for name in cells.columns[at:])
    return Corruption(
        kind="shifted cells", columns=columns, how=f"from {column} in {share:.0%} of the rows", content=_csv(cells)
    )


def repeated(of: Table, share: float, seed: int) -> Corruption:
    """Deliver some rows twice."""
    cells = pd.concat([of.delivery, of.delivery.iloc[_hit(len(of.delivery), share, seed)]])
    return Corruption(kind="repeated rows", columns=(), how=f"{share:.0%} of them", content=_csv(cells))


def sound(of: Table) -> Corruption:
    """Deliver the table as it is."""
    return Corruption(kind="nothing", columns=(), how="", content=_csv(of.delivery))


def accepted(of: Table) -> Corruption:
    """Deliver what was accepted before."""
    return Corruption(kind="nothing", columns=(), how="", content=_csv(of.reference))


@st.composite
def corruptions(draw: DrawFn) -> tuple[Table, Corruption]:
    """Draw a table and a corruption of it that a delivery of `ROWS` rows can show."""
    of = table(draw(st.sampled_from(TABLES)))
    kinds = _drawn(of)
    return of, draw(kinds[draw(st.sampled_from(sorted(kinds)))])


@cache
def _drawn(of: Table) -> dict[str, SearchStrategy[Corruption]]:
    """Return what each kind that the table can suffer is drawn from."""
    seeds, part, most, it = st.integers(0, 999), st.floats(SHARE, 1.0), st.floats(0.5, 1.0), st.just(of)
    drawn = {
        "missing": st.builds(missing, it, _one(_known(of)), st.floats(0.3, 1.0), seeds),
        "new_category": st.builds(new_category, it, _one(of.categorical), st.floats(NEW, 1.0), seeds),
        "placeholder": st.builds(placeholder, it, _one(of.numeric), part, seeds, _one(("-99999", "9999999"))),
        "written_numbers": st.builds(
            written_numbers, it, _one(of.numeric), part, seeds, _one(("${}", "{} EUR", "{},5"))
        ),
        "infinite": st.builds(infinite, it, _one(of.numeric), st.floats(0.001, 1.0), seeds),
        "unit": _one(_units(of)).flatmap(
            lambda pair: st.builds(unit, it, st.just(pair[0]), most, seeds, st.just(pair[1]))
        ),
        "constant": st.builds(constant, it, _one(_varied(of))),
        "swapped": _one(_pairs(of)).map(lambda pair: swapped(of, *pair)),
        "dropped": st.builds(dropped, it, _one(of.features)),
        "renamed": st.builds(renamed, it, _one(of.features)),
        "inverted": st.builds(inverted, it, most, seeds),
        "unlabelled": st.builds(unlabelled, it, st.floats(0.01, 1.0), seeds),
        "cut_gzip": st.builds(cut_gzip, it, st.floats(0.0, 0.99)),
        "cut_csv": st.builds(cut_csv, it, st.floats(0.0, 0.5)),
        "first_rows": st.builds(first_rows, it, st.floats(0.0, 0.4)),
        "shifted_cells": st.builds(shifted_cells, it, _one(of.features[:5]), part, seeds),
        "repeated": st.builds(repeated, it, st.floats(0.001, 1.0), seeds),
    }
    if texts := _texts(of):
        drawn["case"] = st.builds(case, it, _one(texts), part, seeds)
        drawn["mojibake"] = st.builds(mojibake, it, _one(texts), part, seeds)
        drawn["latin1"] = st.builds(latin1, it, _one(texts), st.integers(1, 500), seeds)
    if of.project.timestamp:
        drawn["dates"] = st.builds(dates, it, _one(("%d/%m/%Y", "%Y%m%d", "%d.%m.%y")))
    return drawn


def _one(values: Any) -> SearchStrategy[Any]:
    return st.sampled_from(list(values))


@cache
def _known(of: Table) -> list[str]:
    """Return features and roles of which at least half of the values are known."""
    markers = ["", *of.project.missing.markers]
    names = [*of.features, of.project.label.column, *of.project.entity]
    return [name for name in names if (~of.delivery[name].isin(markers)).mean() >= 0.5]


@cache
def _texts(of: Table) -> list[str]:
    """Return features whose values are texts with letters, most of them known."""
    known = set(_known(of))
    return [name for name in of.categorical if name in known and of.delivery[name].str.contains("[a-z]").mean() >= 0.5]


@cache
def _varied(of: Table) -> list[str]:
    """Return features of which no value makes up nearly all rows."""
    return [name for name in of.features if of.delivery[name].value_counts(normalize=True).iloc[0] <= 1.0 - MOVED]


@cache
def _units(of: Table) -> list[tuple[str, float]]:
    """Return numeric features with factors that move at least twice `MOVED` of them, so that half of the rows show."""
    factors = (1000.0, 100.0, 12.0, 2.54, 0.4536, 0.1, 0.01)
    return [
        (name, factor)
        for name in of.numeric
        for factor in factors
        if _distance(before := _numbers(of.delivery[name]), before * factor) >= 2 * MOVED
    ]


@cache
def _pairs(of: Table) -> list[tuple[str, str]]:
    """Return pairs of features that do not hold the same distribution."""
    return [
        (one, other)
        for one, other in combinations(of.features, 2)
        if _variation(_known_texts(of, one), _known_texts(of, other)) >= MOVED
        and not (
            {one, other} <= set(of.numeric)
            and _distance(*(_numbers(of.delivery[name]) for name in (one, other))) < MOVED
        )
    ]


def _known_texts(of: Table, column: str) -> pd.Series:
    """Return a column's texts, all that mean missing as one."""
    return of.delivery[column].where(~of.delivery[column].isin(of.project.missing.markers), "")


def _distance(one: pd.Series, other: pd.Series) -> float:
    """Return the Kolmogorov-Smirnov distance between two columns' known numbers."""
    a, b = np.sort(one.dropna()), np.sort(other.dropna())
    at = np.concatenate([a, b])
    gap = np.searchsorted(a, at, side="right") / len(a) - np.searchsorted(b, at, side="right") / len(b)
    return float(np.abs(gap).max())


def _variation(one: pd.Series, other: pd.Series) -> float:
    """Return the total variation between two columns' texts."""
    shares = pd.concat([one.value_counts(normalize=True), other.value_counts(normalize=True)], axis=1).fillna(0.0)
    return float((shares.iloc[:, 0] - shares.iloc[:, 1]).abs().sum() / 2)


def _is_numeric(column: pd.Series, project: Project) -> bool:
    """Return whether every known cell is a number, and the project does not call the column a category."""
    known = column[~column.isin(["", *project.missing.markers])]
    declared = project.features.kinds.get(str(column.name), "numeric")
    return declared == "numeric" and bool(pd.to_numeric(known, errors="coerce").notna().all())


def _numbers(column: pd.Series) -> pd.Series:
    return pd.to_numeric(column, errors="coerce")


def _scaled(cell: str, factor: float) -> str:
    try:
        return f"{float(cell) * factor:g}"
    except ValueError:
        return cell  # a marker has no unit


def _hit(n: int, share: float, seed: int) -> np.ndarray:
    return np.sort(np.random.default_rng(seed).choice(n, size=max(1, round(n * share)), replace=False))


def _cells(of: Table, kind: str, column: str, share: float, seed: int, change: Callable[[str], str]) -> Corruption:
    cells = of.delivery.copy()
    hit = _hit(len(cells), share, seed)
    values = cells[column].to_numpy(dtype=object, copy=True)
    values[hit] = [change(cell) for cell in values[hit]]
    cells[column] = values
    example = next(iter(dict.fromkeys(values[hit])))
    return Corruption(kind=kind, columns=(column,), how=f"{example!r} in {share:.1%} of the rows", content=_csv(cells))


def _csv(cells: pd.DataFrame) -> bytes:
    text = io.StringIO()
    cells.to_csv(text, index=False)
    return text.getvalue().encode()
