"""The ablation: every arm on the same folds, and the simplest one of the leading learner that no other beats."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

from rarecall import intervals, threshold
from rarecall.arms import blocks
from rarecall.arms.aimed import Aim, Sides, aim
from rarecall.arms.arm import Arm
from rarecall.arms.blocks import Positions
from rarecall.arms.curve import curve, knee
from rarecall.arms.gain import Gain, paired
from rarecall.arms.search import search
from rarecall.arms.sentences import reasons, remarks
from rarecall.arms.trial import Bench, Scores
from rarecall.errors import DataError
from rarecall.fits import at_once
from rarecall.learners.known import KNOWN
from rarecall.sections import Ablation, Gates

UNTUNED = 0.5
"""The threshold of a learner that nobody tuned: shown beside the others, for it is what many ship."""


class _Tried:
    """What one arm scored on every fold, seeds averaged."""

    def __init__(self, arm: Arm, rungs: list[dict[str, Any]], *, several: bool) -> None:
        self.arm, self.rungs = arm, rungs
        self.name = arm.name if several else arm.way
        self.auc_pr: list[float] = []
        self.sides = Sides()
        self.hits = self.alarms = self.untuned_hits = self.untuned_alarms = 0

    def take(
        self, y: NDArray[np.integer], scores: list[Scores], floor: float, seed: int, inside: NDArray[np.bool_] | None
    ) -> None:
        """Take a fold into account; `inside` says which of its rows are of the target, where there is one."""
        if inside is not None:
            self.sides.take(y, scores, inside)
        self.auc_pr.append(float(np.mean([average_precision_score(y, score) for score in scores])))
        hit = flagged(y, scores[0], floor, seed)
        self.hits, self.alarms = self.hits + int((hit & (y == 1)).sum()), self.alarms + int(hit.sum())
        untuned = scores[0] >= UNTUNED
        self.untuned_hits += int((untuned & (y == 1)).sum())
        self.untuned_alarms += int(untuned.sum())


def compare(
    bench: Bench,
    arms: list[list[Arm]],
    *,
    ablation: Ablation,
    gates: Gates,
    precision_floor: float,
    moments: "pd.Series[pd.Timestamp] | None" = None,
    groups: NDArray[np.integer] | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Try every arm and name the one to ship: the simplest, until another's gain is shown to be above zero.

    Of several learners the one that leads is taken, and what else there is has to gain over it.

    Parameters
    ----------
    bench : Bench
        The training rows and how they are taught.
    arms : list of lists of Arm
        Simplest first, each with its variants, as `arm.arms` gives them.
    ablation, gates : Ablation, Gates
        How many folds and seeds; the confidence and the positives that evidence needs.
    precision_floor : float
        At which recall is told; thresholds are chosen on one half of a fold's test rows and read on the other.
    moments : Series of shape (n_rows,), optional
        Folds are then ordered in time.
    groups : array of shape (n_rows,), optional
        Rows of one group stay in one fold, where there is no time.
    seed : int

    Returns
    -------
    dict
        JSON-ready: `name` and `shipped` (the arm), `reasons` (sentences), `arms` [{`name`, `auc_pr`, `recall`,
        `precision` with their bounds, `gain`, `low`, `high`, `beside`, `state`}], `search` (the rungs), `curve`,
        `knee`, `folds`, `seeds`, `rows`, `taught`, `positives`, `by`.

    Raises
    ------
    DataError
        A learner refuses its parameters.
    """
    y, timed, simplest = bench.y, moments is not None, arms[0][0]
    for name in {variants[0].learner for variants in arms}:
        KNOWN[name].load()  # before the first fits at once, whose threads are counted for what is loaded by then
    try:
        block = blocks.cut(y, n_blocks=ablation.folds + 1, moments=moments, groups=groups, seed=seed)
    except DataError as error:
        return _too_few(simplest, ablation.scarce, str(error))
    tested = int(y[block > 0].sum())
    if tested < gates.min_positives:
        why = f"{tested} positives to test on where {gates.min_positives} are needed"
        return _too_few(simplest, ablation.scarce, why)
    cuts = list(blocks.folds(block, timed=timed))
    inside = np.flatnonzero(block == 0)
    several = len({variants[0].learner for variants in arms}) > 1
    tried: list[_Tried] = []
    skipped: list[str] = []
    for variants in arms:
        found = search(bench, variants, inside, moments=moments, groups=groups, seed=seed)
        try:
            tried.append(
                _try(
                    bench, _Tried(found.arm, found.rungs, several=several), cuts, ablation.seeds, precision_floor, seed
                )
            )
        except DataError as error:
            if not found.arm.may_refuse:
                raise
            skipped.append(f"{found.arm.way} could not be tried: {error}")
    test_share = float(np.mean([len(test) / len(teach) for teach, test in cuts]))
    shipped, told = _judged([one for one in tried if not one.arm.target], test_share, gates, len(tried) - 1)
    aims = dict[str, tuple[Aim, str]]()
    if bench.inside is not None:
        aimed_at = int(y[(block > 0) & bench.inside].sum())
        shipped, aims = _aimed(tried, shipped, test_share, gates, aimed_at)
    drawn = [one for one in tried if one.arm.known.makes_rows and one.arm.learner == shipped.arm.learner]
    drawn.sort(key=lambda one: one.arm.strategy != shipped.arm.strategy)  # stable: else the project's own comes first
    points: list[dict[str, Any]] = []
    if drawn:
        shares = sorted({0.0, drawn[0].arm.synthetic_share or 0.0, *ablation.shares})
        points = curve(
            bench,
            drawn[0].arm,
            [share for share in shares if share <= gates.synthetic_share_max],
            *cuts[-1],
            precision_floor=precision_floor,
            confidence=gates.confidence,
            seed=seed,
        )
    return {
        **named(shipped.arm),
        "reasons": [
            *reasons(shipped.name, shipped.arm, told, aims),
            *skipped,
            *remarks(bench, arms, ablation.strategies),
        ],
        "arms": [_shown(one, told.get(one.name), tested, gates, aims.get(one.name)) for one in tried],
        "search": [rung for one in tried for rung in one.rungs],
        "curve": points,
        "knee": knee(points),
        "folds": ablation.folds,
        "seeds": ablation.seeds,
        "rows": len(y),
        "taught": max(min(len(teach), bench.most_rows) for teach, _ in cuts),
        "positives": tested,
        "by": "time" if timed else "entity" if groups is not None else "class",
    }


def untried(arm: Arm, reason: str) -> dict[str, Any]:
    """Return what `compare` returns where nothing was compared, and why."""
    nothing: dict[str, Any] = dict.fromkeys(("knee", "folds", "seeds", "rows", "taught", "positives", "by"))
    return nothing | named(arm) | {"reasons": [reason], "arms": [], "search": [], "curve": []}


def _too_few(simplest: Arm, steady: str | None, why: str) -> dict[str, Any]:
    if steady is None or steady == simplest.learner:
        return untried(simplest, f"not enough evidence to compare the others with the simplest: {why}")
    said = f"not enough evidence to compare: {why}, so {steady} it is, which needs the fewest (ablation.scarce)"
    return untried(Arm(strategy="threshold", learner=steady), said)


def _try(
    bench: Bench, tried: _Tried, cuts: list[tuple[Positions, Positions]], seeds: int, floor: float, seed: int
) -> _Tried:
    fits = [(teach, test, seed + s) for teach, test in cuts for s in range(seeds if tried.arm.by_chance else 1)]
    scores = at_once(lambda fit: bench.score(tried.arm, fit[0], fit[1], seed=fit[2]), fits)
    for number, (_, test) in enumerate(cuts):
        of_fold = len(fits) // len(cuts)
        inside = None if bench.inside is None else bench.inside[test]
        tried.take(bench.y[test], scores[number * of_fold : (number + 1) * of_fold], floor, seed, inside)
    return tried


def _judged(
    tried: list[_Tried], test_share: float, gates: Gates, comparisons: int
) -> tuple[_Tried, dict[str, tuple[Gain, str]]]:
    """Return the arm to ship, and each other's gain with the name of the arm it was measured beside.

    Learners are peers: the one that leads with its threshold alone is where every other arm is measured first.
    """
    lead = _leading(tried)
    best, told = lead, dict[str, tuple[Gain, str]]()
    for one in (other for other in tried if other is not lead):
        gain = paired(
            one.auc_pr,
            best.auc_pr,
            test_share=test_share,
            confidence=gates.confidence,
            comparisons=comparisons,
        )
        told[one.name] = gain, best.name
        if gain.shown:
            best = one
    return best, told


def _aimed(
    tried: list[_Tried], best: _Tried, test_share: float, gates: Gates, positives: int
) -> tuple[_Tried, dict[str, tuple[Aim, str]]]:
    """Return the arm to ship when those with a target are asked too, and what each of them gains over the best."""
    aims = {}
    for one in (other for other in tried if other.arm.target):
        found = aim(
            one.sides,
            best.sides,
            positives=positives,
            least=gates.min_positives,
            test_share=test_share,
            confidence=gates.confidence,
            comparisons=len(tried) - 1,
        )
        aims[one.name] = found, best.name
        if found.shown:
            best = one
    return best, aims


def _leading(tried: list[_Tried]) -> _Tried:
    """Return the learner, with its threshold alone, whose mean is highest; of equals the project's own."""
    return max((one for one in tried if one.arm.strategy == "threshold"), key=lambda one: float(np.mean(one.auc_pr)))


def _shown(
    tried: _Tried, told: tuple[Gain, str] | None, positives: int, gates: Gates, aimed: tuple[Aim, str] | None
) -> dict[str, Any]:
    """Return an arm's figures, JSON-ready; recall and precision are of all folds together.

    Of an arm with a target the gain is the one inside it, and `aim` tells both sides.
    """
    gain, beside = (aimed[0].inside, aimed[1]) if aimed else told or (None, None)
    state = aimed[0].state if aimed else None
    if gain is not None and not aimed:
        state = "good" if gain.shown else "bad" if gain.high < 0 else "not enough evidence"
    shown: dict[str, Any] = {
        "name": tried.name,
        "strategy": tried.arm.known.spoken,
        "learner": tried.arm.learner,
        "auc_pr": float(np.mean(tried.auc_pr)),
        "by_fold": tried.auc_pr,
        "gain": gain.mean if gain else None,
        "low": gain.low if gain and np.isfinite(gain.low) else None,
        "high": gain.high if gain and np.isfinite(gain.high) else None,
        "beside": beside,
        "state": state,
        **({"aim": aimed[0].as_dict()} if aimed else {}),
    }
    for prefix, hits, alarms in (
        ("", tried.hits, tried.alarms),
        ("untuned_", tried.untuned_hits, tried.untuned_alarms),
    ):
        for name, of in (("recall", positives), ("precision", alarms)):
            low, high = intervals.wilson(hits, of, gates.confidence)
            shown[prefix + name] = {"value": hits / of if of else None, "low": low, "high": high}
    return shown


def named(arm: Arm) -> dict[str, Any]:
    """Return the facts that name the arm to ship: `name` for people, `shipped` such that `Arm(**shipped)` is it."""
    return {"name": arm.name, "shipped": plain(arm)}


def plain(arm: Arm) -> dict[str, Any]:
    """Return an arm as JSON values, such that `Arm(**plain(arm))` is the same arm."""
    return {
        "strategy": arm.strategy,
        "learner": arm.learner,
        "parameters": arm.parameters,
        "k": arm.k,
        "synthetic_share": arm.synthetic_share,
        **({"target": arm.target} if arm.target else {}),
    }


def flagged(y: NDArray[np.integer], score: Scores, floor: float, seed: int) -> NDArray[np.bool_]:
    """Flag each half of the rows by the threshold that the other half chose; nothing where a half has no positive."""
    hit = np.zeros(len(y), dtype=bool)
    for mine in halves(y, seed):
        if y[~mine].any():
            chosen = threshold.choose(y[~mine], score[~mine], precision_floor=floor)
            hit[mine] = score[mine] >= chosen.value
    return hit


def halves(y: NDArray[np.integer], seed: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return two halves of the rows, each with its share of either class."""
    half = np.empty(len(y), dtype=bool)
    rng = np.random.default_rng(seed)
    for label in (0, 1):
        inside = rng.permutation(np.flatnonzero(y == label))
        half[inside] = np.arange(len(inside)) % 2 == 0
    return half, ~half
