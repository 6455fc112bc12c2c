"""The table: where its rows come from, what is to be found in it, and how it is cut."""

from datetime import datetime, timedelta
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, FiniteFloat, WithJsonSchema, model_validator

from rarecall.sections.section import Kind, Section, Share, Text, as_duration, as_markers, as_moment, as_value


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


_ONE = {"anyOf": [{"type": kind} for kind in ("string", "integer", "number", "boolean")]}
_ONE_OR_MORE = WithJsonSchema({"anyOf": [*_ONE["anyOf"], {"type": "array", "items": _ONE, "minItems": 1}]})


class Label(Section):
    """What is to be found, and when its truth is known."""

    column: str = Field(description="The column that holds it.")
    positive: Annotated[str | int | float | bool, BeforeValidator(as_value), _ONE_OR_MORE] = Field(
        description="The rare class's value as it stands in the table; quote yes and no. A list: a model for each."
    )
    delay: Annotated[timedelta, BeforeValidator(as_duration)] = Field(
        timedelta(0),
        ge=timedelta(0),
        description="How long after its timestamp a row's label can be trusted, such as 14d; younger rows wait.",
    )
    table: bool = Field(False, description="Whether labels are what `rarecall labels add` took in, not the column.")
    as_of: Annotated[datetime | None, BeforeValidator(as_moment)] = Field(
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

    markers: Annotated[list[str], BeforeValidator(as_markers)] = Field(
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
