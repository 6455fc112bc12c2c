"""The knobs of the made-up stream of card payments: one frozen value that names it."""

from dataclasses import dataclass
from datetime import date

from rarecall.errors import DataError, nearest
from rarecall.simulator.looks import CHANNELS, REGIONS

FEATURES = (
    "region", "channel", "merchant_category", "entry_mode", "currency",
    "amount", "amount_to_mean", "hour", "distance_km", "minutes_since_last", "attempts_last_day", "declines_last_day",
    "device_age_days", "contact_age_days", "terminal_age_days", "terminal_risk",
)  # fmt: skip
"""What a model may read; the other columns are ids, times, the label and the truth behind it."""

COLUMNS = ("payment_id", "paid_at", "customer_id", "terminal_id", *FEATURES, "is_fraud", "fraud_kind", "labelled_at")


@dataclass(frozen=True, kw_only=True)
class Payments:
    """What a stream is made of; the same values give the same bytes.

    Attributes
    ----------
    rows, days, start, seed
        How many payments, over how many days, from which day (UTC midnight), and the seed of every draw.
    fraud_share : float
        Expected share of frauds before the knobs below.
    new_pattern_day, new_pattern_cohort, new_pattern_share
        From this day on (0 is the first), this share of the payments of one cohort, such as `("region", "north")`,
        is a fourth kind of fraud: small sums through merchants that have just opened. None: never.
    prevalence_day, prevalence_factor
        From this day on the three old kinds are this many times as frequent. None: never.
    missed_share, false_alarm_share : float
        Label noise: share of the frauds that are labelled 0, and of the honest payments that are labelled 1.
    missing : tuple of (column, share)
        Share of a feature's values that are empty.

    Raises
    ------
    DataError
        When a value is out of range or names what is not there.

    >>> Payments(new_pattern_cohort=("region", "nord"))
    Traceback (most recent call last):
    rarecall.errors.DataError: expected new_pattern_cohort to name a region, got 'nord'; did you mean 'north'?
    """

    rows: int = 120_000
    days: int = 90
    start: str = "2026-01-01"
    seed: int = 0
    fraud_share: float = 0.008
    new_pattern_day: int | None = None
    new_pattern_cohort: tuple[str, str] = ("region", "north")
    new_pattern_share: float = 0.02
    prevalence_day: int | None = None
    prevalence_factor: float = 1.0
    missed_share: float = 0.0
    false_alarm_share: float = 0.0
    missing: tuple[tuple[str, float], ...] = ()

    def __post_init__(self) -> None:
        if self.rows < 1 or self.days < 1:
            raise DataError(f"expected at least one row and one day, got rows={self.rows} and days={self.days}")
        try:
            date.fromisoformat(self.start)
        except ValueError:
            raise DataError(f"expected start as a day such as 2026-01-01, got {self.start!r}") from None
        if self.prevalence_factor < 0:
            raise DataError(f"expected prevalence_factor of at least 0, got {self.prevalence_factor}")
        names = ("fraud_share", "new_pattern_share", "missed_share", "false_alarm_share")
        for name, share in [*((name, getattr(self, name)) for name in names), *self.missing]:
            if not 0.0 <= share <= 1.0:
                raise DataError(f"expected the share {name} between 0 and 1, got {share}")
        for name, _ in self.missing:
            if name not in FEATURES:
                raise DataError(f"expected missing to name a feature, got {name!r}{nearest(name, FEATURES)}")
        name, value = self.new_pattern_cohort
        values = list({"region": REGIONS, "channel": CHANNELS}.get(name, ()))
        if value not in values:
            raise DataError(f"expected new_pattern_cohort to name a {name}, got {value!r}{nearest(value, values)}")
