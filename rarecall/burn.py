"""Burn: how fast failures use up what an objective allows, and which rules over it can fire at all.

An objective of 0.80 allows 0.20 of the events to fail: its budget. A burn of 1 uses up exactly the budget of a period
in that period; a burn is the share of failures divided by the share that is allowed. The words are those of chapter 5,
"Alerting on SLOs", of the Google SRE workbook (sre.google/workbook/alerting-on-slos); what happens to them where few
events are asked to succeed, so that even a total failure burns slowly, is worked out here.
"""

import math
from datetime import timedelta


def largest(objective: float) -> float:
    """Return the burn when every event fails: 1 / (1 - objective).

    >>> round(largest(0.80), 9), round(largest(0.999), 6)
    (5.0, 1000.0)
    """
    return 1.0 / (1.0 - objective)


def rate(bad: int, events: int, objective: float) -> float | None:
    """Return the burn of some events, or None where there were none.

    >>> round(rate(30, 60, 0.80), 9), rate(0, 0, 0.80) is None
    (2.5, True)
    """
    return bad / events / (1.0 - objective) if events else None


def left(bad: int, events: int, objective: float) -> float | None:
    """Return the share of the budget of these events that is not used up; below 0 where more failed than may.

    >>> round(left(10, 100, 0.80), 9), round(left(30, 100, 0.80), 9)
    (0.5, -0.5)
    """
    burn = rate(bad, events, objective)
    return None if burn is None else 1.0 - burn


def can_fire(factor: float, objective: float) -> bool:
    """Return whether a burn above a factor exists: no burn is above the largest.

    >>> can_fire(5.0, 0.80), can_fire(5.0, 0.81), can_fire(14.4, 0.999)
    (False, True, True)
    """
    return factor < largest(objective) - 1e-9  # 1 / (1 - 0.80) is 5.000000000000001 in binary


def spent(factor: float, window: timedelta, period: timedelta) -> float:
    """Return the share of a period's budget that is gone when a rule fires.

    >>> round(spent(14.4, timedelta(hours=1), timedelta(days=30)), 9)
    0.02
    """
    return factor * (window / period)


def nearest(factor: float, window: timedelta, objective: float) -> tuple[float, timedelta] | None:
    """Return the rule nearest to one that can never fire: it spends the same budget over a longer window.

    The window is multiplied and the factor divided by the smallest whole number with which the rule can fire and is
    still about more failures than the objective allows (a factor from 1).

    Returns
    -------
    (float, timedelta) or None
        The rule itself where it can fire; None where no whole number will do.

    Examples
    --------
    >>> nearest(5.0, timedelta(hours=1), 0.80)
    (2.5, datetime.timedelta(seconds=7200))
    >>> nearest(2.0, timedelta(days=7), 0.50)
    (1.0, datetime.timedelta(days=14))
    >>> nearest(1.2, timedelta(days=3), 0.10) is None
    True
    """
    for times in range(1, math.floor(factor) + 1):
        if can_fire(factor / times, objective):
            return factor / times, window * times
    return None


def written(duration: timedelta) -> str:
    """Return a duration as Prometheus and the project file write it.

    >>> written(timedelta(hours=36)), written(timedelta(days=7)), written(timedelta(minutes=90))
    ('36h', '7d', '90m')
    """
    minutes = round(duration.total_seconds() / 60)
    for unit, size in (("d", 1440), ("h", 60)):
        if minutes % size == 0:
            return f"{minutes // size}{unit}"
    return f"{minutes}m"


def refusal(factor: float, window: timedelta, objective: float) -> str | None:
    """Return why a rule can never fire, with the arithmetic and the nearest one that can; None where it can fire.

    >>> refusal(5.0, timedelta(hours=1), 0.80)  # doctest: +ELLIPSIS
    'a burn above 5 over 1h can never fire: ... 1 / (1 - 0.8) = 5; use factor 2.5 over 2h, ... an objective above 0.8'
    """
    if can_fire(factor, objective):
        return None
    other = nearest(factor, window, objective)
    instead = f"factor {other[0]:.4g} over {written(other[1])}, which spends the same budget" if other else "factor 1"
    return (
        f"a burn above {factor:g} over {written(window)} can never fire: with an objective of {objective:g} the "
        f"largest burn, when every event fails, is 1 / (1 - {objective:g}) = {largest(objective):g}; use {instead}, or "
        f"an objective above {1 - 1 / factor:g}"
    )
