import imblearn.over_sampling
import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import make_classification

from rarecall.errors import DataError
from rarecall.intervals import below
from rarecall.privacy import attack
from rarecall.resampling import ADASYN


@pytest.fixture(scope="module")
def table():
    return make_classification(1500, 8, n_informative=5, weights=[0.95], random_state=0)


def _attacked(table, sampler=None, **options):
    X, y = table
    drawn = (sampler or ADASYN(random_state=0)).fit_resample(X, y)[0][len(X) :]
    return attack(X[y == 1], drawn, random_state=0, **options)


@pytest.fixture(scope="module")
def plain(table):
    return _attacked(table)


def test_real_rows_are_read_off_imbalanced_learns_adasyn(table):
    result = _attacked(table, imblearn.over_sampling.ADASYN(random_state=0))
    assert result.reconstruction_recall > 0.7
    assert result.reconstruction_precision > 0.95


def test_real_rows_are_read_off_ours_on_the_line(plain):
    assert plain.reconstruction_recall > 0.7
    assert plain.reconstruction_precision > 0.95
    assert plain.recall_interval.low < plain.reconstruction_recall < plain.recall_interval.high
    assert plain.distinguishing_auc > 0.95


def test_copies_and_distances_do_not_move_where_the_attack_does(table, plain):
    off = _attacked(table, ADASYN(random_state=0, off_segment="auto"))
    assert plain.copied == off.copied == 0
    assert off.closest[0] < 1.5 * plain.closest[0]
    assert off.reconstruction_recall < plain.reconstruction_recall / 4


@pytest.mark.parametrize(
    "course", [{"off_segment": "auto"}, {"n_mixed": 3}, {"off_segment": 0.1, "n_mixed": 2}], ids=str
)
def test_off_the_line_less_than_half_is_recovered(table, plain, course):
    result = _attacked(table, ADASYN(random_state=0, **course))
    assert result.reconstruction_recall < plain.reconstruction_recall / 2
    assert result.distinguishing_auc < plain.distinguishing_auc


def test_rounding_is_a_defence(table, plain):
    X, y = table
    result = _attacked((X.round(1), y), ADASYN(random_state=0, steps=dict.fromkeys(range(8), 0.1)))
    assert result.reconstruction_recall < plain.reconstruction_recall / 2


def test_rounded_lightly_rows_are_read_off_all_the_same(table):
    X, y = table
    result = _attacked((X.round(3), y), ADASYN(random_state=0, steps=dict.fromkeys(range(8), 0.001)))
    assert result.reconstruction_recall > 0.5


def test_the_rows_at_risk_are_those_that_were_met(table, plain):
    n = int(table[1].sum())
    assert plain.rows_at_risk == len(plain.at_risk) == round(plain.reconstruction_recall * n)
    assert set(plain.at_risk) <= set(range(n))


def test_rows_that_were_drawn_from_no_real_row_give_none_away(table):
    X, y = table
    fresh = np.random.default_rng(0).normal(size=(900, 8))
    result = attack(X[y == 1], fresh, random_state=0)
    assert result.reconstruction_recall == 0
    assert result.rows_at_risk == 0


def test_what_is_met_of_rows_held_out_is_chance(table):
    X, y = table
    rare = X[y == 1]
    result = _attacked(table, holdout=rare + 5)
    assert {one.chance_recall for one in result.attackers} == {0.0}


def test_a_sample_is_named_and_repeats(table, plain):
    first, second = (_attacked(table, max_rows=40) for _ in range(2))
    assert first == second
    assert first.real_rows == (40, int(table[1].sum()))
    assert first.recall_interval.low <= plain.reconstruction_recall <= first.recall_interval.high


def test_a_time_limit_that_strikes_is_told(table, plain):
    assert plain.complete
    result = _attacked(table, time_limit=1e-9)
    assert not result.complete
    assert result.reconstruction_recall < plain.reconstruction_recall


@pytest.fixture(scope="module")
def mixed():
    """Numbers, whole numbers, gaps, a constant, a category, a date."""
    rng = np.random.default_rng(1)
    n = 900
    frame = pd.DataFrame(rng.normal(size=(n, 4))).rename(columns=str)
    frame["visits"] = pd.array(rng.integers(0, 50, n), dtype="Int64")
    frame["constant"] = 7.0
    frame["job"] = rng.choice(["clerk", "nurse", None], n)
    frame["since"] = pd.Timestamp("2020-01-01", tz="UTC") + pd.to_timedelta(rng.integers(0, 10**7, n), unit="s")
    frame.loc[rng.random(n) < 0.03, "0"] = np.nan
    return frame, (rng.random(n) < 0.06).astype(int)


def test_mixed_tables_are_attacked_in_their_numbers(mixed):
    X, y = mixed
    drawn = ADASYN(random_state=0).fit_resample(X, y)[0].iloc[len(X) :]
    result = attack(X[y == 1], drawn, random_state=0)
    lines = next(one for one in result.attackers if one.attacker == "lines")
    assert lines.numbers_recall > 0.4
    assert lines.numbers_recall >= lines.recall
    assert lines.numbers_precision > 0.9


def test_a_category_that_differs_is_no_reconstruction(mixed):
    X, y = mixed
    drawn = ADASYN(random_state=0).fit_resample(X, y)[0].iloc[len(X) :]
    result = attack(X[y == 1].assign(job="another"), drawn, random_state=0)
    assert result.reconstruction_recall == 0


def test_kinds_say_which_columns_are_numbers(mixed):
    X, y = mixed
    kinds = dict.fromkeys(X.columns, "categorical") | {"visits": "numeric"}
    result = attack(X[y == 1], X[y == 0], random_state=0, kinds=kinds)
    assert result.reconstruction_recall == 0


@pytest.mark.parametrize("count", [1, 2, 5])
def test_few_rows_are_not_enough_evidence(table, count):
    X, y = table
    result = attack(X[y == 1][:3], X[y == 1][5 : 5 + count], random_state=0)
    assert below(result.recall_interval, 0.1) == "not enough evidence"


def test_unlike_columns_and_no_rows_are_refused_in_a_sentence(mixed):
    X, _ = mixed
    with pytest.raises(DataError, match="the same columns"):
        attack(X, X.drop(columns="job"), random_state=0)
    with pytest.raises(DataError, match="expected real and synthetic rows, got 900 and 0"):
        attack(X, X.head(0), random_state=0)
