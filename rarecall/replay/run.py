"""The replay itself: each policy lives through the same rounds, and is held against retraining before every one."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from rarecall.replay.history import History
from rarecall.replay.models import Models
from rarecall.replay.policies import AnyDrift, Breach, Every, Policy

EVERY = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, None)
"""Rounds between two retrains of the calendar policies; none: never."""

REST = (1, 2, 3, 4, 6, 8, 12)
"""Least rounds between two retrains of the policies that retrain on any drift."""


@dataclass(frozen=True, kw_only=True)
class Lived:
    """What a policy came to.

    Attributes
    ----------
    name : str
    kind : {"every", "drift", "rested", "ours"}
        `rested`: on any drift, with some rounds between two retrains at least.
    retrains : int
    regret : float
        Recall that retraining before every round would have had more, over all positives of the replay.
    recall, precision : float
    when : list of (int, str)
        The round before which it retrained, and why.
    by_round : list of float or None
        Recall in each round.
    """

    name: str
    kind: str
    retrains: int
    regret: float
    recall: float
    precision: float
    when: list[tuple[int, str]]
    by_round: list[float | None]

    def as_dict(self) -> dict[str, Any]:
        """Return it JSON-ready."""
        told = [{"round": number, "why": why} for number, why in self.when]
        return vars(self).copy() | {"when": told}


def replay(models: Models, history: History, ours: Breach, *, every: tuple[int | None, ...] = EVERY) -> list[Lived]:
    """Return what each policy came to: the calendar ones, any drift, and ours last.

    Examples
    --------
    A policy that retrains before every round is the measure, and regrets nothing; see `tests/rarecall/replay`.
    """
    policies: list[tuple[str, Policy]] = [("every", Every(rounds)) for rounds in every]
    policies += [("drift" if rest == 1 else "rested", AnyDrift(rest=rest)) for rest in REST]
    policies.append(("ours", ours))
    best = _live(models, history, "every", Every(1), None)
    return [_live(models, history, kind, policy, best.recall) for kind, policy in policies]


def verdict(found: list[Lived]) -> dict[str, Any]:
    """Return how ours stands beside the calendar and beside any drift.

    For each of them: `regret` at ours' number of retrains, on the line between its neighbours, never retraining being
    one of them; `retrains` that it needs for that regret, none where it never gets there; and whether ours is `better`:
    less regret at as many retrains.
    """
    ours = next(one for one in found if one.kind == "ours")
    never = next(one for one in found if one.retrains == 0)
    beside = {}
    for kind in ("every", "drift", "rested"):
        points = {never.retrains: never.regret}
        for one in found:
            if one.kind == kind:  # of equals the best stands for them
                points[one.retrains] = min(one.regret, points.get(one.retrains, np.inf))
        retrains = np.array(sorted(points), dtype=float)
        regret = np.array([points[int(many)] for many in retrains])
        enough = retrains[regret <= ours.regret]
        at_ours = float(np.interp(ours.retrains, retrains, regret))
        beside[kind] = {
            "regret": at_ours,
            "retrains": int(enough.min()) if len(enough) else None,
            "better": ours.regret < at_ours,
        }
    return {"retrains": ours.retrains, "regret": ours.regret, "beside": beside}


def _live(models: Models, history: History, kind: str, policy: Policy, best: float | None) -> Lived:
    rounds, since, when = models.rounds, 0, list[tuple[int, str]]()
    hits = alarms = positives = 0
    by_round: list[float | None] = []
    for number, served in enumerate(rounds):
        why = policy.asks(history, rounds, number, since, models.at(since)) if number else None
        if why:
            since = number
            when.append((number, why))
        flagged, y = models.at(since).flagged[served], history.y[served] == 1
        found, of = int((flagged & y).sum()), int(y.sum())
        hits, alarms, positives = hits + found, alarms + int(flagged.sum()), positives + of
        by_round.append(found / of if of else None)
    recall = hits / positives if positives else 0.0
    return Lived(
        name=policy.name,
        kind=kind,
        retrains=len(when),
        regret=(recall if best is None else best) - recall,
        recall=recall,
        precision=hits / alarms if alarms else 0.0,
        when=when,
        by_round=by_round,
    )
