"""Synthetic rows of a training part of more rows than memory should hold: what `rarecall.augmentation` makes of it.

The neighbours are exact, so the rows are those of `ADASYN(mode="exact")` on the same rows in memory.
"""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rarecall import augmentation as held
from rarecall import augmentation_facts as told
from rarecall.augmentation import Augmented
from rarecall.resampling.adasyn_dask import adasyn_dask
from rarecall.resampling.adasyn_parquet import adasyn_parquet
from rarecall.sections import Augmentation
from rarecall.tables.scan import Scan

ELIGIBLE = "is_eligible"
"""The column that says which rows may be a parent."""


def augment(
    train: Path,
    kinds: Mapping[str, str],
    augmentation: Augmentation,
    *,
    among: int,
    first_id: int,
    seed: int,
    rules: Mapping[str, str] | None = None,
    on_dask: bool = False,
) -> Augmented:
    """Make synthetic rows of a Parquet file of real training rows.

    Parameters
    ----------
    train : Path
        With `row_id`, `event_timestamp`, `label`, the features and `is_eligible`: false for rows whose label is
        suspect, or which are not of the target.
    kinds : mapping of str to str
        The features and their kinds.
    augmentation : Augmentation
    among : int
        Rows of the target, or all.
    first_id, seed, rules
        As of `rarecall.augmentation.augment`.
    on_dask : bool
        Whether the neighbours are looked for, and rows drawn, by the workers of Dask's current client. They read the
        file where this process does.

    Raises
    ------
    DataError
        Fewer eligible rare rows than the neighbours need.
    """
    rows, wanted = Scan(train), held.count(among, augmentation)
    y, eligible = rows["label"].to_numpy() == 1, rows[ELIGIBLE].to_numpy()
    if augmentation.sampler == "none" or wanted == 0:
        return Augmented(rows=rows.head(0), lineage=None, facts=told.nothing(augmentation))
    held.check_usable(int(y.sum()), int((y & eligible).sum()), augmentation)
    sampler = held.sampler_of(
        kinds,
        augmentation,
        rows=int(y.sum()) + wanted,
        steps=held.whole_steps(rows, kinds),
        seed=seed,
        rules=rules,
    )
    named: dict[str, Any] = {"ids": "row_id", "eligible": ELIGIBLE, "features": list(kinds)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # each is a note of the plan, and so in the facts
        if on_dask:
            scaled = adasyn_dask(train, "label", sampler=sampler, **named)
            drawn, lineage = scaled.compute()
            plan = scaled.plan
        else:
            streamed = adasyn_parquet(train, "label", sampler=sampler, **named)
            drawn, lineage = streamed.compute()
            plan = streamed.plan
    sampler.plan_, sampler.neighbor_recall_ = plan, plan.neighbor_recall
    sampler.feature_names_in_ = np.asarray(list(kinds), dtype=object)
    parents = pd.concat([block[block["label"] == 1] for block in rows.blocks()], ignore_index=True)
    made = held.placed(drawn[list(kinds)], lineage, parents, first_id)
    facts = told.facts(sampler, made, parents, augmentation, among)
    return Augmented(rows=made, lineage=lineage, facts=facts | {"synthetic_share": len(made) / (len(made) + len(rows))})
