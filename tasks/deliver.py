"""Deliver the demo's table as it would be exported on a day, late labels included."""

from pathlib import Path
from typing import Any

_ROWS_A_DAY = 2400
_DAYS = 125


def deliver(file: Path, *, day: int, pattern_day: int) -> dict[str, Any]:
    """Write the payments known on a day, aside and renamed, and return how many and how rare."""
    import pandas as pd

    from rarecall.simulator.simulate import Payments, known_at, simulate

    payments = Payments(rows=_ROWS_A_DAY * _DAYS, days=_DAYS, new_pattern_day=pattern_day)
    export = known_at(simulate(payments), pd.Timestamp(payments.start) + pd.Timedelta(days=day))
    file.parent.mkdir(parents=True, exist_ok=True)
    aside = file.with_suffix(".partial")
    export.to_parquet(aside, index=False)
    aside.replace(file)
    return {"rows": len(export), "prevalence": float(export["is_fraud"].mean())}
