"""Fidelity: how like the real rare rows the synthetic ones are, each figure beside what real rows do by themselves.

A synthetic row is compared with the real rows of the training part, of which it was made, and with those of the
holdout, which nobody has seen. The distance between these two is the yardstick: closer than that nothing need be.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from rarecall.intake import fingerprint
from rarecall.likeness import association, marginals, surroundings
from rarecall.likeness.detectability import detect

LIMITS = ("detectability", "marginal_distance", "correlation_difference", "outside_share", "distinct_share")
"""The figures that a project may set a limit to, as `rarecall.decision` reads them."""


def measure(
    train: pd.DataFrame,
    holdout: pd.DataFrame,
    kinds: Mapping[str, str],
    *,
    rows: int = 2000,
    folds: int = 5,
    confidence: float = 0.95,
    random_state: int = 0,
) -> dict[str, Any]:
    """Measure the synthetic rows of a dataset version.

    Parameters
    ----------
    train : DataFrame of shape (n_rows, ...)
        Real and synthetic training rows with `row_id`, `label` and the marks of `rarecall.augmentation.together`.
    holdout : DataFrame of shape (n_holdout, ...)
        Real rows that nothing was made of, with `label`.
    kinds : mapping of str to str
        The features and their kinds, `numeric` or `categorical`.
    rows : int
        Rows of each side at most that the classifier and the associations read; larger sets are sampled. Marginals,
        entropies and distinct rows are counted over all.
    folds : int
        Of the classifier test.
    confidence : float
        Of every interval, two-sided.
    random_state : int
        The same seed gives the same figures.

    Returns
    -------
    dict
        JSON-ready: `rows` of the three sides, `marginals` (`rarecall.likeness.marginals.compare`), `associations`
        (`rarecall.likeness.association.difference`, with `drift`, the same between holdout and real), `detectability`
        (`rarecall.likeness.detectability.detect`, with `drift`), `diversity` {`distinct`, `copies`, `parents`},
        `surroundings` (`rarecall.likeness.surroundings.survey`) and `figures` {name: {`value`, `low`, `high`, `rows`}},
        one for each of `LIMITS`. A figure that the rows do not define is None: never 0, never NaN.

    Examples
    --------
    >>> from rarecall.augmentation import augment, together
    >>> from rarecall.sections import Augmentation
    >>> rng = np.random.default_rng(0)
    >>> real = pd.DataFrame({"row_id": range(400), "label": np.repeat([1, 0], [60, 340]), "x": rng.normal(size=400)})
    >>> real["event_timestamp"] = pd.Timestamp("2026-01-01", tz="UTC")
    >>> made = augment(real, {"x": "numeric"}, np.full(400, True), Augmentation(), first_id=400, seed=0)
    >>> found = measure(together(real, made.rows), real, {"x": "numeric"})
    >>> found["rows"], found["figures"]["distinct_share"]["value"]
    ({'real': 60, 'synthetic': 45, 'holdout': 60}, 1.0)
    """
    is_rare, is_made = train["label"].to_numpy() == 1, train["is_synthetic"].to_numpy(dtype=bool)
    sides = {
        "real": train[is_rare & ~is_made],
        "synthetic": train[is_made],
        "holdout": holdout[holdout["label"].to_numpy() == 1],
    }
    rng = np.random.default_rng(random_state)
    some = {side: _some(part, rows, rng) for side, part in sides.items()}
    found: dict[str, Any] = {
        "rows": {side: len(part) for side, part in sides.items()},
        "marginals": marginals.compare(
            sides["real"], sides["synthetic"], sides["holdout"], kinds, confidence=confidence
        ),
        "associations": _associations(some, kinds, confidence),
        "detectability": _detectability(some, kinds, folds, confidence, random_state),
        "diversity": _diversity(sides["real"], sides["synthetic"], kinds),
        "surroundings": surroundings.survey(
            train, sides["holdout"], kinds, confidence=confidence, random_state=random_state
        ),
    }
    return found | {"figures": _figures(found)}


def _some(part: pd.DataFrame, most: int, rng: np.random.Generator) -> pd.DataFrame:
    return part if len(part) <= most else part.iloc[np.sort(rng.choice(len(part), most, replace=False))]


def _associations(some: Mapping[str, pd.DataFrame], kinds: Mapping[str, str], confidence: float) -> dict[str, Any]:
    found = {side: association.matrix(part, kinds) for side, part in some.items()}
    about: dict[str, Any] = {"names": list(kinds), "n_real": len(some["real"]), "confidence": confidence}
    made = association.difference(found["real"], found["synthetic"], **about)
    return made | {
        "drift": association.difference(found["real"], found["holdout"], **about),
        "measure": association.MEASURE,
    }


def _detectability(
    some: Mapping[str, pd.DataFrame], kinds: Mapping[str, str], folds: int, confidence: float, random_state: int
) -> dict[str, Any]:
    about: dict[str, Any] = {"folds": folds, "confidence": confidence, "random_state": random_state}
    real, made = some["real"], some["synthetic"]
    own = made["parent_id"].fillna(made["row_id"]).to_numpy(dtype="int64")  # what was generated has no parent
    parents = np.concatenate([real["row_id"].to_numpy(), own])
    return detect(real, made, kinds, groups=parents, **about) | {"drift": detect(real, some["holdout"], kinds, **about)}


def _diversity(real: pd.DataFrame, made: pd.DataFrame, kinds: Mapping[str, str]) -> dict[str, Any]:
    """Count rows that stand there once, and rows that are a real row again."""
    if made.empty:
        return {"distinct": None, "copies": None, "parents": 0}
    names = fingerprint.of_rows(made, kinds)
    return {
        "distinct": len(np.unique(names)) / len(names),
        "copies": float(np.isin(names, fingerprint.of_rows(real, kinds)).mean()),
        "parents": int(made["parent_id"].nunique()),
    }


def _figures(found: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what a limit may be set to, with the rows that each figure rests on."""
    real, made = found["rows"]["real"], found["rows"]["synthetic"]
    nothing = {"value": None, "low": None, "high": None}
    fewer = min(real, made)
    around = found["surroundings"]["around"]["synthetic"]
    distinct = found["diversity"]["distinct"]
    taken: dict[str, Mapping[str, Any]] = {
        "detectability": found["detectability"],
        "marginal_distance": found["marginals"]["largest"] or nothing,
        "correlation_difference": found["associations"]["largest"] or nothing,
        "outside_share": around | {"value": around["outside"]} if around else nothing,
        "distinct_share": {"value": distinct, "low": None, "high": None},  # counted, not estimated
    }
    return {
        name: {key: figure[key] for key in nothing} | {"rows": min(fewer, figure.get("rows", fewer))}
        for name, figure in taken.items()
    }
