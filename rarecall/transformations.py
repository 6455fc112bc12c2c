"""Transformations: ways that a user knows of to turn a rare row into another one that is rare too.

A distribution names them in its metadata, and a project file names one of those:

    [project.entry-points."rarecall.transformations"]
    later = "our_package.changes:LATER"

A project file thus chooses among what whoever installed the environment has let in. It holds no path and no dotted
name: a file that could name any function of any module, or a file beside it, would be a program.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from rarecall.errors import DataError, nearest
from rarecall.sections import Augmentation

GROUP = "rarecall.transformations"

DRAWS = 16
"""Random numbers that each row has."""


class MissingError(DataError):
    """No installed package registers a transformation of this name."""


@dataclass(frozen=True, kw_only=True)
class Transformation:
    """A change of a row, and the predicate that says where it left the label true.

    Attributes
    ----------
    change : callable
        Takes rows (a DataFrame of the features) and numbers in [0, 1) of shape (n_rows, 16); returns as many rows, with
        the same columns. What becomes of a row may depend on that row and its numbers alone, so that it can be made
        again by itself.
    safe : callable
        Takes the rows before and after; returns which are still what their label says. A nine that is turned half
        round is a six: whoever writes a transformation says here when that happens.
    says : str
        What it does, in a few words.

    >>> half = Transformation(
    ...     change=lambda rows, draws: rows.assign(amount=rows["amount"] * (0.5 + draws[:, 0])),
    ...     safe=lambda before, after: after["amount"] >= 10,
    ...     says="another amount",
    ... )
    >>> half.safe(None, pd.DataFrame({"amount": [9.0, 11.0]})).tolist()
    [False, True]
    """

    change: Callable[[pd.DataFrame, NDArray[np.float64]], pd.DataFrame]
    safe: Callable[[pd.DataFrame, pd.DataFrame], ArrayLike]
    says: str


def named(names: Iterable[str]) -> dict[str, Transformation]:
    """Return installed transformations by their names.

    Raises
    ------
    DataError
        None is installed under a name, or two are; it cannot be imported, or is none.

    >>> named(["rotate"])
    Traceback (most recent call last):
    ...
    rarecall.transformations.MissingError: augmentation.parameters.transformations: no installed package registers \
'rotate' under rarecall.transformations; registered are none
    """
    there = _registered()
    return {name: _loaded(name, there) for name in names}


def origin(names: Iterable[str]) -> dict[str, str]:
    """Return the distribution and version that each name comes from; the code that made a row is part of its name."""
    there = _registered()
    return {name: _spoken(_one(name, there)) for name in names}


def recipe(augmentation: Augmentation) -> dict[str, Any]:
    """Return what the name of a version owes to the code that changes rows; nothing where none does."""
    if augmentation.sampler != "by_rule":
        return {}
    return {"transformations": origin(augmentation.parameters.get("transformations", ()))}


def _registered() -> dict[str, list[EntryPoint]]:
    found: dict[str, list[EntryPoint]] = {}
    for one in entry_points(group=GROUP):
        found.setdefault(one.name, []).append(one)
    return found


def _one(name: str, there: Mapping[str, list[EntryPoint]]) -> EntryPoint:
    at = "augmentation.parameters.transformations"
    several = there.get(name, [])
    if not several:
        known = ", ".join(sorted(there)) or "none"
        raise MissingError(
            f"{at}: no installed package registers {name!r} under {GROUP}{nearest(name, sorted(there))}; registered "
            f"are {known}"
        )
    if len(several) > 1:
        who = " and ".join(sorted(map(_spoken, several)))
        raise DataError(f"{at}: {name!r} is registered by {who}; uninstall one of them")
    return several[0]


def _loaded(name: str, there: Mapping[str, list[EntryPoint]]) -> Transformation:
    one = _one(name, there)
    try:
        found: Any = one.load()
    except Exception as error:  # a plugin's module may raise anything as it is imported
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(
            f"the transformation {name!r} of {_spoken(one)} cannot be imported: {said}; mend or uninstall it"
        ) from error
    if not isinstance(found, Transformation):
        raise DataError(
            f"the transformation {name!r} of {_spoken(one)}: expected a rarecall.transformations.Transformation, got "
            f"{type(found).__name__}; register one"
        )
    return found


def _spoken(one: EntryPoint) -> str:
    return f"{one.dist.name} {one.dist.version}" if one.dist else one.value
