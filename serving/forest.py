"""scikit-learn's boosted trees walked for a single row in one call instead of one call a tree.

All trees become one: above their roots stands a small tree that asks for the tree's number, which each copy of the row
carries in a column of its own. The walk is scikit-learn's, so each leaf is the one that `predict_proba` finds.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

_FEW = 24  # rows; beyond it a call a tree is quicker than a copy of each row for each tree


class Forest:
    """The trees of one fitted HistGradientBoostingClassifier of two classes.

    Parameters
    ----------
    learner : HistGradientBoostingClassifier

    Raises
    ------
    ValueError
        It has more than two classes, or no tree.
    """

    def __init__(self, learner: Any) -> None:
        trees = [one for turn in learner._predictors for one in turn]
        if len(learner.classes_) != 2 or not trees:
            raise ValueError("expected boosted trees of two classes")
        self.n_features = len(learner._bin_mapper.bin_thresholds_)
        self._baseline = float(np.ravel(learner._baseline_prediction)[0])
        self._known, places = learner._bin_mapper.make_known_categories_bitsets()
        self._places = np.append(places, places.dtype.type(0))  # and the column of the tree's number
        self._trees = [(tree.nodes, tree.raw_left_cat_bitsets) for tree in trees]
        self._nodes, self._bitsets = _joined(self._trees, self.n_features)
        self._copies = np.zeros((len(trees), self.n_features + 1))
        self._copies[:, -1] = np.arange(len(trees))

    def one(self, row: list[float]) -> float:
        """Return the log-odds of one row's features, categories as their codes; any thread may ask."""
        leaves, copies = np.empty(len(self._trees)), self._copies.copy()
        copies[:, :-1] = row
        _walk(self._nodes, copies, self._bitsets, self._known, self._places, leaves)
        return self._baseline + float(leaves.sum())

    def many(self, columns: list[NDArray[np.float64]]) -> NDArray[np.float64]:
        """Return the log-odds of rows, given as a column a feature, of shape (n_rows,)."""
        rows = np.ascontiguousarray(np.array(columns).T)
        total = np.full(len(rows), self._baseline)
        if len(rows) <= _FEW:
            copies = np.empty((len(rows), *self._copies.shape))
            copies[:, :, :-1] = rows[:, None, :]
            copies[:, :, -1] = self._copies[:, -1]
            leaves = np.empty(len(rows) * len(self._trees))
            flat = copies.reshape(-1, self.n_features + 1)
            _walk(self._nodes, flat, self._bitsets, self._known, self._places, leaves)
            return total + leaves.reshape(len(rows), -1).sum(axis=1)
        leaves = np.empty(len(rows))
        for nodes, bitsets in self._trees:
            _walk(nodes, rows, bitsets, self._known, self._places, leaves)
            total += leaves
        return total


def _walk(
    nodes: NDArray[Any],
    rows: NDArray[np.float64],
    bitsets: NDArray[np.uint32],
    known: NDArray[np.uint32],
    places: NDArray[Any],
    leaves: NDArray[np.float64],
) -> None:
    """Put into `leaves` the value of the leaf that each row reaches, by scikit-learn's own walk in one thread."""
    from sklearn.ensemble._hist_gradient_boosting._predictor import _predict_from_raw_data

    _predict_from_raw_data(nodes, rows, bitsets, known, places, 1, leaves)


def _joined(trees: list[tuple[NDArray[Any], NDArray[Any]]], n_features: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the nodes of one tree that holds all, and the categories of their nodes."""
    above = _above(len(trees), trees[0][0].dtype, n_features)
    parts, bitsets, start, first = [above], [], len(above), 0
    roots = []
    for nodes, of_nodes in trees:
        moved = nodes.copy()
        moved["left"] += np.uint32(start)
        moved["right"] += np.uint32(start)
        moved["bitset_idx"] += np.uint32(first)
        roots.append(start)
        parts.append(moved)
        bitsets.append(of_nodes)
        start, first = start + len(nodes), first + len(of_nodes)
    for side in ("left", "right"):  # what stands as -n is the root of the tree n - 1
        pointing = above[side].astype(np.int32)
        is_root = pointing < 0
        pointing[is_root] = np.array(roots)[-pointing[is_root] - 1]
        above[side] = pointing.astype(np.uint32)
    return np.concatenate(parts), np.ascontiguousarray(np.concatenate(bitsets))


def _above(trees: int, dtype: Any, column: int) -> NDArray[Any]:
    """Return the nodes that lead to a tree by its number n, whose root, not placed yet, stands as -n - 1."""
    nodes: list[tuple[float, int, int]] = []

    def lead(low: int, high: int) -> int:
        if high - low == 1:
            return -low - 1
        place, middle = len(nodes), (low + high) // 2
        nodes.append((middle - 0.5, 0, 0))
        nodes[place] = (middle - 0.5, lead(low, middle), lead(middle, high))
        return place

    lead(0, trees)
    made = np.zeros(len(nodes), dtype)
    for place, (threshold, left, right) in enumerate(nodes):
        made[place]["num_threshold"] = threshold
        made[place]["feature_idx"] = column
        made[place]["left"], made[place]["right"] = np.array([left, right], np.int32).view(np.uint32)
    return made
