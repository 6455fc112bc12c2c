"""Surroundings: among which real rows the synthetic ones stand, and how near, in the space the sampler measured in."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rarecall.intervals import wilson
from rarecall.neighbors import FaissNeighbors
from rarecall.resampling.columns import describe
from rarecall.resampling.metric import Mixed, as_numbers, encode, mismatch, spreads, stride
from rarecall.resampling.plan import Distances
from rarecall.search.blocks import Floats, Ints

K = 5
"""Neighbours that a surrounding is made of, as in the two papers below, whatever the sampler used."""

REAL_ROWS = 50_000
"""Real rows searched at most. Both classes are thinned alike, so the shares stay what they are."""

QUERIES = 1000
"""Rows asked about on each side: a share of them has an interval of at most 0.03 to either side."""

Mask = NDArray[np.bool_]


def survey(
    train: pd.DataFrame,
    holdout: pd.DataFrame,
    kinds: Mapping[str, str],
    *,
    confidence: float = 0.95,
    random_state: int = 0,
) -> dict[str, Any]:
    """Look around synthetic rows, and around real ones for a yardstick.

    A row's surroundings are its K nearest real training rows, of whatever class, itself left out. It lies **outside the
    majority-free region** when most of them are of the majority: what Borderline-SMOTE calls danger or noise (Han, Wang
    & Mao 2005), and "rare" or "outlier" with some of the "borderline" rows of Napierala & Stefanowski (2016, J. Intell.
    Inf. Syst. 46:563). Real rare rows lie there too, so a share says little without that of the real rows beside it.

    Parameters
    ----------
    train : DataFrame of shape (n_rows, ...)
        Real and synthetic training rows, as `rarecall.augmentation.together` marks them.
    holdout : DataFrame of shape (n_holdout, ...)
        Real rows of the rare class that nothing was made of.
    kinds : mapping of str to str
        The features and their kinds.
    confidence : float
        Of the shares' intervals.
    random_state : int
        Of the rows that are asked about, where there are more than `QUERIES`.

    Returns
    -------
    dict
        JSON-ready. `around` {side: {`rows`, `majority_neighbors` (how many of the rows have 0, 1, ... K), `outside`,
        `low`, `high`}} and `nearest` {side: the quartiles of the distance to the nearest other real rare training row},
        for the sides `synthetic`, `real` and `holdout`, None for a side without rows; `to_parent`, the quartiles of the
        distance of synthetic rows to their parents; `searched`, the real rows that were looked among.
    """
    rng = np.random.default_rng(random_state)
    is_made = train["is_synthetic"].to_numpy(dtype=bool)
    is_rare = ~is_made & (train["label"].to_numpy() == 1)
    real, rare = _some(rng, np.flatnonzero(~is_made), REAL_ROWS), np.flatnonzero(is_rare)
    made = _some(rng, np.flatnonzero(is_made), QUERIES)
    of = train["parent_id"].iloc[made]
    traced = of.notna().to_numpy()  # what was generated has no parent
    parents = pd.Index(train["row_id"]).get_indexer(of[traced].astype("int64"))
    kept = _some(rng, np.arange(len(holdout)), QUERIES)
    # Only rows that are looked at are put into the space: of a million that is a twentieth.
    used = np.unique(np.concatenate([real, rare, made, parents]))
    space = _space(train, used, holdout.iloc[kept], kinds, ~is_made, is_rare)
    real, rare, made, parents = (np.searchsorted(used, ids) for ids in (real, rare, made, parents))
    sides = {
        "synthetic": made,
        "real": _some(rng, np.intersect1d(real, rare), QUERIES),
        "holdout": len(used) + np.arange(len(kept)),
    }
    return {
        "around": _around(space, real, ~np.isin(real, rare), sides, confidence),
        "nearest": _nearest(space, rare, sides),
        "to_parent": _to_parent(space, made[traced], parents),
        "k": K,
        "searched": len(real),
    }


def _space(
    train: pd.DataFrame, used: Ints, holdout: pd.DataFrame, kinds: Mapping[str, str], is_real: Mask, is_rare: Mask
) -> Mixed:
    """Return some training rows and then the holdout rows in the sampler's space, scaled by all real training rows."""
    names = list(kinds)
    categorical = [name for name, kind in kinds.items() if kind == "categorical"]
    rows = pd.concat([train.iloc[used][names], holdout[names]], ignore_index=True)
    columns = describe(rows, categorical=categorical, steps=None, bounds=None)
    codes, levels = encode(rows, columns)
    numeric = [names[at] for at in columns.numeric]
    real = np.flatnonzero(is_real)
    center, spread = spreads(as_numbers(train.iloc[real[:: stride(len(real))]][numeric]))
    apart = mismatch((as_numbers(train.loc[is_rare, numeric]) - center) / spread)
    return Mixed(as_numbers(rows[numeric]), codes, levels, center=center, spread=spread, mismatch=apart)


def _some(rng: np.random.Generator, ids: Ints, most: int) -> Ints:
    return ids if len(ids) <= most else np.sort(rng.choice(ids, most, replace=False))


def _around(
    space: Mixed, real: Ints, majority: Mask, sides: Mapping[str, Ints], confidence: float
) -> dict[str, dict[str, Any] | None]:
    found: dict[str, dict[str, Any] | None] = dict.fromkeys(sides)
    if len(real) <= K:
        return found
    search = FaissNeighbors(K).fit(space.part(real))
    for side, rows in sides.items():
        if len(rows):
            ids = _neighbors(search, space, real, rows)[1]
            many = majority[ids].sum(axis=1)
            outside = int((many > K / 2).sum())
            low, high = wilson(outside, len(rows), confidence)
            found[side] = {
                "rows": len(rows),
                "majority_neighbors": np.bincount(many, minlength=K + 1).tolist(),
                "outside": outside / len(rows),
                "low": low,
                "high": high,
            }
    return found


def _nearest(space: Mixed, rare: Ints, sides: Mapping[str, Ints]) -> dict[str, dict[str, float] | None]:
    found: dict[str, dict[str, float] | None] = dict.fromkeys(sides)
    if len(rare) < 2:
        return found
    search = FaissNeighbors(1).fit(space.part(rare))
    return {
        side: _quartiles(_neighbors(search, space, rare, rows)[0][:, 0]) if len(rows) else None
        for side, rows in sides.items()
    }


def _neighbors(search: FaissNeighbors, space: Mixed, fitted: Ints, rows: Ints) -> tuple[Floats, Ints]:
    """Return the neighbours of rows among the fitted ones; a row that was fitted is left out of its own."""
    at = np.minimum(np.searchsorted(fitted, rows), len(fitted) - 1)
    if (fitted[at] == rows).all():
        return search.neighbors_of(at)
    distance, ids = search.kneighbors(space.part(rows))
    return distance, ids


def _to_parent(space: Mixed, made: Ints, parents: Ints) -> dict[str, float] | None:
    if not len(made):
        return None
    apart = space.take(made).astype(np.float64) - space.take(parents)
    # As the search measures: over the numbers that both rows know, scaled up to all columns.
    shared = np.count_nonzero(~np.isnan(apart), axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        squared = np.nansum(apart**2, axis=1) * (apart.shape[1] / shared)
    return _quartiles(np.sqrt(squared[shared > 0]))


def _quartiles(distance: Floats) -> dict[str, float]:
    found = Distances.of(distance)
    return {"lower_quartile": found.lower_quartile, "median": found.median, "upper_quartile": found.upper_quartile}
