"""The gates that a model must hold, and what is watched once it serves."""

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from rarecall.sections.section import Section, Share, as_duration


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
    """How a challenger meets traffic."""

    share: float = Field(0.05, ge=0.01, le=0.10, description="Of the traffic: 1 to 10%.")


class Monitoring(Section):
    """What the reference report reads."""

    report_rows: int = Field(5000, ge=100, description="Evidently's preset takes minutes on a million rows.")
