"""How the payments of the made-up stream look, as data: an everyday payment, odd but honest ones, and the frauds.

Every look is a set of differences from an everyday payment, column by column. A fraud differs in several columns and
gives itself away in most of them; an honest traveller shares some of the differences. That overlap is the whole
difficulty of the stream.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

REGIONS = {"capital": 0.32, "south": 0.22, "north": 0.18, "west": 0.16, "islands": 0.12}
CHANNELS = {"pos": 0.50, "ecommerce": 0.30, "atm": 0.11, "phone": 0.09}
HOURS = (2, 1, 1, 1, 1, 2, 5, 9, 12, 13, 14, 16, 18, 16, 14, 14, 16, 19, 20, 18, 14, 10, 7, 4)
"""Relative number of payments in each hour of the day."""

SIZES = {
    "amount_to_mean": (0.8, 0.6),
    "distance_km": (4.0, 1.1),
    "minutes_since_last": (1200.0, 1.0),
    "device_age_days": (300.0, 0.9),
    "contact_age_days": (600.0, 0.8),
}
"""Lognormal columns of an everyday payment: median, and sigma of the logarithm."""

CAPS = {"distance_km": 20_000, "minutes_since_last": 1440, "device_age_days": 180, "contact_age_days": 180}
"""Columns kept as whole numbers, and how far an issuer looks: once round the world, a day, half a year."""

COUNTS = {"attempts_last_day": 0.9, "declines_last_day": 0.06}
"""Geometric columns of an everyday payment: mean."""

_SHOPS = {
    "groceries": 0.34, "restaurants": 0.20, "fuel": 0.12, "clothing": 0.12,
    "electronics": 0.08, "travel": 0.07, "digital_goods": 0.04, "gift_cards": 0.03,
}  # fmt: skip
CATEGORIES: dict[str, dict[str, dict[str, float]]] = {
    "merchant_category": {"pos": _SHOPS, "ecommerce": _SHOPS, "phone": _SHOPS, "atm": {"cash": 1.0}},
    "entry_mode": {
        "pos": {"chip": 0.42, "contactless": 0.42, "wallet": 0.12, "magstripe": 0.04},
        "ecommerce": {"stored": 0.45, "keyed": 0.35, "wallet": 0.20},
        "atm": {"chip": 0.86, "contactless": 0.10, "magstripe": 0.04},
        "phone": {"keyed": 0.90, "stored": 0.10},
    },
    "currency": {channel: {"EUR": 0.93, "USD": 0.03, "GBP": 0.03, "CHF": 0.01} for channel in CHANNELS},
}
"""Categorical columns of an everyday payment: probabilities by channel."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """How one sort of payment looks: where it differs from an everyday payment.

    Attributes
    ----------
    share : float
        Of the honest payments, or of the frauds.
    fraud : bool
        Whether it is one.
    shown : float
        Probability, column by column, that a payment of this sort gives itself away there.
    channels : mapping of str to float
        Relative propensity by channel; a channel that is not named has none.
    night : float
        Propensity before six in the morning, relative to the rest of the day.
    sizes, counts, categories
        The laws that differ, written as in `SIZES`, `COUNTS` and, for every channel alike, `CATEGORIES`.
    """

    share: float
    fraud: bool = True
    shown: float = 0.95
    channels: Mapping[str, float] = field(default_factory=lambda: dict.fromkeys(CHANNELS, 1.0))
    night: float = 1.0
    sizes: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    counts: Mapping[str, float] = field(default_factory=dict)
    categories: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


EVERYDAY = "everyday"
COMPROMISED = "compromised_terminal"
NEW_PATTERN = "shell_merchant"
LOOKS = {
    EVERYDAY: Look(share=0.0, fraud=False),  # the rest
    "travel": Look(
        share=0.03,
        fraud=False,
        shown=0.85,
        sizes={"distance_km": (250.0, 0.8)},
        counts={"attempts_last_day": 2.5, "declines_last_day": 0.2},
        categories={"currency": {"EUR": 0.3, "USD": 0.35, "GBP": 0.25, "CHF": 0.1}},
    ),
    "new_phone": Look(
        share=0.02,
        fraud=False,
        shown=0.85,
        sizes={"device_age_days": (2.0, 0.8), "amount_to_mean": (1.2, 0.6)},
    ),
    "stolen_card": Look(
        share=0.36,
        channels={"pos": 1.0, "atm": 1.5, "ecommerce": 0.3},
        night=3.0,
        sizes={"amount_to_mean": (3.0, 0.5), "distance_km": (120.0, 0.9), "minutes_since_last": (12.0, 0.8)},
        counts={"attempts_last_day": 6.0, "declines_last_day": 1.5},
    ),
    # Besides what stands here it strikes at terminals whose disputes are rising: see `terminal_risk`.
    COMPROMISED: Look(
        share=0.30,
        channels={"pos": 1.0, "atm": 1.0},
        sizes={"amount_to_mean": (2.2, 0.5), "minutes_since_last": (40.0, 0.9)},
        categories={"entry_mode": {"magstripe": 1.0}},
    ),
    "account_takeover": Look(
        share=0.34,
        channels={"ecommerce": 1.0, "phone": 1.2},
        night=1.5,
        sizes={"amount_to_mean": (2.6, 0.5), "device_age_days": (0.6, 0.8), "contact_age_days": (3.0, 0.9)},
        categories={"merchant_category": {"electronics": 0.45, "gift_cards": 0.35, "digital_goods": 0.2}},
    ),
    # Small sums through merchants that have just opened, which no other sort of payment is: see `terminal_age_days`.
    NEW_PATTERN: Look(
        share=0.0,
        sizes={"amount_to_mean": (0.1, 0.3)},
        categories={"merchant_category": {"digital_goods": 0.8, "gift_cards": 0.2}},
    ),
}
"""Every sort of payment by name; the name of a fraud is what `fraud_kind` says."""
