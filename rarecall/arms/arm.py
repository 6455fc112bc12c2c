"""An arm: one way to train, from the plain learner with a tuned threshold to synthetic rows."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from rarecall.cohorts import spoken
from rarecall.learners.known import KNOWN
from rarecall.sections import Ablation, Augmentation, Gates, Training
from rarecall.strategies import known as strategies
from rarecall.strategies.strategy import Strategy


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One way to train.

    Attributes
    ----------
    strategy : str
        One of `rarecall.strategies.known`, such as `threshold`: the learner as it is; `class_weights`: rows weighed by
        the rarity of their class; `adasyn`: synthetic rare rows; `near_miss`: fewer common ones. Each has its threshold
        chosen afterwards.
    learner : str
    parameters : dict
        The learner's own.
    k, synthetic_share : int and float, or None
        Of the sampler, for a strategy that makes rows; `k` where it has neighbours.
    target : dict of str to str, or None
        The cohort value that all synthetic rows are of, likewise.

    >>> arm = Arm(strategy="adasyn", learner="random_forest", k=5, synthetic_share=0.1)
    >>> arm.way, arm.name
    ('ADASYN (k 5, 10% synthetic)', 'ADASYN (k 5, 10% synthetic) of random_forest')
    """

    strategy: str
    learner: str
    parameters: dict[str, Any] = field(default_factory=dict)
    k: int | None = None
    synthetic_share: float | None = None
    target: dict[str, str] | None = None

    def __post_init__(self) -> None:
        """Leave out what only a sampler has."""
        if not self.known.neighbors:
            object.__setattr__(self, "k", None)
        if not self.known.makes_rows:
            object.__setattr__(self, "synthetic_share", None)
            object.__setattr__(self, "target", None)

    @property
    def known(self) -> Strategy:
        """Return what is known of its strategy."""
        return strategies.KNOWN[self.strategy]

    @property
    def by_chance(self) -> bool:
        """Whether it differs from seed to seed on the same rows."""
        return self.known.by_chance or KNOWN[self.learner].by_chance

    @property
    def may_refuse(self) -> bool:
        """Whether a table may be one that it cannot be tried on: too few rows, or columns that it does not take."""
        return self.known.path is not None

    @property
    def way(self) -> str:
        """Return what a person calls it where there is one learner."""
        if not self.known.makes_rows:
            return self.known.spoken
        of, k = f" for {spoken(self.target)}" if self.target else "", f"k {self.k}, " if self.k else ""
        return f"{self.known.spoken}{of} ({k}{self.synthetic_share:.0%} synthetic)"

    @property
    def name(self) -> str:
        """Return what a person calls it among several learners."""
        return f"{self.way} of {self.learner}"

    def training(self, training: Training) -> Training:
        """Return the learner's section as this arm fits it; what the project itself sets of the weights stands."""
        learner = KNOWN[self.learner]
        weighed = {"class_weights": learner.balanced, "focal_loss": learner.focal}.get(self.strategy, {})
        update: dict[str, Any] = {"learner": self.learner, "parameters": weighed | self.parameters}
        if self.known.kind == "under":
            own = training.under_parameters if training.under == self.strategy else {}
            update |= {"under": self.strategy, "under_parameters": own}
        elif not self.known.makes_rows:  # beside rows that are made it stays: SMOTE and then Tomek links
            update |= {"under": "none", "under_parameters": {}}
        return training.model_copy(update=update)

    def augmentation(self, augmentation: Augmentation) -> Augmentation:
        """Return the sampler's section as this arm draws with it."""
        if not self.known.makes_rows:
            return augmentation.model_copy(update={"sampler": "none", "target": None, "parameters": {}})
        update: dict[str, Any] = {"synthetic_share": self.synthetic_share, "target": self.target}
        if self.known.neighbors:
            update["k"] = self.k
        if self.strategy != augmentation.sampler:
            update |= {"sampler": self.strategy, "parameters": {}}
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
    found: list[list[Arm]] = []
    named = list(dict.fromkeys(ablation.strategies))
    learners = [training.learner, *ablation.learners, *(name for name in named if name in KNOWN)]
    shares = list(dict.fromkeys([augmentation.synthetic_share, *ablation.shares]))
    shares = [s for s in shares if gates.synthetic_share_min <= s <= gates.synthetic_share_max]
    under = [training.under] if training.under != "none" else []
    under = list(dict.fromkeys([*under, *(name for name in named if strategies.KNOWN[name].kind == "under")]))
    sampled = [augmentation.sampler] if augmentation.sampler != "none" else []
    named = named if shares else [name for name in named if not strategies.KNOWN[name].makes_rows]
    sampled = list(dict.fromkeys([*sampled, *(name for name in named if strategies.KNOWN[name].makes_rows)]))
    for learner in dict.fromkeys(learners):
        own = training.parameters if learner == training.learner else {}
        parameters = [own | variant for variant in _grid(ablation.parameters.get(learner, {}))]
        plain = ["threshold"] if KNOWN[learner].balances else ["threshold", "class_weights"]
        if "focal_loss" in named and KNOWN[learner].focal:
            plain.append("focal_loss")
        found += [
            [Arm(strategy=way, learner=learner, parameters=one) for one in parameters] for way in (*plain, *under)
        ]
        for sampler in sampled:
            of_neighbors: list[int | None] = [None]
            if strategies.KNOWN[sampler].neighbors:
                of_neighbors = [augmentation.k, *ablation.neighbors]
            targets: list[dict[str, str] | None] = [None]
            if augmentation.target and sampler == augmentation.sampler:
                targets.append(augmentation.target)
            found += [
                [
                    Arm(strategy=sampler, learner=learner, parameters=one, k=k, synthetic_share=share, target=target)
                    for one in parameters
                    for k in dict.fromkeys(of_neighbors)
                    for share in shares
                ]
                for target in targets
            ]
    return found


def _grid(values: dict[str, list[Any]]) -> Iterable[dict[str, Any]]:
    grid: list[dict[str, Any]] = [{}]
    for name, choices in values.items():
        grid = [one | {name: choice} for one in grid for choice in choices]
    return grid
