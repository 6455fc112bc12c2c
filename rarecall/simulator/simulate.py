"""A made-up stream of card payments with three kinds of fraud: the only table of the product that is not real.

The slots of the stream are drawn first: when, which customer, which channel. A fraud then befalls a slot, each kind
where and when it likes to strike, and changes how the payment looks (`rarecall/simulator/looks.py`).
"""

import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from rarecall.simulator.looks import (
    CAPS,
    CATEGORIES,
    CHANNELS,
    COMPROMISED,
    COUNTS,
    HOURS,
    LOOKS,
    NEW_PATTERN,
    REGIONS,
    SIZES,
    Look,
)
from rarecall.simulator.payments import COLUMNS, FEATURES, Payments

__all__ = ["COLUMNS", "FEATURES", "SETTLED", "Payments", "known_at", "simulate"]

SETTLED = 14
"""Days after which a payment that nobody disputed counts as honest."""

_DAY = 86_400_000_000  # microseconds
_DELAY = (3.0, 0.6)  # days until a fraud is reported: median, sigma of the logarithm; 0.5% take longer than SETTLED
_PAYMENTS_A_DAY = 0.5  # of a customer
_NIGHT = 6  # ends at this hour
_TERMINALS = 100  # of each channel and merchant category; in any week one of them is compromised
_SHELL_DAYS = 10  # how long a shell merchant stays open

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def simulate(payments: Payments) -> pd.DataFrame:
    """Draw a stream of card payments.

    Every draw has a generator of its own, found by the name of what is drawn, so turning one knob changes only what
    it must: more frauds are the same frauds and some more, and every other payment keeps its bytes.

    Returns
    -------
    DataFrame of shape (rows, 23)
        `COLUMNS`, in time order. `paid_at` and `labelled_at` are microseconds in UTC, `is_fraud` is 1 or 0 as
        labelled, `fraud_kind` is the truth ("none" for an honest payment).

    >>> stream = simulate(Payments(rows=2000, days=10, fraud_share=0.05))
    >>> stream.shape, sorted(stream["fraud_kind"].unique())
    ((2000, 23), ['account_takeover', 'compromised_terminal', 'none', 'stolen_card'])
    >>> stream.equals(simulate(Payments(rows=2000, days=10, fraud_share=0.05)))
    True
    """
    draw = _Draws(payments.seed, payments.rows)
    since, day, hour = _times(draw, payments.days)
    customers = max(20, round(payments.rows / payments.days / _PAYMENTS_A_DAY))
    customer = _pick(draw("activity").gamma(2.0, size=customers), draw.uniform("customer"))
    region = _pick([*REGIONS.values()], draw("region").random(customers))[customer]
    channel = _pick([*CHANNELS.values()], draw.uniform("channel"))

    cohort = {"region": _names(REGIONS)[region], "channel": _names(CHANNELS)[channel]}
    look = _befall(draw, payments, day=day, hour=hour, channel=channel, cohort=cohort)
    seen, category = _columns(draw, look, channel)
    usual = 30.0 * np.exp(0.5 * draw("usual").standard_normal(customers))[customer]
    at = _terminals(draw, look, day=day, group=channel * _bounds("merchant_category")[0].size + category)

    fraud = np.array([each.fraud for each in LOOKS.values()])[look]
    wrong = draw.uniform("label") < np.where(fraud, payments.missed_share, payments.false_alarm_share)
    labelled = fraud ^ wrong
    delay = _DELAY[0] * np.exp(_DELAY[1] * draw.normal("delay"))
    delay = np.where(labelled, delay, SETTLED) * _DAY

    frame = pd.DataFrame(
        {
            "payment_id": np.arange(1, payments.rows + 1),
            "paid_at": _instants(payments.start, since),
            "customer_id": customer + 1,
            "hour": hour,
            "amount": np.maximum(np.round(usual * seen["amount_to_mean"], 2), 0.01),
            "is_fraud": labelled.astype(np.int64),
            "fraud_kind": np.where(fraud, _names(LOOKS)[look], "none"),
            "labelled_at": _instants(payments.start, since + delay.astype(np.int64)),
            **cohort,
            **seen,
            **at,
        }
    )
    for column, share in payments.missing:
        frame[column] = frame[column].mask(draw.uniform(f"missing/{column}") < share)
    return frame[list(COLUMNS)]


def known_at(frame: pd.DataFrame, moment: str | pd.Timestamp) -> pd.DataFrame:
    """Return the table as it would be exported at a moment: labels arrive late.

    Parameters
    ----------
    frame : DataFrame
        A stream as `simulate` makes it.
    moment : str or Timestamp
        UTC when it names no zone.

    Returns
    -------
    DataFrame
        The payments before the moment. A label that has not arrived says 0, its `labelled_at` is empty and its
        `fraud_kind` is "none": nothing in the export knows more than was known.

    >>> stream = simulate(Payments(rows=2000, days=10, fraud_share=0.05))
    >>> export = known_at(stream, "2026-01-06")
    >>> export["paid_at"].max() < pd.Timestamp("2026-01-06", tz="UTC")
    True
    >>> bool(export["is_fraud"].sum() < stream.loc[export.index, "is_fraud"].sum())
    True
    """
    instant = pd.Timestamp(moment)
    instant = instant.tz_localize("UTC") if instant.tzinfo is None else instant
    export = frame[frame["paid_at"] < instant].copy()
    unknown = export["labelled_at"] > instant
    export["is_fraud"] = export["is_fraud"].mask(unknown, 0)
    export["fraud_kind"] = export["fraud_kind"].mask(unknown, "none")
    export["labelled_at"] = export["labelled_at"].mask(unknown)
    return export


class _Draws:
    """One generator a name, each a child of the seed: no draw moves another."""

    def __init__(self, seed: int, rows: int) -> None:
        self.seed, self.rows = seed, rows

    def __call__(self, name: str) -> np.random.Generator:
        # What SeedSequence.spawn does, with the name's checksum where it has a running number.
        child = np.random.SeedSequence(self.seed, spawn_key=(zlib.crc32(name.encode()),))
        return np.random.default_rng(child)

    def uniform(self, name: str) -> Floats:
        return self(name).random(self.rows)

    def normal(self, name: str) -> Floats:
        return self(name).standard_normal(self.rows)


def _times(draw: _Draws, days: int) -> tuple[Ints, Ints, Ints]:
    """Return microseconds since the start in ascending order, and the day and the hour they fall in."""
    clock = np.concatenate([[0.0], np.cumsum(HOURS)]) / sum(HOURS)
    day = np.floor(draw.uniform("day") * days)
    since = np.sort(((day + np.interp(draw.uniform("hour"), clock, np.arange(25) / 24)) * _DAY).astype(np.int64))
    return since, since // _DAY, since % _DAY * 24 // _DAY


def _instants(start: str, since: Ints) -> pd.DatetimeIndex:
    """Return moments in UTC, in microseconds, from microseconds since the start."""
    return pd.DatetimeIndex(np.datetime64(start, "us") + since.astype("timedelta64[us]"), tz="UTC")


def _befall(
    draw: _Draws, payments: Payments, *, day: Ints, hour: Ints, channel: Ints, cohort: Mapping[str, npt.NDArray[Any]]
) -> Ints:
    """Return each payment's look, as its position in `LOOKS`."""
    look = np.zeros(payments.rows, dtype=np.int64)
    spared = np.ones(payments.rows, dtype=bool)
    later = np.ones(payments.rows)
    if payments.prevalence_day is not None:
        later[day >= payments.prevalence_day] = payments.prevalence_factor
    for position, (name, each) in enumerate(LOOKS.items()):
        rate = np.full(payments.rows, each.share)
        if each.fraud:
            rate = payments.fraud_share * each.share * later * _propensity(each, channel=channel, hour=hour)
        if name == NEW_PATTERN and payments.new_pattern_day is not None:
            column, value = payments.new_pattern_cohort
            rate = payments.new_pattern_share * ((cohort[column] == value) & (day >= payments.new_pattern_day))
        hit = spared & (draw.uniform(f"befall/{name}") < rate)
        look[hit] = position
        if each.fraud:
            spared &= ~hit  # a fraud stays what it was, whatever knob adds more
    return look


def _propensity(look: Look, *, channel: Ints, hour: Ints) -> Floats:
    """Return how much likelier than on average a fraud is in each payment's channel and hour."""
    by_channel = np.array([look.channels.get(name, 0.0) for name in CHANNELS])
    by_night = np.array([1.0, look.night])
    night = sum(HOURS[:_NIGHT]) / sum(HOURS)
    mean = by_channel.dot([*CHANNELS.values()]) * by_night.dot([1 - night, night])
    relative: Floats = by_channel[channel] * by_night[(hour < _NIGHT).astype(np.int64)] / mean
    return relative


def _columns(draw: _Draws, look: Ints, channel: Ints) -> tuple[dict[str, npt.NDArray[Any]], Ints]:
    """Return the columns that follow the looks' laws, and the merchant category's codes."""
    seen: dict[str, npt.NDArray[Any]] = {}
    for column, law in SIZES.items():
        median, sigma = np.array([each.sizes.get(column, law) for each in LOOKS.values()])[_shown(draw, column, look)].T
        size = median * np.exp(sigma * draw.normal(column))
        seen[column] = np.minimum(size, CAPS[column]).astype(np.int64) if column in CAPS else np.round(size, 2)
    for column, count in COUNTS.items():
        mean = np.array([each.counts.get(column, count) for each in LOOKS.values()])
        # The floor of an exponential is a geometric count, and one draw whatever its mean is.
        scale = (1 / np.log1p(1 / mean))[_shown(draw, column, look)]
        seen[column] = np.floor(scale * draw(column).standard_exponential(look.size)).astype(np.int64)
    for column in CATEGORIES:
        names, bounds = _bounds(column)
        codes = (draw.uniform(column)[:, None] >= bounds[_shown(draw, column, look), channel]).sum(axis=1)
        seen[column] = names[codes]
        if column == "merchant_category":
            category = codes
    return seen, category


def _shown(draw: _Draws, column: str, look: Ints) -> Ints:
    """Return the look each payment has in one column: its own where it gives itself away, else everyday."""
    shown = np.array([each.shown for each in LOOKS.values()])[look]
    return np.where(draw.uniform(f"shown/{column}") < shown, look, 0)


def _bounds(column: str) -> tuple[npt.NDArray[Any], Floats]:
    """Return a categorical column's values, and their inner cumulative bounds by look and channel."""
    laws = [
        [each.categories.get(column, by_channel) for by_channel in CATEGORIES[column].values()]
        for each in LOOKS.values()
    ]
    names = sorted({name for row in laws for law in row for name in law})
    share = np.array([[[law.get(name, 0.0) for name in names] for law in row] for row in laws])
    return np.array(names, dtype=object), np.cumsum(share, axis=2)[:, :, :-1]


def _terminals(draw: _Draws, look: Ints, *, day: Ints, group: Ints) -> dict[str, npt.NDArray[Any]]:
    """Return each payment's terminal, the terminal's age in days and its disputes per thousand payments."""
    groups = len(CHANNELS) * len(_bounds("merchant_category")[0])
    terminal = group + groups * np.floor(_TERMINALS * draw.uniform("terminal") ** 1.5).astype(np.int64)

    week = day // 7
    compromised = group + groups * draw("compromised").integers(_TERMINALS, size=(week[-1] + 1, groups))[week, group]
    names = [*LOOKS]
    terminal = np.where(_shown(draw, "terminal", look) == names.index(COMPROMISED), compromised, terminal)
    # A terminal is let to a new merchant now and then; without that there would be no young ones after a while.
    lease = draw("lease").integers(200, 3000, size=groups * _TERMINALS)
    age = (draw("age").integers(3000, size=lease.size)[terminal] + day) % lease[terminal]
    usual = 2.0 * np.exp(0.5 * draw("disputes").standard_normal(lease.size))
    risk = usual[terminal] * np.exp(0.4 * draw.normal("risk")) * np.where(terminal == compromised, 10.0, 1.0)

    shell = _shown(draw, "shell", look) == names.index(NEW_PATTERN)
    number = lease.size + 3 * (day // _SHELL_DAYS) + draw("shell").integers(3, size=look.size)
    return {
        "terminal_id": np.where(shell, number, terminal) + 1,
        "terminal_age_days": np.where(shell, day % _SHELL_DAYS, np.minimum(age, 180)),
        "terminal_risk": np.round(risk, 1),
    }


def _pick(weights: Any, uniform: Floats) -> Ints:
    """Return, for each uniform number, a position drawn by the weights."""
    bounds = np.cumsum(weights)
    return np.searchsorted(bounds[:-1] / bounds[-1], uniform, side="right").astype(np.int64)


def _names(values: Mapping[str, Any]) -> npt.NDArray[Any]:
    return np.array([*values], dtype=object)
