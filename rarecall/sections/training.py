"""Training: which rows are added, which learner, which threshold, and what each way to train has to show."""

from typing import Annotated, Any, Literal, Self

from pydantic import (
    BeforeValidator,
    Field,
    FiniteFloat,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from rarecall.sections.section import Section, Share, as_straying
from rarecall.strategies import known


def _without(handler: SerializerFunctionWrapHandler, section: Any, defaults: dict[str, Any]) -> dict[str, Any]:
    """Leave out what nobody set, of keys that came later, so that what is made without them keeps its name."""
    said: dict[str, Any] = handler(section)
    return {key: value for key, value in said.items() if key not in defaults or value != defaults[key]}


def as_maker(value: Any) -> Any:
    """Refuse what is no strategy that makes rows, in one sentence that names them all."""
    return known.check(value, known.MAKERS, "none")


def as_under(value: Any) -> Any:
    """Refuse what is no strategy that leaves rows out, as above."""
    return known.check(value, ("under",), "none")


def as_tried(value: Any) -> Any:
    """Refuse what is no strategy that can be tried, as above."""
    return known.check(value, (*known.MAKERS, "under", "weights", "ensemble"))


class Augmentation(Section):
    """Synthetic minority rows, made from training rows only."""

    sampler: Annotated[str, BeforeValidator(as_maker)] = Field(
        "adasyn",
        description="A strategy that makes rows: adasyn, more of them where the rare class is hard to tell apart, or "
        "another of docs/strategies; none: real rows only.",
    )
    parameters: dict[str, Any] = Field(default={}, description="The sampler's own, by its names, beside those here.")
    k: int = Field(5, ge=1, description="Neighbours; 5 is the paper's choice (He et al. 2008).")
    synthetic_share: float = Field(
        0.10, ge=0.0, lt=1.0, description="Share of the training rows that is synthetic, within the gates' bounds."
    )
    off_segment: Annotated[float | Literal["auto"], BeforeValidator(as_straying)] = Field(
        "auto",
        description="How far a synthetic row strays from the line between two real ones, which gives them away.",
    )
    n_mixed: int = Field(1, ge=1, description="Neighbours that a synthetic row is drawn towards at once.")
    max_per_parent: int | None = Field(None, ge=1, description="Most synthetic rows of one real row; none: no limit.")
    target: dict[str, str] | None = Field(
        None,
        min_length=1,
        description="Such as {region: north}: all synthetic rows are of this cohort value, a share of its rows.",
    )

    @model_serializer(mode="wrap")
    def _without_what_nobody_set(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return _without(handler, self, {"target": None, "parameters": {}})


class Costs(Section):
    """What each outcome of a row costs, in one currency of your own; below 0 it is a gain."""

    false_negative: FiniteFloat = Field(description="A rare row that is not flagged.")
    false_positive: FiniteFloat = Field(description="A flagged row that is not rare, with the work it makes.")
    true_positive: FiniteFloat = Field(0.0, description="A rare row that is flagged: its work, less what it saves.")
    true_negative: FiniteFloat = Field(0.0, description="Any other row.")

    @model_validator(mode="after")
    def _worth_it(self) -> Self:
        # Elkan 2001's reasonableness: otherwise one class would be flagged whatever the model says.
        if self.false_negative <= self.true_positive or self.false_positive <= self.true_negative:
            raise ValueError(
                "expected a mistake to cost more than the right answer: false_negative above true_positive and "
                f"false_positive above true_negative, got {self.model_dump()}"
            )
        return self


class ThresholdPolicy(Section):
    """What the threshold is chosen for, on real validation rows."""

    policy: Literal["precision_floor", "cost", "budget"] = Field(
        "precision_floor",
        description="precision_floor: the highest recall that holds the precision gate; cost: the lowest cost; "
        "budget: the highest recall within so many alerts a day.",
    )
    costs: Costs | None = Field(None, description="With cost: what each of the four outcomes costs.")
    alerts_per_day: int | None = Field(None, ge=1, description="With budget: how many alerts a day can be looked at.")
    days_within: float = Field(
        0.95, gt=0.0, lt=1.0, description="With budget: the share of days that must stay within it."
    )
    by: str | None = Field(
        None,
        description="A cohort, or a column: each of its values with enough positives has its own threshold. Not with "
        "budget. The model must read the column.",
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        for policy, key, value in (("cost", "costs", self.costs), ("budget", "alerts_per_day", self.alerts_per_day)):
            if (self.policy == policy) != (value is not None):
                raise ValueError(f"expected {key} with policy: {policy} and only there, got policy: {self.policy}")
        if self.by and self.policy == "budget":
            raise ValueError("by: expected policy: precision_floor or cost, for a budget of alerts is one for all rows")
        return self


Learner = Literal[
    "hist_gradient_boosting",
    "random_forest",
    "logistic_regression",
    "lightgbm",
    "xgboost",
    "balanced_random_forest",
    "easy_ensemble",
    "rusboost",
    "balanced_bagging",
]


class Training(Section):
    """The learner and its parameters, as its library names them."""

    learner: Learner = Field(
        "hist_gradient_boosting", description="lightgbm and xgboost are an extra: pip install 'rarecall[boosting]'."
    )
    parameters: dict[str, Any] = Field(default={}, description="The learner's own, by its library's names.")
    under: Annotated[str, BeforeValidator(as_under)] = Field(
        "none", description="A strategy that leaves rows of the common class out of what teaches; see docs/strategies."
    )
    under_parameters: dict[str, Any] = Field(default={}, description="Its own, by its names.")
    precision_margin: Share = Field(
        0.05, description="The threshold holds the precision gate with this to spare: the holdout must hold it too."
    )
    calibration: Literal["auto", "none", "platt", "isotonic", "beta"] = Field(
        "auto", description="How scores become probabilities on real validation rows; auto: by their positives."
    )
    threshold: ThresholdPolicy = Field(ThresholdPolicy(), description="From which probability a row is flagged.")
    explain: Literal["permutation", "shap", "none"] = Field(
        "permutation",
        description="How far each column carries the scores: shuffled; shap: SHAP values besides, from the extra "
        "explain; none: not at all.",
    )

    @model_serializer(mode="wrap")
    def _without_what_nobody_set(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return _without(handler, self, {"under": "none", "under_parameters": {}})


class Ablation(Section):
    """Whether the simplest way to train is enough: every other must show its gain before it is shipped."""

    compare: bool = Field(True, description="false: nothing is compared, and training goes as configured.")
    ship: Literal["earned", "configured"] = Field(
        "earned",
        description="earned: the simplest arm that no other is shown to beat; configured: as the project says, beside "
        "what the comparison says of it.",
    )
    folds: int = Field(4, ge=2, le=20, description="Tested one after another; ordered in time where there is time.")
    seeds: int = Field(2, ge=1, le=20, description="Averaged, for arms that chance has a part in.")
    rows: int = Field(
        20_000, ge=1000, description="Most rows that teach one fit; a count, so that every machine ships the same arm."
    )
    learners: list[Learner] = Field(
        default=[], description="Tried beside training.learner; the one that leads is shipped."
    )
    strategies: list[Annotated[str, BeforeValidator(as_tried)]] = Field(
        default=[], description="Tried beside the sampler, the weights and the learners above; see docs/strategies."
    )
    scarce: Learner | None = Field(
        "logistic_regression",
        description="Shipped where there are too few positives to compare any; none: training.learner.",
    )
    neighbors: list[Annotated[int, Field(ge=1)]] = Field(
        default=[], description="Values of augmentation.k to search beside the configured one."
    )
    shares: list[Annotated[float, Field(gt=0.0, lt=1.0)]] = Field(
        default=[0.1, 0.3], description="Shares of synthetic rows to search, and to draw the curve at."
    )
    parameters: dict[str, dict[str, Annotated[list[Any], Field(min_length=1)]]] = Field(
        default={}, description="By learner: values of its parameters to search."
    )

    @model_serializer(mode="wrap")
    def _without_what_nobody_set(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return _without(handler, self, {"strategies": []})
