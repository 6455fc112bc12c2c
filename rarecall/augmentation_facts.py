"""What is told of synthetic rows: of whom, how many, how far from their parents, and a few to look at."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from rarecall.cohorts import spoken
from rarecall.sections import Augmentation
from rarecall.strategies.known import KNOWN

_SHOWN = 3  # examples in the report


def facts(
    sampler: Any, rows: pd.DataFrame, train: pd.DataFrame, augmentation: Augmentation, among: int
) -> dict[str, Any]:
    """Return what is told of synthetic rows, JSON-ready; of the real ones only their parents are shown."""
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
        "notes": list(notes(sampler)),
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


def notes(sampler: Any) -> tuple[str, ...]:
    """Return what a sampler has to say of its rows, a sentence each."""
    said: tuple[str, ...] = sampler.plan_.notes if hasattr(sampler, "plan_") else getattr(sampler, "notes_", ())
    return tuple(said)


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


def nothing(augmentation: Augmentation) -> dict[str, Any]:
    """Return what is told where no row was made."""
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
