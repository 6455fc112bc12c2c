"""What labels say of a canary: whether it finds fewer of the rare class, or raises more false alarms."""

from dataclasses import replace

import numpy as np

from rarecall.canary.evidence import Evidence, Stream
from rarecall.canary.measure import Measure, of_pairs, of_streams, together
from rarecall.intervals import Interval
from rarecall.sections import Canary
from rarecall.sequential import betting
from rarecall.sequential.edge import edge

_FEW = 10
_USUAL = np.array([0.05, 0.05, 0.90])  # found by one model only, by the other only, alike: two retrains of one model
_MOST = 1_000_000
_TIMES = 100.0  # as many false alarms; more is not told apart


def recall_evidence(found: Evidence, difference: float, *, above: bool) -> float:
    """Return the log of the evidence that the canary's recall less the champion's lies above a difference, or below.

    Rows that both judged and rows that one of them judged alone are two games that share one coin.
    """
    champion, canary = found.champion, found.canary
    return together(
        of_pairs(found.positives, 1.0, difference, above=above),
        of_streams((champion.hits, champion.positives), (canary.hits, canary.positives), shift=difference, above=above),
    )


def recall(found: Evidence, settings: Canary, *, bounds: bool) -> Measure:
    """Return whether the canary finds less: its recall less the champion's."""
    measure = Measure(
        name="recall",
        value=_difference(found),
        limit=0.0 - settings.tolerance,
        worse=recall_evidence(found, -settings.tolerance, above=False),
        fine=recall_evidence(found, -settings.margin, above=True),
        alpha=settings.alpha,
        rows=found.positives.total + found.canary.positives,
    )
    if not bounds:
        return measure
    low = edge(lambda d: recall_evidence(found, d, above=True) >= np.log(1 / measure.alpha), -1.0, 1.0)
    high = edge(lambda d: recall_evidence(found, d, above=False) >= np.log(1 / measure.part), 1.0, -1.0)
    return replace(measure, interval=Interval(low, high))


def false_alarms(found: Evidence, settings: Canary, *, bounds: bool) -> Measure:
    """Return whether the canary raises more false alarms: its rate as a multiple of the champion's.

    A multiple needs no idea of how rare the rare class is: negatives that neither flagged say nothing.
    """

    def evidence(factor: float, *, above: bool) -> float:
        champion, canary = found.champion, found.canary
        alone = (champion.alarms, champion.negatives), (canary.alarms, canary.negatives)
        return together(
            of_pairs(found.negatives, factor, 0.0, above=above), of_streams(*alone, factor=factor, above=above)
        )

    limit = 1 + settings.false_alarm_margin
    measure = Measure(
        name="false_alarms",
        value=_times(found),
        limit=limit,
        worse=evidence(limit, above=True),
        fine=evidence(limit, above=False),
        alpha=settings.alpha,
        rows=found.negatives.total + found.canary.negatives,
    )
    if not bounds:
        return measure
    low = edge(lambda factor: evidence(factor, above=True) >= np.log(1 / measure.part), 1 / _TIMES, _TIMES)
    high = edge(lambda factor: evidence(factor, above=False) >= np.log(1 / measure.alpha), _TIMES, 1 / _TIMES)
    return replace(measure, interval=Interval(low, high))


def needed(found: Evidence, settings: Canary) -> int | None:
    """Return about how many labelled positives more it takes to show what a promotion has to; None where it never will.

    As if they came as they have come so far; while few have, as if two retrains of one model differed on one in ten.

    Examples
    --------
    >>> from rarecall.canary import Pairs
    >>> needed(Evidence(), Canary()), needed(Evidence(positives=Pairs(champion=30, neither=70)), Canary())
    (377, None)
    """
    pairs = found.positives
    seen = np.array([pairs.champion, pairs.canary, pairs.both + pairs.neither], dtype=float)
    each = seen + _USUAL * _FEW if seen.sum() < _FEW else seen
    each /= each.sum()
    goal = float(np.log(1 / settings.alpha))

    def is_short(more: float) -> bool:
        counts = seen + more * each
        shown = float(betting.evidence([-1, 1, 0], counts, -settings.margin, low=-1, high=1, above=True))
        return shown < goal

    return None if is_short(_MOST) else max(round(edge(is_short, 0.0, _MOST)), 0)


def rates(stream: Stream, flagged: int, total: int, alpha: float) -> dict[str, float | int | None]:
    """Return an arm's recall with its confidence sequence, on what it answered itself and on shadows of it."""
    hits, positives = stream.hits + flagged, stream.positives + total
    low, high = betting.interval([0, 1], [positives - hits, hits], low=0, high=1, alpha=alpha)
    return {"positives": positives, "recall": hits / positives if positives else None, "low": low, "high": high}


def _difference(found: Evidence) -> float | None:
    pairs, champion, canary = found.positives, found.champion, found.canary
    if pairs.total:
        return (pairs.canary - pairs.champion) / pairs.total
    if champion.positives and canary.positives:
        return canary.hits / canary.positives - champion.hits / champion.positives
    return None


def _times(found: Evidence) -> float | None:
    pairs, champion, canary = found.negatives, found.champion, found.canary
    if pairs.both + pairs.champion:
        return (pairs.both + pairs.canary) / (pairs.both + pairs.champion)
    if champion.alarms and canary.negatives:
        return (canary.alarms / canary.negatives) / (champion.alarms / champion.negatives)
    return None
