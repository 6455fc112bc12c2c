"""What needs no label: whether a canary fails, is slow, or says something else altogether."""

import numpy as np
from numpy.typing import NDArray

from rarecall.canary.evidence import Evidence
from rarecall.canary.measure import Measure, of_streams, on_rows, together
from rarecall.sections import Canary

_SLOW = 0.01  # more of the answers may be over the latency limit: it is a limit of the 99th percentile


def positive_rate(found: Evidence, settings: Canary) -> Measure:
    """Return whether the canary flags many times more rows than the champion, or fewer."""
    champion, canary = found.champion, found.canary
    one, other = found.cells.table[:, 2], found.cells.table[:, 3]
    alone = (champion.flagged, champion.answered), (canary.flagged, canary.answered)
    value = None
    if champion.flagged and canary.answered:
        value = (canary.flagged / canary.answered) / (champion.flagged / champion.answered)
    return _within("positive_rate", one, other, found, settings, alone=alone, value=value)


def scores(found: Evidence, settings: Canary) -> Measure:
    """Return whether the canary's scores are many times higher on average than the champion's, or lower.

    Calibrated scores add up to the positives that are to be expected, so two sound models agree on their mean, however
    different their scores are row by row.
    """
    return _within("scores", found.cells.table[:, 0], found.cells.table[:, 1], found, settings)


def estimated_recall(found: Evidence, settings: Canary) -> Measure:
    """Return whether the canary would find less if the scores were right: the difference of the estimated recalls.

    The mean p of both models' scores stands for the label that is not known yet, so neither is judge of itself alone:
    with the flags f, the estimate is the sum of p (f_canary - f_champion) over the sum of p (as in CBPE: Garg et al.
    2022, "Leveraging unlabeled data to predict out-of-distribution performance", ICLR, section 3). It knows nothing
    that the models do not know: a new kind of fraud that both overlook is not in it.
    """
    champion, canary, by_champion, by_canary, counts = found.cells.table.T
    both, most = (champion + canary) / 2, settings.estimated_recall_loss_max
    lost = both * (by_canary - by_champion)
    expected = float(both @ counts)

    def evidence(*, above: bool) -> float:
        # p (f_canary - f_champion + most) is 0 on average where the estimate lies just at the limit.
        return on_rows(lost + most * both, counts, low=most - 1, high=most + 1, above=above)

    return Measure(
        name="estimated_recall",
        value=float(lost @ counts) / expected if expected > 0 else None,
        limit=-most,
        worse=evidence(above=False),
        fine=evidence(above=True),
        alpha=settings.alpha,
        rows=found.cells.rows,
    )


def errors(found: Evidence, settings: Canary) -> Measure:
    """Return whether more of the canary's requests fail than may."""
    tallied = found.tallied
    return _share("errors", tallied.failed, tallied.answered + tallied.failed, settings.errors_max, settings)


def latency(found: Evidence, settings: Canary) -> Measure:
    """Return whether more of the canary's answers are over the latency limit than of the champion's, by 1 in 100.

    Both arms answer on the same machine, so what makes either of them wait is no fault of the canary's. Where nobody
    counted the champion's, it is taken to have none over the limit.
    """
    champion, canary = found.champion_tallied, found.tallied
    if not champion.answered:
        return _share("latency", canary.slow, canary.answered, _SLOW, settings)

    def evidence(*, above: bool) -> float:
        one, other = (champion.slow, champion.answered), (canary.slow, canary.answered)
        return of_streams(one, other, shift=_SLOW, above=above) if canary.answered else 0.0

    value = canary.slow / canary.answered - champion.slow / champion.answered if canary.answered else None
    return Measure(
        "latency", value, _SLOW, evidence(above=True), evidence(above=False), settings.alpha, canary.answered
    )


def _within(
    name: str, one: NDArray[np.float64], other: NDArray[np.float64], found: Evidence, settings: Canary, *,
    alone: tuple[tuple[int, int], tuple[int, int]] | None = None, value: float | None = None,
) -> Measure:  # fmt: skip
    """Hold the mean of the canary's figure within a factor of the champion's: both in [0, 1], and both on every row."""
    most, counts = settings.ratio_max, found.cells.table[:, 4]

    def beyond(*, above: bool) -> float:
        """Bet on more than `most` times as much, or on less than that."""
        paired = on_rows(other - most * one, counts, low=-most, high=1, above=above)
        return together(paired, of_streams(*alone, factor=most, above=above)) if alone else paired

    def beneath(*, below: bool) -> float:
        """Bet on less than a part of as much, or on more than that."""
        paired = on_rows(most * other - one, counts, low=-1, high=most, above=not below)
        return together(paired, of_streams(*alone, factor=1 / most, above=not below)) if alone else paired

    of_one = float(one @ counts)
    return Measure(
        name=name,
        value=float(other @ counts) / of_one if of_one > 0 else value,
        limit=most,
        worse=float(np.logaddexp(beyond(above=True), beneath(below=True)) - np.log(2)),
        fine=min(beyond(above=False), beneath(below=False)),
        alpha=settings.alpha,
        rows=found.cells.rows,
    )


def _share(name: str, came: int, total: int, limit: float, settings: Canary) -> Measure:
    def evidence(*, above: bool) -> float:
        return on_rows([-limit, 1 - limit], [total - came, came], low=-limit, high=1 - limit, above=above)

    return Measure(
        name=name,
        value=came / total if total else None,
        limit=limit,
        worse=evidence(above=True),
        fine=evidence(above=False),
        alpha=settings.alpha,
        rows=total,
    )
