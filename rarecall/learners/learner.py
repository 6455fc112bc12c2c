"""What is to be known of a learner: where it comes from, how it meets a table's columns, what weights are to it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline

from rarecall.errors import DataError

Weights = NDArray[Any] | None


@dataclass(frozen=True)
class Columns:
    """A table's features by kind.

    >>> columns = Columns.of({"job": "categorical", "age": "numeric"})
    >>> columns.numeric, columns.categorical
    (['age'], ['job'])
    """

    numeric: list[str]
    categorical: list[str]

    @classmethod
    def of(cls, kinds: Mapping[str, str]) -> "Columns":
        """Return the columns of the kinds that a learner reads."""
        return cls(*([name for name, kind in kinds.items() if kind == one] for one in ("numeric", "categorical")))


def _weighed(pipeline: Pipeline, y: NDArray[Any], weight: Weights) -> dict[str, Any]:  # noqa: ARG001 - as others need
    return {"sample_weight": weight}


@dataclass(frozen=True, kw_only=True)
class Learner:
    """One learner.

    Attributes
    ----------
    path : str
        The classifier's module and name; imported when it is asked for.
    columns : callable
        From `Columns` to the unfitted transformer that hands them to the classifier.
    defaults : callable
        From `Columns` to the parameters that are ours and not the library's.
    types : tuple of str
        What its skops file holds beyond skops' own list.
    package : tuple of str
        What must be installed to load it, beside scikit-learn: the names that it is published under.
    extra : str, optional
        Of ours, that installs it; None where it comes with us.
    by_chance : bool
        Whether it differs from seed to seed on the same rows.
    balanced : dict
        The parameters that make it weigh classes by their rarity; none where it balances them by itself.
    focal : dict
        The parameters that give it the focal loss; none where it has no loss of ours.
    finished : callable
        What becomes of the fitted pipeline: `rarecall.learners.focal` puts the library's own loss back.
    balances : str
        How it does.
    takes_weights : bool
        Whether a row can count for less than one.
    arguments : callable
        From the pipeline, `y` and the weights to what the classifier's `fit` is given besides.
    refusals : tuple of str
        The errors, beside ValueError, by which it refuses its parameters: dotted, for they are imported late.
    """

    path: str
    columns: Callable[[Columns], ColumnTransformer]
    defaults: Callable[[Columns], dict[str, Any]] = lambda _: {}
    types: tuple[str, ...] = ()
    package: tuple[str, ...] = ()
    extra: str | None = None
    by_chance: bool = False
    balanced: dict[str, Any] = field(default_factory=lambda: {"class_weight": "balanced"})
    focal: dict[str, Any] = field(default_factory=dict)
    finished: Callable[[Pipeline], None] = lambda _: None
    balances: str = ""
    takes_weights: bool = True
    arguments: Callable[[Pipeline, NDArray[Any], Weights], dict[str, Any]] = _weighed
    refusals: tuple[str, ...] = ()

    def load(self) -> type[Any]:
        """Import the classifier; DataError when its library is there and cannot be loaded."""
        try:
            return _dotted(self.path)
        except (ImportError, OSError) as error:  # LightGBM's own library wants the system's libgomp
            said = str(error).splitlines()[0]
            raise DataError(
                f"{self.path} cannot be imported: {said}; install what it misses, or take another learner"
            ) from error

    def refused(self) -> tuple[type[Exception], ...]:
        """Return the errors by which its `fit` refuses its parameters."""
        return ValueError, *(_dotted(name) for name in self.refusals)


def believed(y: NDArray[Any], weight: NDArray[Any], *, seed: int) -> NDArray[np.bool_]:
    """Return which rows teach a learner that takes no weights: each as likely as it counts.

    It is rejection sampling (Zadrozny, Langford and Abe 2003, ICDM, "Cost-sensitive learning by cost-proportionate
    example weighting"): what is learned of the rows that stay is on average what the weights ask for. A class of which
    nothing would stay keeps its rows.

    >>> y, weight = np.array([0, 0, 1, 1]), np.array([1.0, 0.0, 0.0, 0.0])
    >>> believed(y, weight, seed=0).tolist()
    [True, False, True, True]
    """
    kept: NDArray[np.bool_] = np.random.default_rng(seed).random(len(y)) < weight
    for label in np.unique(y):
        kept[y == label] |= not kept[y == label].any()
    return kept


def _dotted(path: str) -> type[Any]:
    module, _, name = path.rpartition(".")
    found: type[Any] = getattr(import_module(module), name)
    return found
