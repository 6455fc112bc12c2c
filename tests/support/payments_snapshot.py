"""A small sound snapshot of card payments, its project and its features' kinds, for tests to spoil."""

import numpy as np
import pandas as pd

from rarecall.project import Project

KINDS = {"amount": "numeric", "job": "categorical"}


def project(**sections):
    return Project.model_validate(
        {
            "name": "payments",
            "source": {"path": "payments.csv"},
            "entity": "client",
            "timestamp": "paid_on",
            "label": {"column": "fraud", "positive": "yes"},
            "cohorts": ["region", {"column": "age", "edges": [30, 60]}],
            **sections,
        }
    )


def rows(n=20, **columns):
    """Return a sound snapshot of `n` rows: every fourth is a fraud, in every region and every age band."""
    row = np.arange(n)
    moments = pd.Series(pd.date_range("2026-01-01", periods=n, tz="UTC")).dt.as_unit("us")
    sound = {
        "row_id": row.astype("int64"),
        "event_timestamp": moments,
        "client": row % 7,
        "paid_on": moments.dt.strftime("%Y-%m-%d"),
        "fraud": np.where(row % 4 == 0, "yes", "no"),
        "region": np.where(row % 8 < 4, "north", "south"),
        "age": 20.0 + 25.0 * (row // 4 % 3),
        "amount": row * 1.5,
        "job": np.where(row % 3 == 0, "nurse", "clerk"),
    }
    return pd.DataFrame({**sound, **columns})


def without(column, at):
    """Return the sound values of a column with nulls at some rows."""
    return rows()[column].mask(rows().index.isin(at))
