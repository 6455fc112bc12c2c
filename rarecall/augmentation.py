"""From training rows to training rows with synthetic ones among them: how many, made of whom, traceable to whom."""

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from rarecall.cohorts import spoken
from rarecall.errors import DataError, nearest
from rarecall.resampling.crowd import Crowd
from rarecall.sections import Augmentation
from rarecall.strategies.known import KNOWN, refuse

_SHOWN = 3  # examples in the report


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
    wanted = _count(among, augmentation)
    if augmentation.sampler == "none" or wanted == 0:
        return Augmented(rows=train.head(0), lineage=None, facts=_nothing(augmentation))
    refuse(augmentation.sampler, kinds)
    strategy = KNOWN[augmentation.sampler]
    y = train["label"].to_numpy()
    rare, usable = int(y.sum()), int((y.astype(bool) & eligible).sum())
    if strategy.neighbors and usable <= augmentation.k:
        raise DataError(
            f"augmentation.k: {augmentation.k} neighbours need more than {augmentation.k} trusted positive training "
            f"rows{_of(augmentation)}, got {usable} of {rare}; lower augmentation.k or set augmentation.sampler: none"
        )
    if not usable:
        raise DataError(
            f"augmentation.sampler: {augmentation.sampler} needs trusted positive training rows{_of(augmentation)}, "
            f"got none of {rare}; set augmentation.sampler: none"
        )
    features, own = list(kinds), strategy.parameters()
    for name in augmentation.parameters:
        if name not in own:
            raise DataError(
                f"augmentation.parameters.{name}: {augmentation.sampler} has no such parameter{nearest(name, own)}"
            )
    sampler = strategy.sampler(
        {
            "sampling_strategy": {1: rare + wanted},
            "n_neighbors": augmentation.k,
            "random_state": seed,
            "categorical_features": [name for name, kind in kinds.items() if kind == "categorical"],
            "steps": _steps(train, kinds),
            "scaling": "robust",  # columns are in units of their own, so unscaled distances would be those of one
            "off_segment": augmentation.off_segment,
            "n_mixed": augmentation.n_mixed,
            "max_per_parent": augmentation.max_per_parent,
            "rules": rules,
            "cache": cache,
            **({"bounds": _bounds(train, kinds)} if strategy.beyond else {}),
            **augmentation.parameters,
        }
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # each is a note of the plan, and so in the facts
        resampled, _ = sampler.fit_resample(train[features], y, ids=train["row_id"].to_numpy(), eligible=eligible)
    drawn = resampled.iloc[len(train) :].reset_index(drop=True)
    lineage: pa.Table = sampler.lineage_
    if not len(lineage):
        return Augmented(
            rows=train.head(0), lineage=None, facts=_nothing(augmentation) | {"notes": list(_notes(sampler))}
        )
    rows = _placed(drawn, lineage, train, first_id)
    return Augmented(rows=rows, lineage=lineage, facts=_facts(sampler, rows, train, augmentation, among))


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
    whole = pd.concat([train.assign(is_synthetic=False), synthetic], ignore_index=True)
    marks = {"is_synthetic": "bool", "parent_id": "Int64", "neighbor_id": "Int64", "step": "float64"}
    return whole.reindex(columns=[*train.columns, *marks]).astype(marks)


def _steps(train: pd.DataFrame, kinds: Mapping[str, str]) -> dict[str, float]:
    """Return a step of 1 for every number that is whole in each real row, however it is stored: counts, codes, sums."""
    numeric = (name for name, kind in kinds.items() if kind == "numeric")
    return {name: 1.0 for name in numeric if (train[name].dropna() % 1 == 0).all()}


def _bounds(train: pd.DataFrame, kinds: Mapping[str, str]) -> dict[str, tuple[float, float]]:
    """Return the least and the greatest real value of each number: no synthetic row is to lie beyond them."""
    known = {name: train[name].dropna() for name, kind in kinds.items() if kind == "numeric"}
    return {name: (float(values.min()), float(values.max())) for name, values in known.items() if len(values)}


def _count(real: int, augmentation: Augmentation) -> int:
    # share = synthetic / (real + synthetic); rounded up so that the share is never below what was asked for.
    share = augmentation.synthetic_share
    return math.ceil(round(share / (1.0 - share) * real, 9))


def _placed(drawn: pd.DataFrame, lineage: pa.Table, train: pd.DataFrame, first_id: int) -> pd.DataFrame:
    moment = train.set_index("row_id")["event_timestamp"]
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
        "event_timestamp": pd.Series(visible).dt.as_unit("us"),
        "label": np.ones(len(drawn), dtype=np.int8),
        "is_synthetic": True,
        **{name: lineage.column(name).to_pandas(integer_object_nulls=True) for name in ("parent_id", "neighbor_id")},
        "step": lineage.column("step").to_numpy(),
    }
    return drawn.assign(**placed)


def _of(augmentation: Augmentation) -> str:
    return f" of {spoken(augmentation.target)}" if augmentation.target else ""


def _facts(
    sampler: Any, rows: pd.DataFrame, train: pd.DataFrame, augmentation: Augmentation, among: int
) -> dict[str, Any]:
    strategy = KNOWN[augmentation.sampler]
    taken = sampler.get_params()
    return {
        "sampler": augmentation.sampler,
        "parameters": {
            **({"k": augmentation.k} if strategy.neighbors else {}),
            "synthetic_share": augmentation.synthetic_share,
            **_way(sampler, taken),
            **({"max_per_parent": augmentation.max_per_parent} if "max_per_parent" in taken else {}),
            **({"target": spoken(augmentation.target)} if augmentation.target else {}),
            **augmentation.parameters,
        },
        "synthetic_rows": len(rows),
        "synthetic_share": len(rows) / (len(rows) + len(train)),
        **_planned(sampler),
        "notes": list(_notes(sampler)),
        "examples": _examples(rows, train, list(sampler.feature_names_in_)) if strategy.parents else [],
        **(
            {"target": {"of": augmentation.target, "rows": among, "synthetic_share": len(rows) / (len(rows) + among)}}
            if augmentation.target
            else {}
        ),
    }


def _way(sampler: Any, taken: Mapping[str, Any]) -> dict[str, Any]:
    """Return how rows stray from the lines between real ones, of a sampler that draws on lines."""
    if "off_segment" not in taken:
        return {}
    course = sampler.plan_.course if hasattr(sampler, "plan_") else sampler.course_
    return {"off_segment": course.off_segment, **({"n_mixed": course.n_mixed} if "n_mixed" in taken else {})}


def _planned(sampler: Any) -> dict[str, Any]:
    """Return what ADASYN's plan says of the neighbourhoods; no other sampler has one."""
    if not hasattr(sampler, "plan_"):
        nothing = dict.fromkeys(("neighbor_distance", "difficulty_histogram", "neighbor_recall"))
        return nothing | {"made": getattr(sampler, "facts_", {})}
    [rare] = sampler.plan_.classes
    edges, counts = rare.histogram
    return {
        "neighbor_distance": {
            "median": rare.distances.median,
            "lower_quartile": rare.distances.lower_quartile,
            "upper_quartile": rare.distances.upper_quartile,
        },
        "difficulty_histogram": {"edges": list(edges), "counts": list(counts)},
        "neighbor_recall": float(sampler.neighbor_recall_),
    }


def _notes(sampler: Any) -> tuple[str, ...]:
    notes: tuple[str, ...] = sampler.plan_.notes if hasattr(sampler, "plan_") else getattr(sampler, "notes_", ())
    return tuple(notes)


def _examples(rows: pd.DataFrame, train: pd.DataFrame, features: list[str]) -> list[dict[str, Any]]:
    """Show a few synthetic rows, spread over the parents, beside the two real rows that each was made of."""
    real = train.set_index("row_id")[features]
    shown = rows.iloc[:: max(1, len(rows) // _SHOWN)].head(_SHOWN)
    return [
        {
            "synthetic": _plain(row[features]),
            "parent": _plain(real.loc[row["parent_id"]]),
            "neighbor": None if pd.isna(row["neighbor_id"]) else _plain(real.loc[row["neighbor_id"]]),
            "parent_id": int(row["parent_id"]),
            "neighbor_id": None if pd.isna(row["neighbor_id"]) else int(row["neighbor_id"]),
            "step": None if pd.isna(row["step"]) else float(row["step"]),
        }
        for _, row in shown.iterrows()
    ]


def _plain(row: "pd.Series[Any]") -> dict[str, Any]:
    """Return JSON values: numpy's own are none, and NaN is not JSON."""
    return {
        str(name): None if pd.isna(value) else value.item() if isinstance(value, np.generic) else value
        for name, value in row.items()
    }


def _nothing(augmentation: Augmentation) -> dict[str, Any]:
    return {
        "sampler": "none",
        "parameters": {},
        "synthetic_rows": 0,
        "synthetic_share": 0.0,
        "neighbor_distance": None,
        "difficulty_histogram": None,
        "neighbor_recall": None,
        "notes": ["augmentation.synthetic_share is 0"] if augmentation.sampler != "none" else [],
        "examples": [],
    }
