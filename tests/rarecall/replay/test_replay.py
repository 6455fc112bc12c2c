"""A replay: what each policy regrets is counted, and ours retrains when a cohort's recall has fallen."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from rarecall.errors import DataError
from rarecall.replay.history import History, of_table
from rarecall.replay.models import Models
from rarecall.replay.policies import AnyDrift, Breach, Every
from rarecall.replay.run import replay, verdict
from rarecall.sections import Training

N = 6000


def history() -> History:
    """Half a year in which what gives the north's positives away becomes another column in the middle."""
    rng = np.random.default_rng(0)
    y = (rng.random(N) < 0.25).astype(int)
    north = rng.random(N) < 0.5
    moved = (np.arange(N) >= N // 2) & north
    table = pd.DataFrame(
        {
            "event_timestamp": pd.date_range("2026-01-01", periods=N, freq="44min", tz="UTC"),
            "label": y,
            "a": rng.normal(size=N) + 4.0 * y * ~moved,
            "b": rng.normal(size=N) + 4.0 * y * moved,
        }
    )
    cohorts = pd.DataFrame({"region": np.where(north, "north", "south")})
    return of_table(table, {"a": "numeric", "b": "numeric"}, cohorts, delay=pd.Timedelta(days=5))


def models_of(told: History, most_rows: int = 20_000) -> Models:
    learner = Training(learner="logistic_regression")
    rounds = told.rounds(begin=0.3, many=10)
    return Models(history=told, rounds=rounds, training=learner, precision_floor=0.7, most_rows=most_rows, seed=0)


@pytest.fixture(scope="module")
def lived():
    models = models_of(history())
    return models, replay(models, models.history, Breach(), every=(1, 3, None))


def test_a_policy_that_retrains_before_every_round_regrets_nothing(lived):
    every = lived[1][0]
    assert (every.name, every.retrains, every.regret) == ("every round", 9, 0.0)


def test_ours_retrains_for_the_cohort_that_fell_and_not_before(lived):
    ours = lived[1][-1]
    first, why = ours.when[0]
    begun = next(n for n, part in enumerate(lived[0].rounds) if part.stop > N // 2)
    assert begun < first <= begun + 3
    assert why.startswith("region north: found ")
    never = next(one for one in lived[1] if one.retrains == 0)
    assert ours.regret < never.regret - 0.1
    assert ours.retrains <= 3


def test_regret_is_the_recall_given_away_over_all_positives(lived):
    best, never = lived[1][0], lived[1][2]
    assert never.name == "never"
    assert never.regret == pytest.approx(best.recall - never.recall)


def test_a_label_that_is_not_known_yet_teaches_nobody(lived):
    models, _ = lived
    told = models.history
    for number, made in models.made.items():
        assert (told.known[made.taught] <= told.moments[models.rounds[number].start]).all()


def test_any_drift_sees_a_column_that_moved(lived):
    models, _ = lived
    told, rounds = models.history, models.rounds
    moved = replace(told, rows=told.rows.assign(a=told.rows["a"].where(told.moments < told.moments[N // 2], 9.0)))
    assert AnyDrift().asks(moved, rounds, 9, 0, models.at(0)) is not None
    assert AnyDrift(rest=12).asks(moved, rounds, 9, 0, models.at(0)) is None
    assert Every(None).asks(moved, rounds, 9, 0, models.at(0)) is None


def test_ours_is_held_against_the_others_at_as_many_retrains(lived):
    ours = replace(lived[1][-1], retrains=3, regret=0.05)
    calendar = [replace(ours, kind="every", retrains=n, regret=r) for n, r in [(0, 0.5), (2, 0.2), (4, 0.1)]]
    drift = [replace(ours, kind="drift", retrains=n, regret=r) for n, r in [(3, 0.02)]]
    found = verdict([*calendar, *drift, replace(drift[0], kind="rested"), ours])["beside"]
    assert found["every"] == {"regret": pytest.approx(0.15), "retrains": None, "better": True}
    assert found["drift"] == {"regret": pytest.approx(0.02), "retrains": 3, "better": False}


def test_a_history_without_moments_enough_is_refused():
    told = history()
    one = replace(told, moments=np.full(N, told.moments[0]))
    with pytest.raises(DataError, match="expected at least 10 moments"):
        one.rounds(begin=0.3, many=10)


def test_too_few_labels_to_begin_with_are_refused():
    told = history()
    late = replace(told, known=told.known + np.timedelta64(400, "D"))
    with pytest.raises(DataError, match="expected 2 known labels of both classes before round 0"):
        models_of(late).at(0)
