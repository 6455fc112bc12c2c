"""The edge of what is refuted: where a bound lies, when being refuted only ever ends once along the way."""

from collections.abc import Callable

_STEPS = 40  # halvings: a bound is known to 1e-12 of the way


def edge(refuted: Callable[[float], bool], begin: float, end: float) -> float:
    """Return the last place on the way from `begin` to `end` that is refuted; `begin` where none is.

    Parameters
    ----------
    refuted : callable
        True up to some place on the way, False from there on.
    begin, end : float

    Examples
    --------
    >>> round(edge(lambda place: place < 0.3, 0.0, 1.0), 6)
    0.3
    >>> edge(lambda place: False, 1.0, 0.0)
    1.0
    """
    if not refuted(begin):
        return begin
    for _ in range(_STEPS):
        middle = (begin + end) / 2
        if refuted(middle):
            begin = middle
        else:
            end = middle
    return begin
