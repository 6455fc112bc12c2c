"""The gates that a model must hold, and what is watched once it serves."""

from datetime import timedelta
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from rarecall.sections.section import Section, Share, as_duration

TrafficShare = Annotated[float, Field(ge=0.01, le=0.10)]


class Gates(Section):
    """What a model must hold on the untouched holdout before it may serve. A gate reads the interval."""

    minority_recall: Share = Field(0.80, description="At least; the rare class is what the model is for.")
    minority_precision: Share = Field(0.70, description="At least; also the floor the threshold is chosen at.")
    f1_minority: Share = Field(0.75, description="At least.")
    train_test_gap: Share = Field(0.10, description="Training recall minus holdout recall, below this.")
    label_noise_rate: Share = Field(0.02, description="Share of suspect labels, below this.")
    synthetic_share_min: Share = Field(0.10, description="Less changes nothing.")
    synthetic_share_max: Share = Field(0.50, description="More teaches the sampler, not the data.")
    detectability_max: Share | None = Field(
        None, description="AUC of a classifier that tells synthetic rows from real ones; 0.5 is chance."
    )
    marginal_distance_max: Share | None = Field(
        None, description="Of the column farthest from the real rows: Kolmogorov-Smirnov, or total variation."
    )
    correlation_difference_max: Share | None = Field(
        None, description="Of the two columns whose association differs most from that in the real rows."
    )
    outside_share_max: Share | None = Field(
        None, description="Share of synthetic rows most of whose nearest real rows are of the majority."
    )
    distinct_share_min: Share | None = Field(
        None, description="Share of synthetic rows that are not one another's copy."
    )
    reconstruction_recall_max: Share | None = Field(
        None, description="Share of the real rare rows that an attack on the synthetic ones rebuilds."
    )
    ece_max: Share | None = Field(None, description="Expected calibration error of the probabilities on the holdout.")
    cohort_recall_difference_max: Share | None = Field(
        None, description="Between the recalls of any two values of a cohort."
    )
    latency_ms_max: float | None = Field(
        None, gt=0.0, description="Milliseconds in which 99 of 100 single rows are scored, on this machine."
    )
    champion_margin: Share = Field(
        0.0, description="How far the recall may lie below the champion's on the same rows before it counts as worse."
    )
    confidence: float = Field(0.95, gt=0.5, lt=1.0, description="Of every interval (two-sided).")
    min_positives: int = Field(30, ge=1, description="Fewer positives are not enough evidence for any judgement.")
    approval: Literal["none", "required"] = Field(
        "none", description="required: a model that holds every gate waits for a person's answer before an alias moves."
    )
    approval_timeout: Annotated[timedelta, BeforeValidator(as_duration)] = Field(
        timedelta(days=3), gt=timedelta(0), description="How long it waits; after that it is rejected."
    )

    @model_validator(mode="after")
    def _bounds(self) -> Self:
        if self.synthetic_share_min > self.synthetic_share_max:
            raise ValueError("expected synthetic_share_min <= synthetic_share_max")
        return self


class Canary(Section):
    """How a challenger meets traffic, and what it must show before it serves."""

    share: TrafficShare = Field(0.05, description="Of the traffic, where a canary stands on no step of the ramp.")
    ramp: list[TrafficShare] = Field(
        [0.01, 0.05, 0.10], min_length=1, max_length=10, description="Shares of the traffic, a step on evidence each."
    )
    alpha: float = Field(
        0.05, gt=0.0, le=0.5, description="Probability at most that a canary as good as the champion is rolled back."
    )
    margin: float = Field(
        0.05, gt=0.0, le=1.0, description="A promotion has to show that the recall is lower by less than this."
    )
    tolerance: Share = Field(0.0, description="A rollback has to show that the recall is lower by more than this.")
    false_alarm_margin: float = Field(
        0.25, gt=0.0, le=10.0, description="How many more false alarms, relative to the champion's: 0.25 is a quarter."
    )
    min_positives: int = Field(30, ge=1, description="Labelled positives before a promotion.")
    min_requests: int = Field(100, ge=0, description="Answered by the canary itself at a step before it leaves it.")
    ratio_max: float = Field(
        2.0, gt=1.0, description="How many times more or fewer rows it may flag, and higher or lower it may score."
    )
    estimated_recall_loss_max: float = Field(
        0.20, gt=0.0, le=1.0, description="Of the recall that calibrated scores suggest, before any label is known."
    )
    errors_max: float = Field(0.01, gt=0.0, lt=1.0, description="Share of its requests that may fail.")
    latency_ms_max: float = Field(100.0, gt=0.0, description="Milliseconds in which it has to answer 99 of 100.")
    time_limit: Annotated[timedelta, BeforeValidator(as_duration)] = Field(
        timedelta(days=14), description="How long it may take to show it, such as 14d or 36h."
    )
    on_time_limit: Literal["rollback", "hold"] = Field("rollback", description="Then: or wait for a person.")

    @model_validator(mode="after")
    def _order(self) -> Self:
        if any(later <= earlier for earlier, later in pairwise(self.ramp)):
            raise ValueError(f"ramp: expected shares that grow, got {self.ramp}")
        if self.tolerance > self.margin:
            raise ValueError(f"expected tolerance <= margin, got {self.tolerance:g} and {self.margin:g}")
        if self.time_limit <= timedelta(0):
            raise ValueError("time_limit: expected a duration above 0, such as 14d")
        return self


class Monitoring(Section):
    """What the reference report reads."""

    report_rows: int = Field(5000, ge=100, description="Evidently's preset takes minutes on a million rows.")
