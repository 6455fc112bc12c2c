"""The search for an arm's variant: successive halving (Jamieson and Talwalkar 2016) over the rows that teach.

The resource is rows and not seconds: a faster machine must not find another variant. All of it happens within the first
block, which no comparison is tested on.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

from rarecall.arms import blocks
from rarecall.arms.arm import Arm
from rarecall.arms.blocks import Positions
from rarecall.arms.trial import Bench, scored_if_drawn, thinned
from rarecall.errors import DataError
from rarecall.fits import THREADS, Fits

RUNGS = (4, 2, 1)
"""The share of the rows that teaches on each rung, as a divisor; half of the variants climb to the next."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """The variant that was best on the most rows, and every rung that was climbed.

    Attributes
    ----------
    arm : Arm
    rungs : list of dict
        JSON-ready: `name`, `rows` (that taught) and `auc_pr` of each trial, in the order they were made.
    """

    arm: Arm
    rungs: list[dict[str, Any]]


def search(
    bench: Bench,
    variants: list[Arm],
    inside: Positions,
    *,
    moments: "pd.Series[pd.Timestamp] | None",
    groups: NDArray[np.integer] | None,
    seed: int,
    fits: Fits = THREADS,
) -> Found:
    """Return the best variant of one arm, judged by AUC-PR on the last third of the block.

    Parameters
    ----------
    bench : Bench
    variants : list of Arm
        The first is the project's own, and is kept where the block is too small to tell.
    inside : array of int
        The positions of the first block.
    moments, groups, seed
        As in `blocks.cut`.
    fits : Fits
        Where the trials are made.
    """
    if len(variants) == 1:
        return Found(arm=variants[0], rungs=[])
    y = bench.y
    try:
        block = blocks.cut(
            y[inside],
            n_blocks=3,
            moments=None if moments is None else moments.iloc[inside],
            groups=None if groups is None else groups[inside],
            seed=seed,
        )
    except DataError:
        return Found(arm=variants[0], rungs=[])
    teach, test = inside[block < 2], inside[block == 2]
    left, climbed = variants, []
    for rung in RUNGS:
        some = thinned(teach, y, len(teach) // rung, seed=seed)
        found = fits.each(scored_if_drawn, bench, [bench.trial(arm, some, test, seed=seed) for arm in left])
        scored = [
            (float(average_precision_score(y[test], score)), arm)
            for score, arm in zip(found, left, strict=True)
            if score is not None  # so few positives that a rung's sample cannot be drawn from
        ]
        climbed += [{"name": arm.name, "rows": len(some), "auc_pr": score} for score, arm in scored]
        # sorted is stable: of equals the earlier, which is the project's own or the nearest to it.
        best = [arm for _, arm in sorted(scored, key=lambda pair: -pair[0])]
        left = best[: max(1, -(-len(left) // 2))] or left
    return Found(arm=left[0], rungs=climbed)
