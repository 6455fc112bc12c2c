"""The objectives of what serves, and the rules that page a person or open a ticket when their budgets burn."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from rarecall import burn
from rarecall.sections.section import Section, as_duration

Duration = Annotated[timedelta, BeforeValidator(as_duration)]
Objective = Annotated[float, Field(gt=0.0, lt=1.0)]

LATENCY_MS = (1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0, 5000.0, 10000.0)
"""Where the server's histogram has a bound: what lies below another number is not counted."""


class BurnRule(Section):
    """When a burn is told to somebody."""

    factor: float = Field(ge=1.0, description="The burn has to be above this.")
    window: Duration = Field(gt=timedelta(0), description="Over which it is taken, such as 1h.")
    short: Annotated[timedelta | None, BeforeValidator(as_duration)] = Field(
        None, description="A shorter window over which it has to be as high, so that what is over is silent soon."
    )
    severity: Literal["page", "ticket"] = Field("page", description="page: now; ticket: in working hours.")

    @model_validator(mode="after")
    def _order(self) -> Self:
        if self.short is not None and not timedelta(0) < self.short < self.window:
            raise ValueError(
                f"expected short below window, got {burn.written(self.short)} and {burn.written(self.window)}"
            )
        if any(one % timedelta(minutes=1) for one in (self.window, self.short or self.window)):
            raise ValueError("window: expected whole minutes, such as 90m")
        return self

    def fitted(self, objective: float) -> "BurnRule | None":
        """Return the nearest rule that can fire; itself where it can."""
        found = burn.nearest(self.factor, self.window, objective)
        if found is None:
            return None
        factor, window = found
        times = window / self.window
        return self.model_copy(update={"factor": factor, "window": window, "short": self.short and self.short * times})


def _rule(factor: float, window: str, short: str | None, severity: str) -> BurnRule:
    return BurnRule.model_validate({"factor": factor, "window": window, "short": short, "severity": severity})


RECALL = (_rule(5.0, "1h", None, "page"), _rule(2.0, "7d", "1d", "ticket"))
"""The project's own rules, over label time."""

REQUESTS = (
    _rule(14.4, "1h", "5m", "page"),
    _rule(6.0, "6h", "30m", "page"),
    _rule(3.0, "1d", "2h", "ticket"),
    _rule(1.0, "3d", "6h", "ticket"),
)
"""The tiers of the Google SRE workbook, chapter 5."""

Rules = Annotated[list[BurnRule] | None, Field(min_length=1, max_length=12)]


class Slo(Section):
    """What is promised of the model that serves, and when somebody is told that the promise is being broken."""

    period: Duration = Field(timedelta(days=28), description="Of the budgets: whole weeks hold as many weekends.")
    recall: Objective | None = Field(
        None, description="Share of the labelled positives that were flagged; none: gates.minority_recall."
    )
    recall_rules: Rules = Field(None, description="none: above 5 over 1h pages, above 2 over 7d opens a ticket.")
    availability: Objective = Field(0.999, description="Share of the requests that do not fail for our own reasons.")
    availability_rules: Rules = Field(None, description="none: the four tiers of the SRE workbook.")
    latency: Objective = Field(0.99, description="Share of the predictions that are answered within latency_ms.")
    latency_ms: float = Field(100.0, description="Milliseconds, one of the bounds that the server counts by.")
    latency_rules: Rules = Field(None, description="none: the four tiers of the SRE workbook.")
    min_failures: int = Field(
        10, ge=1, description="Requests that have to fail within the window before any burn of theirs is told."
    )
    labels_within: Duration = Field(
        timedelta(days=7), gt=timedelta(0), description="A ticket where no label has come for so long."
    )

    @model_validator(mode="after")
    def _able_to_fire(self) -> Self:
        if self.latency_ms not in LATENCY_MS:
            raise ValueError(f"latency_ms: expected one of {', '.join(f'{one:g}' for one in LATENCY_MS)}")
        if self.period < timedelta(days=7) or self.period % timedelta(minutes=1):
            raise ValueError("period: expected a week or more, such as 28d, for the longest of the usual rules is one")
        check("availability_rules", self.availability_rules, self.availability, self.period)
        check("latency_rules", self.latency_rules, self.latency, self.period)
        if self.recall is not None:
            check("recall_rules", self.recall_rules, self.recall, self.period)
        return self


def check(name: str, rules: Sequence[BurnRule] | None, objective: float, period: timedelta) -> None:
    """Refuse configured rules that can never fire.

    Raises
    ------
    ValueError
        With the arithmetic, and the nearest rule that can fire.
    """
    for number, rule in enumerate(rules or ()):
        if said := burn.refusal(rule.factor, rule.window, objective):
            raise ValueError(f"{name}.{number}: {said}")
        if rule.window > period:
            raise ValueError(
                f"{name}.{number}: expected a window within the period of {burn.written(period)}, got "
                f"{burn.written(rule.window)}"
            )


def rules_for(configured: Sequence[BurnRule] | None, usual: Sequence[BurnRule], objective: float) -> list[BurnRule]:
    """Return the configured rules, or the usual ones, each made to one that can fire with this objective.

    >>> [(rule.factor, burn.written(rule.window)) for rule in rules_for(None, RECALL, 0.80)]
    [(2.5, '2h'), (2.0, '7d')]
    """
    if configured is not None:
        return list(configured)
    return [fitted for rule in usual if (fitted := rule.fitted(objective))]


def recall_objective(slo: Slo, gates: Any) -> float | None:
    """Return the objective of the recall; None where the gate that it is taken from allows everything or nothing."""
    if slo.recall is not None:
        return slo.recall
    gate = float(gates.minority_recall)
    return gate if 0.0 < gate < 1.0 else None
