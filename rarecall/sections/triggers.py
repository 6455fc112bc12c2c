"""What a breach starts, and what runs when."""

import re
from datetime import timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, field_validator

from rarecall.errors import brief
from rarecall.sections.section import Section, as_duration

_FIELD = re.compile(r"^[\w*/,\-#?]+$")


class Triggers(Section):
    """When a breach of a cohort's recall starts a retrain, and what else raises an alarm."""

    retrain: bool = Field(True, description="false: a breach is written down and told, and nothing is started.")
    target: bool = Field(
        True,
        description="Whether synthetic rows may be aimed at the breached cohort; they still have to earn it.",
    )
    cooldown: Annotated[timedelta, BeforeValidator(as_duration)] = Field(
        timedelta(days=1), ge=timedelta(0), description="How long after a retrain was started no other one is."
    )
    max_per_day: int = Field(2, ge=1, description="Most retrains that breaches start within 24 hours.")
    approval: Literal["none", "required"] = Field(
        "none", description="required: a person is asked before a breach starts a retrain."
    )
    approval_timeout: Annotated[timedelta, BeforeValidator(as_duration)] = Field(
        timedelta(days=3), gt=timedelta(0), description="How long a trigger waits for an answer; then it is refused."
    )
    taken_within: Annotated[timedelta, BeforeValidator(as_duration)] = Field(
        timedelta(minutes=30), gt=timedelta(0), description="After this an event that no retrain took is sent again."
    )
    labels_missing: Annotated[timedelta | None, BeforeValidator(as_duration)] = Field(
        timedelta(days=7),
        gt=timedelta(0),
        description="No label has come for so long, though answers wait for theirs: an alarm. none: never.",
    )
    source_late: Annotated[timedelta | None, BeforeValidator(as_duration)] = Field(
        timedelta(days=2),
        gt=timedelta(0),
        description="No row was delivered, or no question asked, for so long: an alarm. none: never.",
    )
    monitor_late: Annotated[timedelta, BeforeValidator(as_duration)] = Field(
        timedelta(hours=1), gt=timedelta(0), description="The monitor itself has not looked for so long: an alarm."
    )


class Schedule(Section):
    """When the deployments of `rarecall deploy` run, in cron's five fields."""

    retrain: str | None = Field("0 3 * * *", description="The whole retrain; none: only when a breach starts it.")
    monitor: str | None = Field("*/10 * * * *", description="The look at every cohort's recall; none: never by itself.")
    canary: str | None = Field("*/5 * * * *", description="The judgement of the canary; none: never by itself.")
    timezone: str = Field("UTC", description="Of the hours above, such as Europe/Berlin.")

    @field_validator("retrain", "monitor", "canary")
    @classmethod
    def _five_fields(cls, cron: str | None) -> str | None:
        if cron is not None and (len(fields := cron.split()) != 5 or not all(map(_FIELD.match, fields))):
            raise ValueError(f"expected five fields of cron such as '0 3 * * *', got {brief(cron)}")
        return cron

    @field_validator("timezone")
    @classmethod
    def _known(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"expected a time zone such as Europe/Berlin, got {brief(zone)}") from None
        return zone
