"""One cell of a comparison: what a strategy comes to on one fold, and what it costs in likeness and privacy."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import entropy
from sklearn.metrics import average_precision_score, roc_auc_score

from rarecall import calibration, privacy, reliability, training
from rarecall.arms.ablation import flagged, halves
from rarecall.arms.arm import Arm
from rarecall.arms.blocks import Positions
from rarecall.arms.trial import Bench
from rarecall.learners.known import KNOWN as LEARNERS
from rarecall.strategies.known import KNOWN

ATTACKED = 200
"""Real rows that are attacked; their share has an interval of 0.07 to either side."""

SECONDS = 30.0
"""After which an attack stops where it is."""


def arm_of(name: str, bench: Bench) -> Arm:
    """Return the arm that a name stands for: of the project's learner, unless the name is a learner's own.

    Where the learner takes no focal loss, LightGBM does.
    """
    known, learner = KNOWN[name], bench.training.learner
    if known.kind == "ensemble":
        return Arm(strategy="threshold", learner=name)
    if name == "focal_loss" and not LEARNERS[learner].focal:
        return Arm(strategy=name, learner="lightgbm")
    return Arm(
        strategy=name,
        learner=learner,
        parameters=bench.training.parameters,
        k=bench.augmentation.k,
        synthetic_share=bench.augmentation.synthetic_share,
    )


def cell(bench: Bench, name: str, teach: Positions, test: Positions, *, floor: float, seed: int) -> dict[str, Any]:
    """Return the figures of one strategy on one fold.

    Parameters
    ----------
    bench : Bench
    name : str
        Of a strategy.
    teach, test : arrays of int
    floor : float
        The precision at which recall is told.
    seed : int

    Returns
    -------
    dict
        JSON-ready. `auc_pr`, `auc_roc`; `recall` and `precision` by a threshold that one half of the test rows chose
        and the other is read at; `ece`, after calibration on the other half; `distinct`, the share of different scores
        among the test rows; `entropy`, the Shannon entropy of each category among the rare rows that teach, as a share
        of that among those that test, the mean over the categories (None where there is none); `risk`, the share of
        the real rare rows that an attack on the synthetic ones rebuilds, or where it is larger the share of the
        synthetic rows that equal a real one (None where there are none); `rows` that taught;
        `synthetic` ones among them; `learner`.

    Raises
    ------
    DataError
        The table is not one for the strategy, or too small.
    """
    arm = arm_of(name, bench)
    fitted = bench.fitted(arm, teach, seed=seed)
    y, score = bench.y[test], training.score(fitted.pipeline, bench.of(test))
    hit, made = flagged(y, score, floor, seed), fitted.rows["is_synthetic"].to_numpy(dtype=bool)
    rare = fitted.rows["label"].to_numpy() == 1
    return {
        "auc_pr": float(average_precision_score(y, score)),
        "auc_roc": float(roc_auc_score(y, score)),
        "recall": float(hit[y == 1].mean()),
        "precision": float(y[hit].mean()) if hit.any() else None,
        "ece": _calibration_error(y, score, seed),
        "distinct": len(np.unique(score)) / len(score),
        "entropy": _recovered(fitted.rows[rare], bench.rows.iloc[test[y == 1]], bench),
        "risk": _risk(fitted.rows[rare & ~made], fitted.rows[made], bench, seed),
        "rows": fitted.taught,
        "synthetic": int(made.sum()),
        "learner": arm.learner,
    }


def _calibration_error(y: NDArray[np.integer], score: NDArray[np.float64], seed: int) -> float | None:
    probability = np.empty(len(y))
    for mine in halves(y, seed):
        probability[mine] = calibration.fit(y[~mine], score[~mine]).apply(score[mine])
    error: float | None = reliability.measure(y, probability)["ece"]
    return error


def _recovered(taught: pd.DataFrame, tested: pd.DataFrame, bench: Bench) -> float | None:
    shares = []
    for name, kind in bench.kinds.items():
        if kind == "categorical" and (there := _entropy(tested[name])) > 0:
            shares.append(_entropy(taught[name]) / there)
    return float(np.mean(shares)) if shares else None


def _entropy(values: "pd.Series[Any]") -> float:
    return float(entropy(values.value_counts(dropna=False).to_numpy()))


def _risk(real: pd.DataFrame, made: pd.DataFrame, bench: Bench, seed: int) -> float | None:
    if made.empty:
        return None
    features = list(bench.kinds)
    found = privacy.attack(
        real[features],
        made[features],
        random_state=seed,
        kinds=bench.kinds,
        max_rows=ATTACKED,
        time_limit=SECONDS,
    )
    # The attack leaves out who takes every row for a real one, and of copies that is all that there is to know.
    return float(max(found.reconstruction_recall, found.copied))
