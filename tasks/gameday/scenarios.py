"""The scenarios there are, in the order in which they are told."""

from rarecall.errors import DataError, nearest
from tasks.gameday import bad_canary, new_fraud, prevalence_collapse
from tasks.gameday.scenario import Scenario

_TOLD = (new_fraud, bad_canary, prevalence_collapse)
SCENARIOS: dict[str, Scenario] = {one.SCENARIO.name: one.SCENARIO for one in _TOLD}


def scenario(name: str) -> Scenario:
    """Return a scenario by its name; DataError where there is none.

    >>> scenario("new_fraud")
    Traceback (most recent call last):
    rarecall.errors.DataError: expected a scenario, got 'new_fraud'; did you mean 'new-fraud'?
    """
    if name not in SCENARIOS:
        raise DataError(f"expected a scenario, got {name!r}{nearest(name, list(SCENARIOS))}")
    return SCENARIOS[name]
