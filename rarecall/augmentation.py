"""From training rows to training rows with synthetic ones among them: how many, made of whom, traceable to whom."""

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from rarecall.augmentation_facts import facts, notes, nothing
from rarecall.cohorts import spoken
from rarecall.errors import DataError, nearest
from rarecall.resampling.crowd import Crowd
from rarecall.sections import Augmentation
from rarecall.strategies.known import KNOWN, refuse


@dataclass(frozen=True)
class Augmented:
    """Synthetic rows beside their lineage.

    Attributes
    ----------
    rows : DataFrame of shape (n_synthetic, n_columns)
        Like the training rows, with `is_synthetic`, `parent_id`, `neighbor_id` and `step`.
    lineage : pyarrow.Table of n_synthetic rows
        What `rarecall.lineage.rebuild` needs to make them again.
    facts : dict
        Sampler, parameters, counts, neighbour distances, difficulty histogram, notes, examples.
    """

    rows: pd.DataFrame
    lineage: pa.Table | None
    facts: dict[str, Any]


def augment(
    train: pd.DataFrame,
    kinds: Mapping[str, str],
    eligible: np.ndarray[Any, Any],
    augmentation: Augmentation,
    *,
    first_id: int,
    seed: int,
    rules: Mapping[str, str] | None = None,
    inside: np.ndarray[Any, Any] | None = None,
    cache: str | None = None,
) -> Augmented:
    """Make synthetic rows of the rare class up to the configured share of the training rows.

    With `augmentation.target` they are all of one cohort value, and the share is of its rows: parents and neighbours
    are rare rows of it, while how hard a parent is to tell apart is still judged among all rows.

    Parameters
    ----------
    train : DataFrame of shape (n_rows, ...)
        Real training rows with `row_id`, `event_timestamp`, `label` and the features.
    kinds : mapping of str to str
        The features and their kinds.
    eligible : boolean array of shape (n_rows,)
        False for rows whose label is suspect: they are never a parent.
    augmentation : Augmentation
    first_id : int
        The row id of the first synthetic row.
    seed : int
    rules : mapping of str to str, optional
        What every synthetic row must satisfy, by name; see `rarecall.resampling.rules`.
    inside : boolean array of shape (n_rows,), optional
        With a target: which rows are of it.
    cache : str, optional
        The folder in which a generator that was trained is kept.

    Raises
    ------
    DataError
        Fewer eligible rare rows, within the target where there is one, than the neighbours need.
    """
    among = len(train)
    if augmentation.target is not None:
        if inside is None:
            raise DataError("expected which rows are of augmentation.target; hand in inside=")
        among, eligible = int(inside.sum()), eligible & inside
    wanted = count(among, augmentation)
    if augmentation.sampler == "none" or wanted == 0:
        return Augmented(rows=train.head(0), lineage=None, facts=nothing(augmentation))
    refuse(augmentation.sampler, kinds)
    y = train["label"].to_numpy()
    rare = int(y.sum())
    check_usable(rare, int((y.astype(bool) & eligible).sum()), augmentation)
    features = list(kinds)
    sampler = sampler_of(
        kinds,
        augmentation,
        rows=rare + wanted,
        seed=seed,
        steps=whole_steps(train, kinds),
        rules=rules,
        cache=cache,
        **({"bounds": _bounds(train, kinds)} if KNOWN[augmentation.sampler].beyond else {}),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # each is a note of the plan, and so in the facts
        resampled, _ = sampler.fit_resample(train[features], y, ids=train["row_id"].to_numpy(), eligible=eligible)
    drawn = resampled.iloc[len(train) :].reset_index(drop=True)
    lineage: pa.Table = sampler.lineage_
    if not len(lineage):
        why = nothing(augmentation) | {"notes": list(notes(sampler))}
        return Augmented(rows=train.head(0), lineage=None, facts=why)
    rows = placed(drawn, lineage, train, first_id)
    return Augmented(rows=rows, lineage=lineage, facts=facts(sampler, rows, train, augmentation, among))


def check_usable(rare: int, usable: int, augmentation: Augmentation) -> None:
    """Raise DataError unless the usable of the rare rows are enough for the sampler."""
    if KNOWN[augmentation.sampler].neighbors and usable <= augmentation.k:
        raise DataError(
            f"augmentation.k: {augmentation.k} neighbours need more than {augmentation.k} trusted positive training "
            f"rows{_of(augmentation)}, got {usable} of {rare}; lower augmentation.k or set augmentation.sampler: none"
        )
    if not usable:
        raise DataError(
            f"augmentation.sampler: {augmentation.sampler} needs trusted positive training rows{_of(augmentation)}, "
            f"got none of {rare}; set augmentation.sampler: none"
        )


def sampler_of(kinds: Mapping[str, str], augmentation: Augmentation, *, rows: int, seed: int, **known: Any) -> Any:
    """Return the sampler of a project's section, which leaves so many rows of the rare class.

    Parameters
    ----------
    kinds, augmentation
    rows : int
    seed : int
    **known
        What else is known of the table (`steps`, `rules`, `bounds`, `cache`); a sampler takes what it has a name for.

    Raises
    ------
    DataError
        `augmentation.parameters` names what the sampler does not have.
    """
    strategy = KNOWN[augmentation.sampler]
    own = strategy.parameters()
    for name in augmentation.parameters:
        if name not in own:
            raise DataError(
                f"augmentation.parameters.{name}: {augmentation.sampler} has no such parameter{nearest(name, own)}"
            )
    return strategy.sampler(
        {
            "sampling_strategy": {1: rows},
            "n_neighbors": augmentation.k,
            "random_state": seed,
            "categorical_features": [name for name, kind in kinds.items() if kind == "categorical"],
            "scaling": "robust",  # columns are in units of their own, so unscaled distances would be those of one
            "off_segment": augmentation.off_segment,
            "n_mixed": augmentation.n_mixed,
            "max_per_parent": augmentation.max_per_parent,
            **known,
            **augmentation.parameters,
        }
    )


def together(train: pd.DataFrame, synthetic: pd.DataFrame) -> pd.DataFrame:
    """Return real and synthetic training rows as one table, each marked and traceable.

    Parameters
    ----------
    train, synthetic : DataFrame
        Real rows as they were, and `Augmented.rows`.

    Returns
    -------
    DataFrame
        The columns of `train` with `is_synthetic`, `parent_id`, `neighbor_id` and `step` (missing for real rows).
    """
    return marked(pd.concat([train.assign(is_synthetic=False), synthetic], ignore_index=True), list(train.columns))


def marked(rows: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Return rows with these columns and behind them the marks of a synthetic row, missing where it is real."""
    marks = {"is_synthetic": "bool", "parent_id": "Int64", "neighbor_id": "Int64", "step": "float64"}
    return rows.reindex(columns=[*columns, *marks]).astype(marks)


def whole_steps(train: Any, kinds: Mapping[str, str]) -> dict[str, float]:
    """Return a step of 1 for every number that is whole in each real row, however it is stored: counts, codes, sums."""
    numeric = (name for name, kind in kinds.items() if kind == "numeric")
    return {name: 1.0 for name in numeric if (train[name].dropna() % 1 == 0).all()}


def _bounds(train: pd.DataFrame, kinds: Mapping[str, str]) -> dict[str, tuple[float, float]]:
    """Return the least and the greatest real value of each number: no synthetic row is to lie beyond them."""
    known = {name: train[name].dropna() for name, kind in kinds.items() if kind == "numeric"}
    return {name: (float(values.min()), float(values.max())) for name, values in known.items() if len(values)}


def count(real: int, augmentation: Augmentation) -> int:
    """Return how many synthetic rows so many real ones want."""
    # share = synthetic / (real + synthetic); rounded up so that the share is never below what was asked for.
    share = augmentation.synthetic_share
    return math.ceil(round(share / (1.0 - share) * real, 9))


def placed(drawn: pd.DataFrame, lineage: pa.Table, train: pd.DataFrame, first_id: int) -> pd.DataFrame:
    """Return drawn rows with ids, moments and marks; of the real ones only those that they were made of are needed."""
    stamped = train.set_index("row_id")["event_timestamp"].dt.as_unit("us")
    moment = stamped.astype("int64")  # thousands of times cheaper to compare than moments with a zone
    # A synthetic row is as old as the youngest of those it was made of: never visible before any of them.
    if crowd := Crowd.of(lineage):
        visible = np.repeat(moment.loc[list(crowd.ids)].max(), len(drawn))
    else:
        parent, neighbor = (lineage.column(name).to_numpy() for name in ("parent_id", "neighbor_id"))
        visible = np.maximum(moment.loc[parent].to_numpy(), moment.loc[neighbor].to_numpy())
    if "voter_ids" in lineage.column_names:  # who won is for the seed to say; all who voted are a bound
        voters = lineage["voter_ids"].combine_chunks()
        seen = moment.loc[voters.flatten().to_numpy()].to_numpy()
        np.maximum.at(visible, pc.list_parent_indices(voters).to_numpy(), seen)
    placed: dict[str, Any] = {
        "row_id": np.arange(first_id, first_id + len(drawn), dtype=np.int64),
        "event_timestamp": pd.Series(visible).astype(stamped.dtype),
        "label": np.ones(len(drawn), dtype=np.int8),
        "is_synthetic": True,
        **{name: lineage.column(name).to_pandas(integer_object_nulls=True) for name in ("parent_id", "neighbor_id")},
        "step": lineage.column("step").to_numpy(),
    }
    return drawn.assign(**placed)


def _of(augmentation: Augmentation) -> str:
    return f" of {spoken(augmentation.target)}" if augmentation.target else ""
