r"""Boosted trees scored without walking them: each split that a row fails strikes out leaves; the first left stands.

A tree's leaves are numbered from left to right, a bit each. A row that goes right at a node can reach none of the
leaves below its left side, so the node has a mask without them; of all masks of the nodes at which the row goes right,
taken together, the lowest bit that is left is the leaf that a walk would have found (Lucchese, Nardini, Orlando,
Perego, Tonellotto & Venturini 2015, "QuickScorer: a fast algorithm to rank documents with additive ensembles of
regression trees", SIGIR, section 3). Which nodes of one feature fail depends only on where the value lies among the
feature's thresholds. So for each feature and each such place the masks of all trees are worked out beforehand, and a
row costs a search and a row of this table for each feature, however many trees there are.
"""

from bisect import bisect_left
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

_AT_ONCE = 256  # rows: their masks stay in the processor's cache
_CODES = 256  # categories at most that scikit-learn's trees know
_LARGEST = 64_000_000  # bytes of the table; beyond it the processor waits for memory
# The lowest bit times such a number has in its upper bits what is another one for each bit (Leiserson, Prokop & Randall
# 1998, "Using de Bruijn sequences to index a 1 in a computer word").
_KINDS: list[tuple[int, Any, int]] = [(32, np.uint32, 0x077CB531), (64, np.uint64, 0x03F79D71B4CB0A89)]


class Masks:
    """The trees of one fitted HistGradientBoostingClassifier of two classes, of at most 64 leaves each.

    Parameters
    ----------
    learner : HistGradientBoostingClassifier

    Raises
    ------
    ValueError
        It has more than two classes, no tree, a tree with too many leaves, or the table would be too large.
    """

    def __init__(self, learner: Any) -> None:
        trees = [one for turn in learner._predictors for one in turn]
        if len(learner.classes_) != 2 or not trees:
            raise ValueError("expected boosted trees of two classes")
        most = max(int(tree.nodes["is_leaf"].sum()) for tree in trees)
        kind = next((one for one in _KINDS if one[0] >= most), None)
        if kind is None:
            raise ValueError(f"expected trees of at most 64 leaves, got {most}")
        bits, self._dtype, number = kind
        self._factor, self._shift = self._dtype(number), self._dtype(bits - bits.bit_length() + 1)
        self._baseline = float(np.ravel(learner._baseline_prediction)[0])
        known, places = learner._bin_mapper.make_known_categories_bitsets()
        nodes = [node for number, tree in enumerate(trees) for node in _nodes(number, tree, known, places)]
        self._places = sorted({node.feature for node in nodes})
        self._edges = [_edges(nodes, place) for place in self._places]
        self._lists = [None if edges is None else edges.tolist() for edges in self._edges]
        sizes = [_CODES + 1 if edges is None else len(edges) + 2 for edges in self._edges]
        if sum(sizes) * len(trees) * bits // 8 > _LARGEST:
            raise ValueError(f"expected a table of at most {_LARGEST} bytes")
        self._starts = [0, *np.cumsum(sizes).tolist()][: len(sizes)]
        self._table = np.full((sum(sizes), len(trees)), ~self._dtype(0), dtype=self._dtype)
        starts = dict(zip(self._places, zip(self._starts, self._edges, strict=True), strict=True))
        for node in nodes:
            start, edges = starts[node.feature]
            fails = node.fails(edges)
            self._table[start : start + len(fails), node.tree][fails] &= self._dtype(node.mask & int(~self._dtype(0)))
        self._leaves = _leaves(trees, bits, number)
        self._firsts = (np.arange(len(trees)) * bits).astype(np.intp)

    def one(self, row: list[float]) -> float:
        """Return the log-odds of one row's features, categories as their codes; any thread may ask."""
        found = []
        for place, edges, start in zip(self._places, self._lists, self._starts, strict=True):
            value = row[place]
            if edges is None:
                found.append(start + (int(value) if 0.0 <= value < _CODES else _CODES))
            else:
                found.append(start + (bisect_left(edges, value) if value == value else len(edges) + 1))  # noqa: PLR0124 - NaN
        left = np.bitwise_and.reduce(self._table.take(found, axis=0), axis=0)
        return self._baseline + float(self._reached(left).sum())

    def many(self, columns: list[NDArray[np.float64]]) -> NDArray[np.float64]:
        """Return the log-odds of rows, given as a column a feature, of shape (n_rows,)."""
        total = np.full(len(columns[0]), self._baseline)
        bins = [
            start + _bins(columns[place], edges)
            for place, edges, start in zip(self._places, self._edges, self._starts, strict=True)
        ]
        for begin in range(0, len(total), _AT_ONCE):
            some = slice(begin, begin + _AT_ONCE)
            left = np.full((len(total[some]), self._table.shape[1]), ~self._dtype(0))
            other = np.empty_like(left)
            for found in bins:
                self._table.take(found[some], axis=0, out=other, mode="clip")
                np.bitwise_and(left, other, out=left)
            total[some] += self._reached(left).sum(axis=1)
        return total

    def _reached(self, left: NDArray[Any]) -> NDArray[np.float64]:
        """Return the value of the leaf of each tree: that of the lowest bit."""
        lowest = left & (~left + self._dtype(1))
        places = ((lowest * self._factor) >> self._shift).astype(np.intp)
        places += self._firsts
        return self._leaves.take(places, mode="clip")


def _bins(values: NDArray[np.float64], edges: NDArray[np.float64] | None) -> NDArray[np.intp]:
    """Return how many thresholds lie below each value, or its code; after those the place of what is missing."""
    if edges is None:
        return np.where((values >= 0) & (values < _CODES), values, float(_CODES)).astype(np.intp)
    found = np.searchsorted(edges, values)
    found[np.isnan(values)] = len(edges) + 1
    return found


class _Node(NamedTuple):
    """One split.

    Attributes
    ----------
    tree, feature : int
    threshold : float
        Up to which a number goes left.
    left : array of shape (256,) of bool or None
        Of a categorical split, which codes go left.
    missing_left : bool
    mask : int
        The leaves that are left to a row that goes right.
    """

    tree: int
    feature: int
    threshold: float
    left: NDArray[np.bool_] | None
    missing_left: bool
    mask: int

    def fails(self, edges: NDArray[np.float64] | None) -> NDArray[np.bool_]:
        """Return at which places of its feature a row goes right; the last one is that of a missing value."""
        if edges is None or self.left is not None:
            goes = np.zeros(_CODES, dtype=bool) if self.left is None else ~self.left
        else:
            goes = np.arange(len(edges) + 1) > np.searchsorted(edges, self.threshold)
        return np.append(goes, not self.missing_left)


def _nodes(number: int, tree: Any, known: NDArray[np.uint32], places: NDArray[Any]) -> Iterator[_Node]:
    nodes = tree.nodes
    numbers = {place: bit for bit, place in enumerate(_from_left(nodes, 0))}
    for node in nodes[nodes["is_leaf"] == 0]:
        lost = sum(1 << numbers[leaf] for leaf in _from_left(nodes, int(node["left"])))
        feature, missing_left = int(node["feature_idx"]), bool(node["missing_go_to_left"])
        left = None
        if node["is_categorical"]:
            is_known = _codes(known[places[feature]])
            left = np.where(is_known, _codes(tree.raw_left_cat_bitsets[node["bitset_idx"]]), missing_left)
        yield _Node(number, feature, float(node["num_threshold"]), left, missing_left, ~lost)


def _from_left(nodes: NDArray[Any], root: int) -> Iterator[int]:
    """Yield the places of the leaves below a node, from left to right."""
    if nodes[root]["is_leaf"]:
        yield root
    else:
        yield from _from_left(nodes, int(nodes[root]["left"]))
        yield from _from_left(nodes, int(nodes[root]["right"]))


def _codes(bitset: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Return which of the 256 codes a bitset holds."""
    return np.unpackbits(np.ascontiguousarray(bitset).view(np.uint8), bitorder="little").astype(bool)


def _edges(nodes: list[_Node], feature: int) -> NDArray[np.float64] | None:
    """Return a feature's thresholds, ascending; None where its splits are by category."""
    own = [node for node in nodes if node.feature == feature]
    return None if any(node.left is not None for node in own) else np.unique([node.threshold for node in own])


def _leaves(trees: list[Any], bits: int, number: int) -> NDArray[np.float64]:
    """Return the leaves' values, of each tree in the order in which de Bruijn's number places their bits."""
    values = np.zeros((len(trees), bits))
    shift = bits - bits.bit_length() + 1
    for row, tree in zip(values, trees, strict=True):
        for bit, place in enumerate(_from_left(tree.nodes, 0)):
            row[(((1 << bit) * number) & ((1 << bits) - 1)) >> shift] = tree.nodes[place]["value"]
    return values.ravel()
