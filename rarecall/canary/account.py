"""The account of a canary: all that is known of it and what follows, JSON-ready, for people and pages."""

from typing import Any

import numpy as np

from rarecall import cohorts
from rarecall.canary import labelled
from rarecall.canary.evidence import Evidence
from rarecall.canary.judge import Judgement
from rarecall.canary.measure import Measure
from rarecall.intervals import wilson
from rarecall.sections import Canary


def account(found: Evidence, judged: Judgement, settings: Canary) -> dict[str, Any]:
    """Return what is known and what follows.

    Parameters
    ----------
    found : Evidence
    judged : Judgement
        Of the same evidence.
    settings : Canary

    Returns
    -------
    dict
        `arms`: of champion and canary the rows `answered` and `flagged`, labelled `positives` and the `recall` on them
        (what it answered itself, and what it said as a shadow) with `low` and `high`, a confidence sequence at alpha.
        `pairs`: `rows` that both scored, labelled `positives` and `negatives` among them, and of each those flagged by
        one only (`champion_only`, `canary_only`). `measures`: of each `state`, `value`, `low`, `high`, `limit`,
        `rows`, the evidence that it is `worse` and that it is `fine` (numbers that count from `worse_from` and
        `fine_from` on). `verdict`, `state`, `reasons`, `share`, and `needed`: about how many labelled positives more a
        promotion takes, None where it does not come that way. `cohorts`: recall by cohort, value and arm.

    Examples
    --------
    >>> from rarecall.canary import Pairs, judge
    >>> seen = Evidence(positives=Pairs(both=30, champion=4, canary=3, neither=3))
    >>> told = account(seen, judge(seen, Canary(), share=0.01), Canary())
    >>> told["verdict"], told["state"], told["needed"], told["arms"]["canary"]["recall"]
    ('hold', 'not enough evidence', 2755, 0.825)
    """
    pairs = found.positives
    shadows = {"champion": pairs.both + pairs.champion, "canary": pairs.both + pairs.canary}
    arms = {}
    for name, stream in (("champion", found.champion), ("canary", found.canary)):
        # The champion answered the rows that both judged, so they are among its own already.
        seen, of = (shadows[name], pairs.total) if name == "canary" or not stream.positives else (0, 0)
        rates = labelled.rates(stream, seen, of, settings.alpha)
        arms[name] = {"answered": stream.answered, "flagged": stream.flagged, **rates}
    states = {measure.state for measure in judged.measures.values()}
    labels = {judged.measures[name].state for name in ("recall", "false_alarms")}
    state = "worse" if "worse" in states else "not worse" if labels == {"not worse"} else "not enough evidence"
    return {
        "arms": arms,
        "pairs": {
            "rows": found.cells.rows,
            **{
                name: {"total": one.total, "champion_only": one.champion, "canary_only": one.canary}
                for name, one in (("positives", found.positives), ("negatives", found.negatives))
            },
        },
        "measures": {name: _measure(measure) for name, measure in judged.measures.items()},
        "verdict": judged.verdict,
        "state": state,
        "reasons": list(judged.reasons),
        "share": judged.share,
        "needed": labelled.needed(found, settings),
        "cohorts": {
            cohort: {value: {arm: _recall(*counts) for arm, counts in by_value[value].items()} for value in
                     cohorts.in_order(by_value)}
            for cohort, by_value in found.cohorts.items()
        },
    }  # fmt: skip


def _measure(measure: Measure) -> dict[str, Any]:
    low, high = measure.interval or (None, None)
    return {
        "state": measure.state,
        "value": measure.value,
        "low": low,
        "high": high,
        "limit": measure.limit,
        "rows": measure.rows,
        "worse": _number(measure.worse),
        "worse_from": 1 / measure.part,
        "fine": _number(measure.fine),
        "fine_from": 1 / measure.alpha,
    }


def _number(log: float) -> float:
    """Return evidence as JSON can hold it."""
    return float(np.exp(min(log, 600.0)))


def _recall(positives: int, hits: int) -> dict[str, Any]:
    low, high = wilson(hits, positives)
    return {"positives": positives, "recall": hits / positives if positives else None, "low": low, "high": high}
