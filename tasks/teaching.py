"""The rows that teach: the real training part after the label verdict, with what each counts and which may seed."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rarecall.project import Project
from rarecall.warehouse import Version


@dataclass(frozen=True, kw_only=True)
class Teaching:
    """Real training rows, and what the label verdict says of each.

    Attributes
    ----------
    rows : DataFrame of shape (n_rows, ...)
        Without the entity's columns; numbered from 0.
    weight : array of float of shape (n_rows,)
        1 for a trusted label, less for a doubted one.
    eligible : array of bool of shape (n_rows,)
        Whose label is trusted enough to be a parent.
    groups : array of int of shape (n_rows,) or None
        The entity of each row, where there is one.
    dropped : int
        Rows that the verdict keeps from teaching.
    """

    rows: pd.DataFrame
    weight: NDArray[np.float64]
    eligible: NDArray[np.bool_]
    groups: NDArray[Any] | None
    dropped: int


def teaching(project: Project, rows: pd.DataFrame, part: "pd.Series[str]", judged: Version) -> Teaching:
    """Return what teaches.

    Parameters
    ----------
    project : Project
    rows : DataFrame of shape (n_rows, ...)
        The training set, real rows of every part.
    part : Series of shape (n_rows,)
    judged : Version
        The label verdict on them.
    """
    inside = (part == "train").to_numpy()
    verdict = screened(project, rows["label"].to_numpy(), inside, judged)
    teaches = (verdict["action"] != "drop").to_numpy()
    real = rows[inside][teaches].reset_index(drop=True)
    return Teaching(
        rows=real.drop(columns=project.entity),
        weight=verdict["weight"].to_numpy()[teaches],
        eligible=(verdict["action"] == "keep").to_numpy()[teaches],
        groups=real.groupby(project.entity, dropna=False).ngroup().to_numpy() if project.entity else None,
        dropped=int((~teaches).sum()),
    )


def screened(project: Project, y: NDArray[Any], inside: NDArray[np.bool_], judged: Version) -> pd.DataFrame:
    """Return the label verdict on the training rows, those that are `inside`, as it holds of them alone."""
    from rarecall.doubt import screening

    verdict = pd.read_parquet(judged.file("labels.parquet"), columns=["score", "action", "weight"])
    return screening.screen(verdict[inside], y[inside], max_dropped=project.labels.max_dropped)
