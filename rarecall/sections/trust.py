"""What a delivery, its labels and the synthetic rows must hold before anything learns from them."""

from collections.abc import Collection
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, FiniteFloat, field_validator, model_validator

from rarecall.expressions import columns_of
from rarecall.sections.section import Section, Share, as_duration, as_list, as_rule


class Labels(Section):
    """The label check: how a label is judged, how many rare rows it may cost, and what follows from too much noise."""

    folds: int = Field(5, ge=2, le=20, description="Cross-validation folds that judge each row unseen.")
    k: int = Field(5, ge=1, description="Nearest rows whose labels are read beside the folds' probabilities.")
    max_dropped: Share = Field(
        0.01, description="Share of the rare training rows that a run may drop at most: each of them is dear."
    )
    on_noise: Literal["weights", "fail", "ignore"] = Field(
        "weights",
        description="Above gates.label_noise_rate. weights: no synthetic rows, classes weighed; fail: no model; "
        "ignore: as if there were none.",
    )


class Privacy(Section):
    """The attacks that are run on the synthetic rows, and whether these may leave the warehouse."""

    attack: bool = Field(True, description="Try to read real rows off the synthetic ones, and report what was found.")
    time_limit: float = Field(
        120.0, gt=0.0, description="Seconds after which the attacks stop where they are, and the report says so."
    )
    export: bool = Field(False, description="Whether `rarecall export` may hand synthetic rows out.")


class Fidelity(Section):
    """How the synthetic rows are compared with real ones; what is asked of them stands among the gates."""

    rows: int = Field(
        2000, ge=100, description="Of each side that the classifier and the associations read; more is slower."
    )
    folds: int = Field(5, ge=2, le=20, description="Of the classifier; a row and its parent stand in one.")


class Rule(Section):
    """What every row must satisfy across its columns; a row that misses one of their values breaks no rule."""

    that: str = Field(description='Comparisons of columns, such as "end >= start"; `a name` with blanks in backticks.')
    severity: Literal["critical", "warning"] = Field(
        "warning", description="warning: rows that break it go to quarantine; critical: one such row ends the run."
    )

    @field_validator("that")
    @classmethod
    def _safe(cls, that: str) -> str:
        columns_of(that)
        return that


class ColumnBounds(Section):
    """What one column must hold, in place of what was generated for it."""

    min: FiniteFloat | None = Field(None, description="Rows below go to quarantine.")
    max: FiniteFloat | None = Field(None, description="Rows above go to quarantine.")
    values: Annotated[list[str | int | float] | None, BeforeValidator(as_list)] = Field(
        None, description="Rows with any other value go to quarantine; a missing value is no other."
    )
    missing: Share | None = Field(None, description="Share of the rows that may miss it.")
    unique: bool | None = Field(None, description="true: rows that repeat a value go to quarantine.")
    distance: Share | None = Field(None, description="How far its distribution may lie from the reference's.")
    severity: Literal["critical", "warning", "off"] | None = Field(
        None,
        description="critical: whatever is asked of the column ends the run; warning: nothing does; off: nothing is "
        "asked beyond its type.",
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"expected min <= max, got {self.min:g} and {self.max:g}")
        return self


class Expectations(Section):
    """What a delivery must hold, beside the last accepted one; each limit warns, or ends the run. none: not asked."""

    rules: dict[str, Annotated[Rule, BeforeValidator(as_rule)]] = Field(
        default={}, description="What holds between columns, by name; the sampler obeys the same rules."
    )
    columns: dict[str, ColumnBounds] = Field(default={}, description="Replaces what is generated, column by column.")
    freshness: Annotated[timedelta | None, BeforeValidator(as_duration)] = Field(
        None, description="How old the newest row may be when the run starts, such as 2d; none: any age."
    )
    rows_warning: float | None = Field(
        0.8, ge=0.0, description="Of the reference's rows, at least; February has 0.9 of January's."
    )
    rows_critical: float | None = Field(
        0.25, ge=0.0, description="A sound half-year of bank-marketing has 0.42 of the one before."
    )
    missing_warning: Share | None = Field(
        0.05, description="More of the rows than in the reference; sound halves of four tables differ by 0.003 at most."
    )
    missing_critical: Share | None = Field(
        0.25, description="Sound half-years of bank-marketing differ by up to 0.12; a broken join loses more."
    )
    outside_warning: Share | None = Field(
        0.01, description="Known numbers outside the reference's range; sound samples of 3,000 rows hold 0.002."
    )
    outside_critical: Share | None = Field(
        0.5,
        description="A column that counts on with time, such as pdays of bank-marketing, reaches 0.2 in half a year.",
    )
    unseen_warning: Share | None = Field(
        0.002, description="Known texts that the reference never held, beyond what its rare texts lead to expect."
    )
    unseen_critical: Share | None = Field(
        None, description="none: the month of a sound half-year is new in every row. A new text is told, never dropped."
    )
    distance_warning: Share | None = Field(
        0.1, description="Share of the values that would have to be others, above chance; the usual PSI limit of 0.1."
    )
    distance_critical: Share | None = Field(
        0.6, description="Of numbers. Sound months of bank-marketing move by up to 0.43; other units by more."
    )
    prevalence_warning: float | None = Field(
        2.0, ge=1.0, description="Odds ratio of the rare class, either way; sound halves of four tables reach 1.15."
    )
    prevalence_critical: float | None = Field(
        8.0,
        ge=1.0,
        description="Sound half-years of bank-marketing reach 4.9; an inverted label of a class of 24%, 10.",
    )

    def rules_over(self, columns: Collection[str]) -> dict[str, str]:
        """Return the rules that read these columns only, as the sampler takes them: it draws features and no more."""
        return {name: rule.that for name, rule in self.rules.items() if set(columns_of(rule.that)) <= set(columns)}

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        for name, sign in (
            *((name, 1) for name in ("missing", "outside", "unseen", "distance", "prevalence")),
            ("rows", -1),
        ):
            narrow, wide = getattr(self, f"{name}_warning"), getattr(self, f"{name}_critical")
            if narrow is not None and wide is not None and sign * narrow > sign * wide:
                raise ValueError(
                    f"expected {name}_warning {'<=' if sign > 0 else '>='} {name}_critical, got {narrow:g} and {wide:g}"
                )
        return self
