"""A snapshot of more rows than memory should hold: what `rarecall.intake.snapshot.take` makes of them, block by block.

Twice through the source: once to settle what a column is, which no block can tell, and once to write.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from rarecall.errors import DataError
from rarecall.intake import feature_kinds, snapshot
from rarecall.intake.feature_kinds import Look
from rarecall.project import Project
from rarecall.resampling.schema import Schema, kinds_of
from rarecall.tables.scan import Writer

_VALUES = 1000  # of the label, among which the nearest to a wrong one is looked for

Blocks = Callable[[], Iterable[pd.DataFrame]]


def take(blocks: Blocks, types: pa.Schema, project: Project, target: Path) -> dict[str, Any]:
    """Write a source's rows as a snapshot and return its facts.

    Parameters
    ----------
    blocks : callable
        Gives the source's rows anew, in their order, at each call.
    types : pyarrow.Schema
        The source's, for what is neither number nor text.
    project : Project
        Without a table of labels.
    target : Path
        The Parquet file to write: the rows that `snapshot.take` returns, a row group a block.

    Returns
    -------
    dict
        As of `snapshot.take`; of a column of very many texts it only says that they are more than a category has.

    Raises
    ------
    DataError
        As of `snapshot.take`.
    """
    survey = _Survey(project)
    for block in blocks():
        survey.take(_plain(block, survey.rows))
    kinds, skipped = survey.settled()
    schema, spans = Schema.of(survey.kinds), list[pd.Timestamp]()
    with Writer(target, _objects(types, kinds)) as writer:
        for block in blocks():
            rows = schema.features(_plain(block, writer.rows))
            moment = _moments(rows, project)
            spans += [moment.min(), moment.max()]
            rows = survey.typed(rows, kinds)
            rows.insert(0, "row_id", np.arange(writer.rows, writer.rows + len(rows), dtype=np.int64))
            rows.insert(1, "event_timestamp", moment)
            writer.write(rows)
    if writer.rows != survey.rows:
        raise DataError(
            f"source.path: it held {survey.rows:,} rows and then {writer.rows:,}; run again when nobody writes to it"
        )
    told = pd.Series(spans).dropna() if project.timestamp else pd.Series(dtype=object)
    return {
        "rows": survey.rows,
        "positives": survey.positives,
        "prevalence": round(survey.positives / survey.labelled, 6),
        "first": told.min().isoformat() if len(told) else None,
        "last": told.max().isoformat() if len(told) else None,
        "columns": len(schema.kinds),
        "features": {name: "numeric" if kind == "numeric" else "categorical" for name, kind in kinds.items()},
        "skipped": skipped,
    }


class _Survey:
    """What the whole table says of its columns, gathered block by block."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self.rows = self.positives = self.labelled = 0
        self.kinds: list[dict[Any, Any]] = []
        self._looks: dict[str, Look] = {}
        self._values: set[str] = set()
        self._fractions: set[str] = set()  # objects that are numbers, not all of them whole
        self._spelled: set[str] = set()  # numbers that are categories, not all of them whole
        self._timed = False
        self._last = pd.DataFrame()

    def take(self, block: pd.DataFrame) -> None:
        project, columns = self._project, [str(name) for name in block.columns]
        if not self.rows:
            snapshot.check_columns(columns, project)
        self.rows, self._last = self.rows + len(block), block
        self.kinds.append(kinds_of(block))
        label = block[project.label.column]
        y = snapshot.positives(label, project)
        self.positives, self.labelled = self.positives + int(y.sum()), self.labelled + int(y.notna().sum())
        if len(self._values) < _VALUES:
            self._values.update(label.dropna().astype(str).unique().tolist())
        self._timed |= project.timestamp is not None and bool(block[project.timestamp].notna().any())
        for name in feature_kinds.candidates(columns, project):
            self._look(block[name])

    def settled(self) -> tuple[dict[str, str], dict[str, str]]:
        """Return the features' kinds and why others are none; DataError where nothing could be learned."""
        project = self._project
        snapshot.check_label(self.positives, self.labelled, pd.Series(sorted(self._values), dtype=object), project)
        if project.timestamp and not self._timed:
            snapshot.moments(self._last, project)  # which says that every value is missing
        return feature_kinds.chosen(list(self.kinds[0]), self._looks.__getitem__, project)

    def typed(self, rows: pd.DataFrame, kinds: dict[str, str]) -> pd.DataFrame:
        """Return a block with each feature held as in the whole table."""
        spelled = {name: "string" for name in self._spelled if pd.api.types.is_float_dtype(rows[name])}
        typed = feature_kinds.typed(rows.astype(spelled), kinds)
        return typed.astype({name: "float64" for name in self._fractions if kinds.get(name) == "numeric"})

    def _look(self, column: pd.Series) -> None:
        name = str(column.name)
        look = self._looks.setdefault(name, Look())
        look.take(column)
        declared = self._project.features.kinds.get(name)
        if column.dtype == object and (declared or look.kind) == "numeric":
            if not pd.api.types.is_integer_dtype(feature_kinds.number_column(column)):
                self._fractions.add(name)
        elif declared and declared != "numeric" and not feature_kinds.are_codes(column):
            self._spelled.add(name)


def _plain(block: pd.DataFrame, start: int) -> pd.DataFrame:
    """Return a block with names that are texts, its rows numbered as in the whole table."""
    return block.set_axis([str(name) for name in block.columns], axis=1).set_axis(
        pd.RangeIndex(start, start + len(block)), axis=0
    )


def _moments(rows: pd.DataFrame, project: Project) -> pd.Series:
    if project.timestamp and rows[project.timestamp].isna().all():
        return pd.Series(pd.NaT, index=rows.index, dtype="datetime64[us, UTC]")
    return snapshot.moments(rows, project, block=" of one block")


def _objects(types: pa.Schema, kinds: dict[str, str]) -> dict[str, pa.DataType]:
    """Return the types of columns that pandas holds as objects, but for texts."""
    texts = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view, pa.types.is_dictionary)
    others = {field.name: field.type for field in types if not any(is_text(field.type) for is_text in texts)}
    return {name: kind for name, kind in others.items() if name not in kinds}
