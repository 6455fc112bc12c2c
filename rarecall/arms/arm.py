"""An arm: one way to train, from the plain learner with a tuned threshold to synthetic rows."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from rarecall.cohorts import spoken
from rarecall.learners.known import KNOWN
from rarecall.sections import Ablation, Augmentation, Gates, Training

Strategy = Literal["threshold", "class_weights", "adasyn"]

SPOKEN: dict[str, str] = {
    "threshold": "threshold only",
    "class_weights": "class weights",
    "adasyn": "ADASYN",
}


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One way to train.

    Attributes
    ----------
    strategy : str
        `threshold`: the learner as it is; `class_weights`: rows weighed by the rarity of their class; `adasyn`:
        synthetic rare rows. Each has its threshold chosen afterwards.
    learner : str
    parameters : dict
        The learner's own.
    k, synthetic_share : int and float, or None
        Of the sampler, for `adasyn`.
    target : dict of str to str, or None
        The cohort value that all synthetic rows are of, for `adasyn`.

    >>> arm = Arm(strategy="adasyn", learner="random_forest", k=5, synthetic_share=0.1)
    >>> arm.way, arm.name
    ('ADASYN (k 5, 10% synthetic)', 'ADASYN (k 5, 10% synthetic) of random_forest')
    """

    strategy: Strategy
    learner: str
    parameters: dict[str, Any] = field(default_factory=dict)
    k: int | None = None
    synthetic_share: float | None = None
    target: dict[str, str] | None = None

    def __post_init__(self) -> None:
        """Leave out what only a sampler has."""
        if self.strategy != "adasyn":
            object.__setattr__(self, "k", None)
            object.__setattr__(self, "synthetic_share", None)
            object.__setattr__(self, "target", None)

    @property
    def way(self) -> str:
        """Return what a person calls it where there is one learner."""
        of = f" for {spoken(self.target)}" if self.target else ""
        drawn = f"{of} (k {self.k}, {self.synthetic_share:.0%} synthetic)" if self.strategy == "adasyn" else ""
        return f"{SPOKEN[self.strategy]}{drawn}"

    @property
    def name(self) -> str:
        """Return what a person calls it among several learners."""
        return f"{self.way} of {self.learner}"

    def training(self, training: Training) -> Training:
        """Return the learner's section as this arm fits it; what the project itself sets of the weights stands."""
        weighed = KNOWN[self.learner].balanced if self.strategy == "class_weights" else {}
        update = {"learner": self.learner, "parameters": weighed | self.parameters}
        return training.model_copy(update=update)

    def augmentation(self, augmentation: Augmentation) -> Augmentation:
        """Return the sampler's section as this arm draws with it."""
        if self.strategy != "adasyn":
            return augmentation.model_copy(update={"sampler": "none", "target": None})
        update = {"k": self.k, "synthetic_share": self.synthetic_share, "target": self.target}
        return augmentation.model_copy(update=update)


def arms(training: Training, augmentation: Augmentation, ablation: Ablation, gates: Gates) -> list[list[Arm]]:
    """Return the arms of a project, simplest first, each with the variants that the search chooses from.

    Parameters
    ----------
    training : Training
        Its learner comes first. One that balances the classes by itself has no arm of weights.
    augmentation : Augmentation
        Its `k` and `synthetic_share` are always among the variants; without a sampler there is no arm of one.
    ablation : Ablation
    gates : Gates
        A share outside their bounds could never pass, and is not tried.

    Returns
    -------
    list of lists of Arm
    """
    found = []
    for learner in dict.fromkeys([training.learner, *ablation.learners]):
        own = training.parameters if learner == training.learner else {}
        parameters = [own | variant for variant in _grid(ablation.parameters.get(learner, {}))]
        plain: list[Strategy] = ["threshold"] if KNOWN[learner].balances else ["threshold", "class_weights"]
        found += [[Arm(strategy=way, learner=learner, parameters=one) for one in parameters] for way in plain]
        if augmentation.sampler != "none":
            shares = [augmentation.synthetic_share, *ablation.shares]
            shares = [s for s in dict.fromkeys(shares) if gates.synthetic_share_min <= s <= gates.synthetic_share_max]
            found += [
                [
                    Arm(strategy="adasyn", learner=learner, parameters=one, k=k, synthetic_share=share, target=target)
                    for one in parameters
                    for k in dict.fromkeys([augmentation.k, *ablation.neighbors])
                    for share in shares
                ]
                for target in ((None, augmentation.target) if augmentation.target else (None,))
            ]
    return found


def _grid(values: dict[str, list[Any]]) -> Iterable[dict[str, Any]]:
    grid: list[dict[str, Any]] = [{}]
    for name, choices in values.items():
        grid = [one | {name: choice} for one in grid for choice in choices]
    return grid
