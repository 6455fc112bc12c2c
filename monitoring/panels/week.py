"""Figures of the last seven days of labels, day after day."""

from collections.abc import Callable
from datetime import date, timedelta

from monitoring.dashboard import Told
from monitoring.label_time import ALL, Counts

DAYS = 7


def rolling(told: Told, figure: Callable[[Counts], float | None]) -> list[tuple[date, float]]:
    """Return a figure of the seven days up to each day of the period; days without one are left out."""
    last = told.now.date()
    days = [last - timedelta(days=back) for back in range(told.project.slo.period.days, -1, -1)]
    found = []
    for day in days:
        within = Counts()
        for back in range(DAYS):
            within += told.days.get(f"{day - timedelta(days=back):%Y-%m-%d}", {}).get(ALL, Counts())
        if (value := figure(within)) is not None:
            found.append((day, value))
    return found


NO_LABELS = (
    "No label has come within the period. Serve the model (rarecall serve), and hand the truth of its answers in with "
    "POST /labels as it becomes known."
)
NO_RUNS = "No retrain has come to its end in this home yet. Make one: rarecall retrain."
