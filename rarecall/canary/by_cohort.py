r"""Whether a canary finds less of the rare class in one cohort, however it does in all of them together.

Each value of each cohort is a game of its own, and how many there are is only known as labels come. The :math:`k`-th
value to appear is judged while there are :math:`k` of them at least. So where every value has to show
:math:`K (K + 1) / \alpha`, with :math:`K` the values that are known at that moment, the :math:`k`-th one ever shows a
loss that is not there with probability :math:`\alpha / (k (k + 1))` at most (Ville 1939), and all of them together with
:math:`\alpha`: the parts of the sum telescope, whatever order the values come in and however they hang together.
"""

from dataclasses import replace

import numpy as np

from rarecall.canary.evidence import Evidence, Pairs
from rarecall.canary.measure import Measure, of_pairs, of_streams, together
from rarecall.sections import Canary

_NONE = (0, 0)


def cohort_recall(found: Evidence, settings: Canary) -> Measure:
    """Return whether the canary's recall in some cohort value is lower by more than the margin; where it is most so.

    It is for rollbacks only: nobody can wait until each value is shown to be fine.

    Examples
    --------
    >>> from rarecall.canary import Evidence, Pairs
    >>> north = Pairs(both=60, champion=60, canary=2, neither=20)
    >>> measure = cohort_recall(Evidence(cohort_pairs={"region": {"north": north}}), Canary())
    >>> measure.state, measure.where, round(measure.value, 2)
    ('worse', 'region north', -0.41)
    """
    cells = [
        (cohort, value)
        for cohort in found.cohorts.keys() | found.cohort_pairs.keys()
        for value in found.cohorts.get(cohort, {}).keys() | found.cohort_pairs.get(cohort, {}).keys()
    ]
    nothing = Measure("cohort_recall", None, 0.0 - settings.margin, -np.inf, -np.inf, settings.alpha, 0)
    measures = [_of(found, settings, *cell, nothing) for cell in sorted(cells)]
    shown = max(measures, key=lambda one: one.worse, default=nothing)
    return replace(shown, worse=shown.worse - float(np.log(max(len(cells) * (len(cells) + 1), 1))))


def _of(found: Evidence, settings: Canary, cohort: str, value: str, nothing: Measure) -> Measure:
    pairs = found.cohort_pairs.get(cohort, {}).get(value, Pairs())
    own = found.cohorts.get(cohort, {}).get(value, {})
    (positives, hits), (canary_positives, canary_hits) = own.get("champion", _NONE), own.get("canary", _NONE)
    worse = together(
        of_pairs(pairs, 1.0, -settings.margin, above=False),
        of_streams((hits, positives), (canary_hits, canary_positives), shift=-settings.margin, above=False),
    )
    difference = None
    if pairs.total:
        difference = (pairs.canary - pairs.champion) / pairs.total
    elif positives and canary_positives:
        difference = canary_hits / canary_positives - hits / positives
    return replace(
        nothing, value=difference, worse=worse, rows=pairs.total + canary_positives, where=f"{cohort} {value}"
    )
