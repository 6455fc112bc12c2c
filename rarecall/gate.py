"""A gate: one figure beside its limit, judged on its interval, with the sentence that says so."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from rarecall import intervals
from rarecall.intervals import Interval, State

SAYS: dict[str, dict[State, str]] = {
    "≥": {
        "good": "holds the floor {limit}",
        "bad": "is below the floor {limit}",
        "not enough evidence": "may be below the floor {limit}: not enough evidence",
    },
    "<": {
        "good": "is below the limit {limit}",
        "bad": "is not below the limit {limit}",
        "not enough evidence": "may reach the limit {limit}: not enough evidence",
    },
    "≤": {
        "good": "is within the limit {limit}",
        "bad": "is above the limit {limit}",
        "not enough evidence": "may be above the limit {limit}: not enough evidence",
    },
}


@dataclass(frozen=True, kw_only=True)
class Gate:
    """One thing a model must hold, what it came to, and the sentence that says so."""

    name: str
    needs: str
    value: float | None
    low: float | None
    high: float | None
    state: State
    reason: str


class Figure(NamedTuple):
    """A measured figure and on how many rows it rests; one without bounds is counted, not estimated."""

    value: float | None
    low: float | None
    high: float | None
    rows: int


def limited(
    name: str, spoken: str, sign: Literal["≥", "≤"], limit: float, figure: Figure, *, least: int, unit: str
) -> Gate:
    """Judge a figure that the project sets a limit to.

    Parameters
    ----------
    name, spoken : str
        What it is called in records and in sentences.
    sign : {"≥", "≤"}
        Whether the limit is a floor or a ceiling.
    limit : float
    figure : Figure
    least : int
        On fewer rows it is never good nor bad.
    unit : str
        What its rows are called.

    Examples
    --------
    >>> limited("ece", "calibration error", "≤", 0.01, Figure(0.002, 0.001, 0.004, 390), least=30, unit="rows").reason
    'calibration error 0.002 [0.001, 0.004] is within the limit 0.01 (390 rows)'
    """
    value, low, high, rows = figure
    needs = f"{sign} {text(limit)}"
    if value is None:
        reason = f"{spoken} is not known: not enough evidence ({rows} {unit})"
        return Gate(name=name, needs=needs, value=None, low=None, high=None, state="not enough evidence", reason=reason)
    interval = Interval(value, value) if low is None or high is None else Interval(low, high)
    digits = digits_of(limit, value, *interval)
    said = f"{spoken} {text(value, digits)}"
    if low is not None and high is not None:
        said += f" [{text(low, digits)}, {text(high, digits)}]"
    if rows < least:
        state: State = "not enough evidence"
        reason = f"{said} rests on {rows} {unit} where {least} are needed: not enough evidence"
    else:
        state = intervals.at_least(interval, limit) if sign == "≥" else intervals.at_most(interval, limit)
        reason = f"{said} {SAYS[sign][state].format(limit=text(limit))} ({rows} {unit})"
    return Gate(name=name, needs=needs, value=value, low=low, high=high, state=state, reason=reason)


def text(figure: float, digits: int | None = None) -> str:
    """Return a figure with so many digits, at least two and as many as it has by default; there is no -0.00."""
    if digits is None:
        digits = next((d for d in range(2, 9) if round(figure, d) == figure), 9)
    return f"{round(figure, digits) + 0.0:.{digits}f}"


def digits_of(limit: float, *figures: float) -> int:
    """Return how many digits show on which side of the limit each figure lies."""
    least = 2 if limit >= 0.05 else 3
    return next((d for d in range(least, 5) if all(round(f, d) != round(limit, d) or f == limit for f in figures)), 5)
