"""The sections of the project file, each a frozen value; every default stands beside its reason.

`rarecall/project.py` puts them together and reads them from YAML and the environment.
"""

import re
from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, FiniteFloat, field_validator, model_validator

from rarecall.errors import brief
from rarecall.expressions import columns_of

RESERVED = (
    *("row_id", "event_timestamp", "created"),
    *("label_weight", "is_synthetic", "parent_id", "neighbor_id", "step"),
    *("failed_expectations", "snapshot_key"),
)
"""Columns that the product adds to every version; a source table may not bring its own."""

Text = Annotated[str, Field(min_length=1)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Kind = Literal["numeric", "categorical", "boolean"]


def as_list(value: Any) -> Any:
    """Let one name stand for a list of one."""
    return [value] if isinstance(value, str) else value


def as_cohort(value: Any) -> Any:
    """Let a column's name stand for a cohort without edges."""
    return {"column": value} if isinstance(value, str) else value


def as_rule(value: Any) -> Any:
    """Let an expression stand for a rule that warns."""
    return {"that": value} if isinstance(value, str) else value


_DURATION = re.compile(r"^\s*(\d{1,5}(?:\.\d+)?)\s*(d|h|m)(?:ays?|ours?|in|inutes?)?\s*$")
_UNITS = {"d": "days", "h": "hours", "m": "minutes"}


def _as_duration(value: Any) -> Any:
    """Read `14d`, `36 hours` or `90 min`; a bare number is refused, for its unit would be a guess."""
    if isinstance(value, int | float):
        raise ValueError(  # noqa: TRY004 - pydantic makes a fault of a ValueError only
            f"expected a duration with its unit, such as 14d, 36h or 90m, got {value}"
        )
    match = _DURATION.match(value) if isinstance(value, str) else None
    return timedelta(**{_UNITS[match.group(2)]: float(match.group(1))}) if match else value


def _as_moment(value: Any) -> Any:
    """Read a moment in UTC where it names no zone; a day means its beginning."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise ValueError(f"expected a moment such as 2026-03-01T12:00:00Z, got {value!r}") from None
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=UTC)
    if not isinstance(value, datetime | None):
        raise ValueError(f"expected a moment such as 2026-03-01T12:00:00Z, got {value}")  # noqa: TRY004 - as above
    return value if value is None else value.replace(tzinfo=value.tzinfo or UTC)


def _as_value(value: Any) -> Any:
    """Refuse what no cell can hold in one sentence, where a union would give one for each of its members."""
    if not isinstance(value, str | int | float):
        raise ValueError(f'expected one value, such as 1 or "yes" in quotes, got {value}')  # noqa: TRY004 - as above
    return value


def _as_straying(value: Any) -> Any:
    """Refuse what is neither a number from 0 nor auto in one sentence, as above."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if value != "auto" and not (number and 0 <= value < float("inf")):
        raise ValueError(f"expected a number from 0 or auto, got {value}")
    return value


def _as_markers(value: Any) -> Any:
    """Let one marker stand for a list of one, and a number for the text it is written as."""
    values = value if isinstance(value, list) else [value]
    return [f"{one:g}" if isinstance(one, int | float) and not isinstance(one, bool) else one for one in values]


class Section(BaseModel):
    """What every part of the project file shares: frozen, and no key that nobody reads."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Source(Section):
    """Where the rows come from: a file, a folder of Parquet, any fsspec URI, a SQL query, or what was appended."""

    path: Text | None = Field(None, description="CSV, CSV.gz, Parquet, a folder of Parquet, or any fsspec URI.")
    query: Text | None = Field(None, description="A SQL query; `url` says where it runs. Give it an ORDER BY.")
    url: Text | None = Field(
        None, repr=False, description="SQLAlchemy URL of the query; keep its password in ${A_VARIABLE}."
    )
    deliveries: bool = Field(False, description="All that `rarecall append` has delivered.")
    format: Literal["auto", "csv", "parquet"] = Field("auto", description="auto: by the file's ending.")

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        if [self.path is not None, self.query is not None, self.deliveries].count(True) != 1:
            raise ValueError("expected one of a path, a query and deliveries: true")
        if (self.query is None) != (self.url is None):
            raise ValueError("expected a query and its url together")
        return self


class Label(Section):
    """What is to be found, and when its truth is known."""

    column: str = Field(description="The column that holds it.")
    positive: Annotated[str | int | float | bool, BeforeValidator(_as_value)] = Field(
        description="The rare class's value as it stands in the table; quote yes and no."
    )
    delay: Annotated[timedelta, BeforeValidator(_as_duration)] = Field(
        timedelta(0),
        ge=timedelta(0),
        description="How long after its timestamp a row's label can be trusted, such as 14d; younger rows wait.",
    )
    table: bool = Field(False, description="Whether labels are what `rarecall labels add` took in, not the column.")
    as_of: Annotated[datetime | None, BeforeValidator(_as_moment)] = Field(
        None, description="With a table: only labels that had been taken in by then, such as 2026-03-01T12:00:00Z."
    )

    @model_validator(mode="after")
    def _of_a_table(self) -> Self:
        if self.as_of and not self.table:
            raise ValueError("expected as_of beside table: true, for a column does not say when it became known")
        return self


class Features(Section):
    """Which columns the model reads; without a list, every column that is nothing else."""

    include: list[str] | None = Field(None, description="Only these; none: every column that is nothing else.")
    exclude: list[str] = Field(default=[], description="Leaks, ids, and what is only known afterwards.")
    kinds: dict[str, Kind] = Field(default={}, description="What inference gets wrong, column by column.")


class Missing(Section):
    """Values that mean 'not known', besides the empty cell."""

    markers: Annotated[list[str], BeforeValidator(_as_markers)] = Field(
        default=[],
        description="Such as unknown, ? or -999; in CSV pandas' own (NA, NaN, null, None ...) count besides.",
    )


class Cohort(Section):
    """A segment whose recall is watched by itself: a column's values, or its bands between edges."""

    column: str = Field(description="Any column of the table, a feature or not.")
    edges: list[FiniteFloat] | None = Field(None, description="Inner edges: [30, 60] makes <30, 30-60 and >=60.")

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        if self.edges is not None and (not self.edges or sorted(set(self.edges)) != self.edges):
            raise ValueError(f"expected edges in ascending order without repeats, got {self.edges}")
        return self


class Split(Section):
    """Shares of the rows, oldest first where there is time, stratified where there is none."""

    train: Share = Field(0.6, description="Real rows that teach, and that synthetic rows are made of.")
    validation: Share = Field(0.2, description="Real rows that choose the threshold.")
    holdout: Share = Field(0.2, description="Real rows that nothing learns from; gates are judged on them.")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if abs(self.train + self.validation + self.holdout - 1.0) > 1e-9:
            total = self.train + self.validation + self.holdout
            raise ValueError(f"expected train + validation + holdout = 1, got {total:g}")
        if min(self.train, self.validation, self.holdout) <= 0:
            raise ValueError("expected train, validation and holdout above 0")
        return self


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


class Augmentation(Section):
    """Synthetic minority rows, made from training rows only."""

    sampler: Literal["adasyn", "none"] = Field(
        "adasyn", description="adasyn: more rows where the rare class is hard to tell apart; none: real rows only."
    )
    k: int = Field(5, ge=1, description="Neighbours; 5 is the paper's choice (He et al. 2008).")
    synthetic_share: float = Field(
        0.10, ge=0.0, lt=1.0, description="Share of the training rows that is synthetic, within the gates' bounds."
    )
    off_segment: Annotated[float | Literal["auto"], BeforeValidator(_as_straying)] = Field(
        "auto",
        description="How far a synthetic row strays from the line between two real ones, which gives them away.",
    )
    n_mixed: int = Field(1, ge=1, description="Neighbours that a synthetic row is drawn towards at once.")
    max_per_parent: int | None = Field(None, ge=1, description="Most synthetic rows of one real row; none: no limit.")


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

    @model_validator(mode="after")
    def _whole(self) -> Self:
        for policy, key, value in (("cost", "costs", self.costs), ("budget", "alerts_per_day", self.alerts_per_day)):
            if (self.policy == policy) != (value is not None):
                raise ValueError(f"expected {key} with policy: {policy} and only there, got policy: {self.policy}")
        return self


Learner = Literal["hist_gradient_boosting", "random_forest", "logistic_regression"]


class Training(Section):
    """The learner and its parameters, as scikit-learn names them."""

    learner: Learner = Field(
        "hist_gradient_boosting", description="The first takes missing values and categories as they are."
    )
    parameters: dict[str, Any] = Field(default={}, description="The learner's own, by scikit-learn's names.")
    precision_margin: Share = Field(
        0.05, description="The threshold holds the precision gate with this to spare: the holdout must hold it too."
    )
    calibration: Literal["auto", "none", "platt", "isotonic", "beta"] = Field(
        "auto", description="How scores become probabilities on real validation rows; auto: by their positives."
    )
    threshold: ThresholdPolicy = Field(ThresholdPolicy(), description="From which probability a row is flagged.")


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
    learners: list[Learner] = Field(default=[], description="Tried beside training.learner.")
    neighbors: list[Annotated[int, Field(ge=1)]] = Field(
        default=[], description="Values of augmentation.k to search beside the configured one."
    )
    shares: list[Annotated[float, Field(gt=0.0, lt=1.0)]] = Field(
        default=[0.1, 0.3], description="Shares of synthetic rows to search, and to draw the curve at."
    )
    parameters: dict[str, dict[str, Annotated[list[Any], Field(min_length=1)]]] = Field(
        default={}, description="By learner: values of its parameters to search."
    )


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

    @model_validator(mode="after")
    def _bounds(self) -> Self:
        if self.synthetic_share_min > self.synthetic_share_max:
            raise ValueError("expected synthetic_share_min <= synthetic_share_max")
        return self


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
    freshness: Annotated[timedelta | None, BeforeValidator(_as_duration)] = Field(
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


class Canary(Section):
    """How a challenger meets traffic."""

    share: float = Field(0.05, ge=0.01, le=0.10, description="Of the traffic: 1 to 10%.")


class Monitoring(Section):
    """What the reference report reads."""

    report_rows: int = Field(5000, ge=100, description="Evidently's preset takes minutes on a million rows.")


class Stores(Section):
    """Where everything is kept: embedded under `home` unless a URI says otherwise."""

    home: Text = Field(".rarecall", description="Relative to the project file; --home and RARECALL_HOME win.")
    mlflow: str | None = Field(None, repr=False, description="Tracking URI; none: SQLite under the home.")
    feast_registry: str | None = Field(
        None, repr=False, description="SQLAlchemy URL of Feast's registry; none: SQLite."
    )
    ledger: str | None = Field(
        None, repr=False, description="SQLAlchemy URL (SQLite or PostgreSQL) of the ledger; none: SQLite."
    )
    online: str | None = Field(
        None, repr=False, description="redis://host:port/db of the online features; none: SQLite under the home."
    )

    @field_validator("online")
    @classmethod
    def _redis(cls, online: str | None) -> str | None:
        if online is not None and not online.startswith(("redis://", "rediss://")):
            raise ValueError(f"expected redis://host:port/db (rediss:// with TLS), got {brief(online)}")
        return online

    @field_validator("home")
    @classmethod
    def _a_folder(cls, home: str) -> str:
        if "://" in home:
            raise ValueError("expected a folder, got a URI")
        return home
