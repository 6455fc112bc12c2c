"""Soundness of a dataset version: synthetic rows only teach, each has parents that teach, no row is in two parts."""

import numpy as np
import pandas as pd
import pyarrow.compute as pc
import pyarrow.parquet as pq

from rarecall.kinship import parentage
from rarecall.resampling.crowd import Crowd
from rarecall.warehouse import Version

_KEPT_APART = ("validation", "holdout")
_IDENTITY = ["row_id", "label"]


def faults(dataset: Version) -> list[str]:
    """Return what of the architecture's fourth invariant a dataset version breaks, a sentence each.

    Parameters
    ----------
    dataset : Version
        With `train.parquet`, `validation.parquet` and `holdout.parquet`, and `lineage.parquet` where there are
        synthetic rows.
    """
    train = pd.read_parquet(dataset.file("train.parquet"), columns=[*_IDENTITY, "is_synthetic"])
    apart = {name: pd.read_parquet(dataset.file(f"{name}.parquet")) for name in _KEPT_APART}
    real, made = train[~train["is_synthetic"]], train[train["is_synthetic"]]
    return [*_mixed(real, made, apart), *_orphans(dataset, real, made)]


def _mixed(real: pd.DataFrame, made: pd.DataFrame, apart: dict[str, pd.DataFrame]) -> list[str]:
    """Return which rows stand where they must not."""
    found = []
    for name, rows in apart.items():
        marked = int(rows["is_synthetic"].sum()) if "is_synthetic" in rows else 0
        synthetic = marked + int(rows["row_id"].isin(made["row_id"]).sum())
        if synthetic:
            found.append(f"{name} holds {synthetic:,} synthetic rows")
        if shared := int(rows["row_id"].isin(real["row_id"]).sum()):
            found.append(f"{name} shares {shared:,} rows with the training part")
    if shared := int(apart["validation"]["row_id"].isin(apart["holdout"]["row_id"]).sum()):
        found.append(f"validation and holdout share {shared:,} rows")
    if twice := int(real["row_id"].duplicated().sum() + made["row_id"].duplicated().sum()):
        found.append(f"{twice:,} row ids of the training part stand twice")
    return found


def _orphans(dataset: Version, real: pd.DataFrame, made: pd.DataFrame) -> list[str]:
    """Return which synthetic rows have no parents, or are not what their parents make."""
    if made.empty:
        return []
    if not dataset.file("lineage.parquet").exists():
        return [f"{len(made):,} synthetic rows have no lineage"]
    lineage = pq.read_table(dataset.file("lineage.parquet"))
    if len(lineage) != len(made):
        return [f"{len(made):,} synthetic rows have a lineage of {len(lineage):,}"]
    columns = ("parent_id", "neighbor_id")
    named = np.unique(np.concatenate([pc.unique(lineage[name]).drop_null().to_numpy() for name in columns]))
    if crowd := Crowd.of(lineage):
        named = np.union1d(named, np.asarray(crowd.ids))
    if strange := int((~np.isin(named, real["row_id"].to_numpy())).sum()):
        return [f"{strange:,} parents are no real rows of the training part"]
    rare = real.loc[real["label"] == 1, "row_id"].to_numpy()
    found = []
    if common := int((~np.isin(pc.unique(lineage["parent_id"]).drop_null().to_numpy(), rare)).sum()):
        found.append(f"{common:,} parents are not of the rare class")
    traced = parentage.trace(dataset, made["row_id"].tolist())
    if other := sum(one.is_rebuilt is False for one in traced):
        found.append(f"{other:,} synthetic rows are not what their parents make")
    return found
