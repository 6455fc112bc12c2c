"""The watch: what the recall of each cohort is held against once the model serves, and how sure an alarm has to be."""

from datetime import timedelta
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, model_validator

from rarecall.sections.section import Section, Share, Text, as_duration

Duration = Annotated[timedelta, BeforeValidator(as_duration)]


class Watch(Section):
    """What is asked of the recall in traffic, and when an alarm sounds."""

    objective: Share | None = Field(None, description="Recall at least, of every cohort; none: gates.minority_recall.")
    margin: Share = Field(
        0.05, description="How far the recall may lie below what the version held when it was registered."
    )
    window: Duration = Field(timedelta(days=28), gt=timedelta(0), description="Predictions of the figures, by time.")
    window_positives: int | None = Field(
        None, ge=1, description="Or so many: the last labelled positives of each cohort value; wins over window."
    )
    settle: Duration | None = Field(
        None, ge=timedelta(0), description="How old an answer must be before the alarm hears it; none: label.delay."
    )
    alpha: float = Field(
        0.05,
        gt=0.0,
        le=0.5,
        description="Probability at most of a false alarm within the horizon, all cohorts together.",
    )
    horizon: Duration = Field(
        timedelta(days=365), gt=timedelta(0), description="The time of watching over which alpha is promised."
    )
    crossings: list[Annotated[list[Text], Field(min_length=2, max_length=2)]] = Field(
        default=[], description="Pairs of cohorts whose every combination is watched too, such as [[region, channel]]."
    )
    min_positives: int | None = Field(
        None, ge=1, description="Fewer are not enough evidence for a state; none: gates.min_positives."
    )

    @model_validator(mode="after")
    def _two_each(self) -> Self:
        for pair in self.crossings:
            if pair[0] == pair[1]:
                raise ValueError(f"crossings: expected two cohorts, got {pair[0]!r} twice")
        if self.objective in {0.0, 1.0}:
            raise ValueError("objective: expected a recall between 0 and 1, neither of them")
        return self
