"""A served model's score and decision, without pandas where the model is boosted trees.

What is compiled is compared with the model's own `predict_proba` when it is loaded, and used only where both agree.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from rarecall.cohort_of import cohorts_of
from rarecall.cohort_threshold import CohortThresholdClassifier
from rarecall.sections import Cohort
from serving.calibrator import compiled as calibrator_of
from serving.columns import Columns
from serving.forest import Forest
from serving.masks import Masks

TOLERANCE = 1e-9
"""How far a compiled score may lie from the model's own."""

UNSEEN = "\ufffdnever learned from"
_PROBES = 400  # rows on which the two are compared
_SEED = 7

Cells = Sequence[Sequence[Any]]
"""Of each column, in the model's order, its values: a number, a text, or None where it is not known.

A column of numbers may be an array, with NaN for what is not known.
"""


@dataclass(frozen=True)
class Scorer:
    """A model as it answers.

    Attributes
    ----------
    columns : Columns
    threshold : float
        From which score on a row is flagged, where no threshold of its cohort's own says otherwise.
    one : callable
        From one row's values, in the order of the columns, to its score.
    many : callable
        From `Cells` to an array of scores.
    is_compiled : bool
    reason : str
        Why it is compiled or why not, for people.
    own : callable, optional
        From one row's values to its threshold, where the model has one for each value of a cohort.
    """

    columns: Columns
    threshold: float
    one: Callable[[Sequence[Any]], float]
    many: Callable[[Cells], NDArray[np.float64]]
    is_compiled: bool
    reason: str
    own: Callable[[Sequence[Any]], float] | None = None

    def limit(self, row: Sequence[Any]) -> float:
        """Return from which score on a row is flagged, given its values in the order of the columns."""
        return self.threshold if self.own is None else self.own(row)

    def flags(self, scores: NDArray[np.float64], cells: Cells) -> list[bool]:
        """Return of rows whether each is flagged."""
        if self.own is None:
            return (scores >= self.threshold).tolist()
        limits = map(self.own, zip(*cells, strict=True))
        return [score >= limit for score, limit in zip(scores.tolist(), limits, strict=True)]


def scorer(served: Any) -> Scorer:
    """Return what scores rows as a served model does.

    Parameters
    ----------
    served : FixedThresholdClassifier or CohortThresholdClassifier
        As `rarecall.training.with_threshold` or `rarecall.cohort_threshold` made it.
    """
    from rarecall.training import uncalibrated

    inside = served.estimator.estimator
    pipeline = uncalibrated(served)
    classifier = None if pipeline is None else inside.final_estimator_
    pipeline = inside if pipeline is None else pipeline
    columns = Columns.of(pipeline)
    many = _by_pipeline(served, columns)
    probes = _probes(pipeline, columns)
    required = _required(many, columns)
    columns = Columns(columns.names, columns.categories, required)
    whole: dict[str, Any] = {"columns": columns, "threshold": float(served.threshold), "own": _own(served, columns)}
    try:
        quick_one, quick_many = _compiled(pipeline, classifier, columns)
        difference = _difference(quick_one, quick_many, many, probes, columns)
    except (TypeError, ValueError, AttributeError, ImportError, KeyError) as error:
        reason = f"the model's own pipeline scores: {type(error).__name__}: {error}"
    else:
        if difference <= TOLERANCE:
            reason = f"compiled; at most {difference:.1e} from the model's own scores on {_PROBES} rows"
            return Scorer(**whole, one=quick_one, many=quick_many, is_compiled=True, reason=reason)
        reason = f"the model's own pipeline scores: compiled it differs by {difference:.1e}"
    return Scorer(**whole, one=_single(many), many=many, is_compiled=False, reason=reason)


def _own(served: Any, columns: Columns) -> Callable[[Sequence[Any]], float] | None:
    if not isinstance(served, CohortThresholdClassifier):
        return None
    column, place = served.column, columns.names.index(served.column)
    named = cohorts_of([Cohort(column=column, edges=served.edges)])
    return lambda row: served.thresholds.get(named({column: row[place]})[column], served.threshold)


def _single(many: Callable[[Cells], NDArray[np.float64]]) -> Callable[[Sequence[Any]], float]:
    return lambda row: float(many([[value] for value in row])[0])


def _by_pipeline(served: Any, columns: Columns) -> Callable[[Cells], NDArray[np.float64]]:
    from rarecall.training import score

    def many(cells: Cells) -> NDArray[np.float64]:
        frame = {
            name: np.array(values, dtype=object if name in columns.categories else float)
            for name, values in zip(columns.names, cells, strict=True)
        }
        return score(served, pd.DataFrame(frame))

    return many


def _compiled(
    pipeline: Any, classifier: Any, columns: Columns
) -> tuple[Callable[[Sequence[Any]], float], Callable[[Cells], NDArray[np.float64]]]:
    from sklearn.ensemble import HistGradientBoostingClassifier

    learner = pipeline["learner"]
    if type(learner) is not HistGradientBoostingClassifier:
        raise TypeError(f"only boosted trees of scikit-learn are compiled, not {type(learner).__name__}")
    try:
        trees: Masks | Forest = Masks(learner)
    except ValueError:  # trees with more leaves, or too many of them
        trees = Forest(learner)
    codes = _codes(pipeline, columns)
    ordered = [str(name) for part in ("categorical", "numeric") for name in _chosen(pipeline, part)]
    place = {name: number for number, name in enumerate(columns.names)}
    asked = [(place[name], codes.get(name)) for name in ordered]
    calibrate = None if classifier is None else calibrator_of(classifier)
    nan = float("nan")

    def one(row: Sequence[Any]) -> float:
        encoded = [
            (nan if (value := row[number]) is None else value) if table is None else table.get(row[number], nan)
            for number, table in asked
        ]
        probability = expit(trees.one(encoded))
        return float(probability if calibrate is None else calibrate(np.array([probability]))[0])

    def many(cells: Cells) -> NDArray[np.float64]:
        rows = []
        for number, table in asked:
            values = cells[number]
            known = values if table is None else [table.get(value, nan) for value in values]
            rows.append(np.asarray(known, dtype=float))
        probability: NDArray[np.float64] = expit(trees.many(rows))
        return probability if calibrate is None else calibrate(probability)

    return one, many


def _chosen(pipeline: Any, part: str) -> list[Any]:
    return next((list(chosen) for name, _, chosen in pipeline["columns"].transformers_ if name == part), [])


def _codes(pipeline: Any, columns: Columns) -> dict[str, dict[str | None, float]]:
    """Return of each categorical column the code that each value has in the trees, found by encoding every value."""
    learner, names = pipeline["learner"], list(columns.names)
    categorical = [str(name) for name in _chosen(pipeline, "categorical")]
    found: dict[str, dict[str | None, float]] = {}
    for name in categorical:
        values: list[str | None] = [*sorted(columns.categories[name]), None]
        frame = pd.DataFrame(
            {
                one: np.array(values if one == name else [None] * len(values), dtype=object)
                if one in columns.categories
                else np.full(len(values), np.nan)
                for one in names
            }
        )
        encoded = learner._preprocess_X(pipeline["columns"].transform(frame), reset=False)
        codes = np.asarray(encoded, dtype=float)[:, categorical.index(name)].tolist()
        found[name] = dict(zip(values, codes, strict=True))
    return found


def _probes(pipeline: Any, columns: Columns) -> Cells:
    """Return rows like nobody's: numbers at and around the trees' thresholds, categories, unseen and missing ones."""
    rng = np.random.default_rng(_SEED)
    mapper = getattr(pipeline["learner"], "_bin_mapper", None)
    edges = [] if mapper is None else [edge[np.isfinite(edge)] for edge in mapper.bin_thresholds_]
    order = [str(name) for part in ("categorical", "numeric") for name in _chosen(pipeline, part)]
    cells: list[list[Any]] = []
    for name in columns.names:
        if name in columns.categories:
            values = [*sorted(columns.categories[name]), None, UNSEEN, ""]
            cells.append([values[number] for number in rng.integers(len(values), size=_PROBES)])
            continue
        known = edges[order.index(name)] if edges else np.array([0.0, 1.0])
        known = known if len(known) else np.array([0.0])
        drawn = rng.choice(known, _PROBES)
        drawn += rng.choice([0.0, 0.0, 1e-6, -1e-6, 1.0, -1.0, 1e9, -1e9], _PROBES)
        blank = rng.random(_PROBES) < 0.1
        cells.append([None if gone else float(value) for value, gone in zip(drawn, blank, strict=True)])
    return cells


def _difference(
    one: Callable[[Sequence[Any]], float],
    quick: Callable[[Cells], NDArray[np.float64]],
    own: Callable[[Cells], NDArray[np.float64]],
    probes: Cells,
    columns: Columns,
) -> float:
    """Return how far the compiled scores lie from the model's own, one row at a time, few at once and many at once."""
    truth = own(probes)
    singles = np.array([one([cells[row] for cells in probes]) for row in range(_PROBES)])
    few = quick([cells[:5] for cells in probes])
    blank = own([[None]] * len(columns.names)) - one([None] * len(columns.names))
    apart = [singles - truth, quick(probes) - truth, few - truth[:5], blank]
    worst = float(np.max(np.abs(np.concatenate(apart))))
    return worst if np.isfinite(worst) else float("inf")


def _required(own: Callable[[Cells], NDArray[np.float64]], columns: Columns) -> frozenset[str]:
    """Return the features of which a missing value makes the model raise, or score with what is no number."""
    typical: list[Any] = [min(columns.categories[name], default=None) if name in columns.categories else 0.0
                          for name in columns.names]  # fmt: skip

    def takes(blank: Sequence[str]) -> bool:
        row = [[None if name in blank else value] for name, value in zip(columns.names, typical, strict=True)]
        try:
            return bool(np.isfinite(own(row)).all())
        except (TypeError, ValueError):
            return False

    if takes(columns.names):
        return frozenset()
    return frozenset(name for name in columns.names if not takes([name]))
