"""A target's gain: an arm whose synthetic rows are of one cohort value is judged where it aims, and where it does not.

Over all rows a gain in a small cohort drowns; inside it alone nobody would see what the others pay for it. So it has to
be shown to gain inside, and not be shown to lose outside.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

from rarecall.arms.gain import Gain, paired
from rarecall.intervals import State


@dataclass
class Sides:
    """What one arm scored inside and outside the target, fold by fold; nothing where a fold has no positive there."""

    inside: list[float | None] = field(default_factory=list)
    outside: list[float | None] = field(default_factory=list)

    def take(self, y: NDArray[np.integer], scores: list[NDArray[np.float64]], inside: NDArray[np.bool_]) -> None:
        """Take a fold into account, seeds averaged."""
        for kept, side in ((self.inside, inside), (self.outside, ~inside)):
            known = bool(y[side].any())
            found = [float(average_precision_score(y[side], score[side])) for score in scores] if known else None
            kept.append(float(np.mean(found)) if found else None)


@dataclass(frozen=True, kw_only=True)
class Aim:
    """The gain of a targeted arm over another one.

    Attributes
    ----------
    inside, outside : Gain
    positives : int
        Inside, that it was tested on.
    state : {"good", "bad", "not enough evidence"}
        Good: shown to gain inside and not shown to lose outside. Bad: shown to lose on either side.
    """

    inside: Gain
    outside: Gain
    positives: int
    state: State

    @property
    def shown(self) -> bool:
        """Whether it may be shipped."""
        return self.state == "good"

    def as_dict(self) -> dict[str, Any]:
        """Return it JSON-ready; a bound that nothing is known of is None."""
        sides = {"inside": self.inside, "outside": self.outside}
        return {"positives": self.positives} | {
            name: {key: bound if np.isfinite(bound) else None for key, bound in vars(gain).items()}
            for name, gain in sides.items()
        }


def aim(
    ours: Sides,
    theirs: Sides,
    *,
    positives: int,
    least: int,
    test_share: float,
    confidence: float,
    comparisons: int,
) -> Aim:
    """Return what a targeted arm gains over another, both tested on the same folds.

    Parameters
    ----------
    ours, theirs : Sides
    positives : int
        Inside the target, over all folds.
    least : int
        With fewer there is not enough evidence for any judgement.
    test_share, confidence, comparisons
        As of `rarecall.arms.gain.paired`.

    Examples
    --------
    >>> ours, theirs = Sides([0.6, 0.7, 0.65], [0.5, 0.5, 0.51]), Sides([0.3, 0.42, 0.36], [0.5, 0.51, 0.5])
    >>> asked = dict(least=30, test_share=0.25, confidence=0.95, comparisons=1)
    >>> aim(ours, theirs, positives=90, **asked).state, aim(ours, theirs, positives=9, **asked).state
    ('good', 'not enough evidence')
    """

    def gain(mine: list[float | None], other: list[float | None]) -> Gain:
        pairs = [(one, two) for one, two in zip(mine, other, strict=True) if one is not None and two is not None]
        if not pairs:
            return Gain(mean=0.0, low=-np.inf, high=np.inf)
        mine_of, others = [one for one, _ in pairs], [two for _, two in pairs]
        return paired(mine_of, others, test_share=test_share, confidence=confidence, comparisons=comparisons)

    inside, outside = gain(ours.inside, theirs.inside), gain(ours.outside, theirs.outside)
    state: State = "not enough evidence"
    if positives >= least:
        if inside.high < 0 or outside.high < 0:
            state = "bad"
        elif inside.shown:
            state = "good"
    return Aim(inside=inside, outside=outside, positives=positives, state=state)
