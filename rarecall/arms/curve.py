"""The cost-quality curve: what each share of synthetic rows brings, and what it costs in rows and bytes."""

from typing import Any

import numpy as np
from sklearn.metrics import average_precision_score

from rarecall import intervals, sli
from rarecall.arms.arm import Arm
from rarecall.arms.blocks import Positions
from rarecall.arms.trial import Bench, Scores, Trial, scored_if_drawn
from rarecall.fits import THREADS, Fits


def curve(
    bench: Bench,
    arm: Arm,
    shares: list[float],
    teach: Positions,
    test: Positions,
    *,
    precision_floor: float,
    confidence: float,
    seed: int,
    fits: Fits = THREADS,
) -> list[dict[str, Any]]:
    """Return quality and cost at each share of synthetic rows, on the last fold.

    Parameters
    ----------
    bench : Bench
    arm : Arm
        Whose learner and neighbours are used; its share is not read.
    shares : list of float
        Of the training rows, ascending, from 0.
    teach, test : arrays of int
    precision_floor, confidence, seed
    fits : Fits
        Where the trials are made.

    Returns
    -------
    list of dict
        JSON-ready: `synthetic_share`, `auc_pr` with `low` and `high`, `recall` (the most at the precision floor, as a
        point of the curve: no threshold is chosen here), `rows` (that teach) and `megabytes` (of their features as
        float64). What took time is told by the stage's seconds, which differ from run to run.
    """
    y, real = bench.y[test], min(len(teach), bench.most_rows)

    def trial(share: float) -> Trial:
        strategy = arm.strategy if share > 0 else "threshold"
        one = Arm(
            strategy=strategy, learner=arm.learner, parameters=arm.parameters, k=arm.k, synthetic_share=share or None
        )
        return bench.trial(one, teach, test, seed=seed)

    def point(share: float, score: Scores) -> dict[str, Any]:
        low, high = intervals.areas(y, score, confidence, seed)[0]
        points = sli.curve(y, score)
        reached = [r for r, p in zip(points["recall"], points["precision"], strict=True) if p >= precision_floor]
        rows = round(real / (1.0 - share))
        return {
            "synthetic_share": share,
            "auc_pr": float(average_precision_score(y, score)),
            "low": low,
            "high": high,
            "recall": max(reached, default=0.0),
            "rows": rows,
            "megabytes": round(rows * len(bench.kinds) * np.dtype(float).itemsize / 1e6, 2),
        }

    found = fits.each(scored_if_drawn, bench, [trial(share) for share in shares])
    return [point(share, score) for share, score in zip(shares, found, strict=True) if score is not None]


def knee(points: list[dict[str, Any]]) -> float | None:
    """Return the least share that is as good as the best within its interval; None where no share beats none.

    It is the one-standard-error rule (Breiman et al. 1984) with an interval in place of the error: beyond it, rows cost
    and bring nothing that can be told from luck.

    >>> low = {"low": 0.48, "high": 0.6}
    >>> knee([{"synthetic_share": s, "auc_pr": a, **low} for s, a in ((0.0, 0.4), (0.1, 0.5), (0.3, 0.52))])
    0.1
    >>> knee([{"synthetic_share": s, "auc_pr": a, **low} for s, a in ((0.0, 0.5), (0.1, 0.52))]) is None
    True
    """
    if not points:
        return None
    best = max(points, key=lambda point: float(point["auc_pr"]))
    least = next(point for point in points if point["auc_pr"] >= best["low"])
    share = float(least["synthetic_share"])
    return share if share > 0 else None
