"""Composition: what a dataset version is made of, counted by class and cohort, and of which types its columns are."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from rarecall.cohorts import in_order


def by_class(rows: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Count the rows of each class, real and synthetic ones apart.

    Parameters
    ----------
    rows : DataFrame of shape (n_rows, n_columns)
        With `label`; without `is_synthetic` every row is real.

    >>> by_class(pd.DataFrame({"label": [0, 1, 1], "is_synthetic": [False, False, True]}))
    {'0': {'real': 1, 'synthetic': 0}, '1': {'real': 1, 'synthetic': 1}}
    """
    return _counted(rows["label"].map(lambda label: str(int(label))), rows)


def by_cohort(rows: pd.DataFrame, segments: pd.DataFrame) -> dict[str, dict[str, dict[str, int]]]:
    """Count the rows of each value of each cohort, real and synthetic ones apart.

    Parameters
    ----------
    rows : DataFrame of shape (n_rows, n_columns)
    segments : DataFrame of shape (n_rows, n_cohorts)
        As `rarecall.cohorts.assign` names them.

    >>> rows = pd.DataFrame({"is_synthetic": [False, False, True]})
    >>> by_cohort(rows, pd.DataFrame({"job": ["nurse", "clerk", "nurse"]}))
    {'job': {'clerk': {'real': 1, 'synthetic': 0}, 'nurse': {'real': 1, 'synthetic': 1}}}
    """
    return {str(name): _counted(segments[name], rows) for name in segments.columns}


def types(schema: pa.Schema) -> list[list[str]]:
    """Return each column's name and Arrow type, in the order of the columns.

    >>> types(pa.schema({"job": pa.string(), "age": pa.int64()}))
    [['job', 'string'], ['age', 'int64']]
    """
    return [[field.name, str(field.type)] for field in schema]


def ordered(counts: Mapping[str, Any], parts: Iterable[str]) -> dict[str, Any]:
    """Return counts by part as a person reads them; a manifest sorts its keys as texts.

    >>> one = {"real": 1, "synthetic": 0}
    >>> counts = {"train": {"by_class": {}, "by_cohort": {"age": {"30-60": one, "<30": one}}}}
    >>> list(ordered(counts, ["train"])["train"]["by_cohort"]["age"])
    ['<30', '30-60']
    """
    return {
        part: {
            "by_class": counts[part]["by_class"],
            "by_cohort": {
                cohort: {value: values[value] for value in in_order(values)}
                for cohort, values in counts[part]["by_cohort"].items()
            },
        }
        for part in parts
    }


def _counted(names: "pd.Series[Any]", rows: pd.DataFrame) -> dict[str, dict[str, int]]:
    made = rows["is_synthetic"].to_numpy(dtype=bool) if "is_synthetic" in rows else np.zeros(len(rows), dtype=bool)
    real, synthetic = (_counts(names[part]) for part in (~made, made))
    names_there = in_order({*real, *synthetic})
    return {name: {"real": real.get(name, 0), "synthetic": synthetic.get(name, 0)} for name in names_there}


def _counts(names: "pd.Series[Any]") -> Mapping[str, int]:
    return {str(name): int(count) for name, count in names.value_counts().items()}
