"""What every section of the project file is, and how a person may write its values."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

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


def as_duration(value: Any) -> Any:
    """Read `14d`, `36 hours` or `90 min`; a bare number is refused, for its unit would be a guess."""
    if isinstance(value, int | float):
        raise ValueError(  # noqa: TRY004 - pydantic makes a fault of a ValueError only
            f"expected a duration with its unit, such as 14d, 36h or 90m, got {value}"
        )
    match = _DURATION.match(value) if isinstance(value, str) else None
    return timedelta(**{_UNITS[match.group(2)]: float(match.group(1))}) if match else value


def as_moment(value: Any) -> Any:
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


def as_value(value: Any) -> Any:
    """Refuse what no cell can hold in one sentence, where a union would give one for each of its members."""
    if not isinstance(value, str | int | float):
        raise ValueError(f'expected one value, such as 1 or "yes" in quotes, got {value}')  # noqa: TRY004 - as above
    return value


def as_straying(value: Any) -> Any:
    """Refuse what is neither a number from 0 nor auto in one sentence, as above."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if value != "auto" and not (number and 0 <= value < float("inf")):
        raise ValueError(f"expected a number from 0 or auto, got {value}")
    return value


def as_markers(value: Any) -> Any:
    """Let one marker stand for a list of one, and a number for the text it is written as."""
    values = value if isinstance(value, list) else [value]
    return [f"{one:g}" if isinstance(one, int | float) and not isinstance(one, bool) else one for one in values]


class Section(BaseModel):
    """What every part of the project file shares: frozen, and no key that nobody reads."""

    model_config = ConfigDict(frozen=True, extra="forbid")
