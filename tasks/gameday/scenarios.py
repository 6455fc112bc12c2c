"""The scenarios there are, in the order in which they are told."""

from rarecall.errors import DataError, nearest
from tasks.gameday import (
    bad_canary,
    corrupted_delivery,
    label_noise,
    new_fraud,
    prevalence_collapse,
    registry_gone,
    slow_model,
    worker_killed,
)
from tasks.gameday.scenario import Scenario

_TOLD = (
    new_fraud, bad_canary, corrupted_delivery, registry_gone, prevalence_collapse, label_noise, slow_model,
    worker_killed,
)  # fmt: skip
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
