"""A classifier finds what differs, and nothing else: not a parent it has seen, not the fold it was drawn in."""

import numpy as np
import pandas as pd

from rarecall.likeness.detectability import detect

KINDS = {"amount": "numeric", "job": "categorical"}


def rows(n, seed, jobs=("cook", "nurse")):
    rng = np.random.default_rng(seed)
    return pd.DataFrame({"amount": rng.normal(size=n), "job": rng.choice(np.array(jobs, dtype=object), n)})


def test_two_samples_of_one_population_are_not_told_apart():
    held = [detect(rows(150, seed), rows(150, 50 + seed), KINDS, folds=3, random_state=seed) for seed in range(8)]
    assert sum(one["low"] < 0.5 < one["high"] for one in held) >= 7


def test_what_only_two_columns_together_show_is_found():
    real = rows(400, 0)
    made = rows(400, 1)
    made["job"] = np.where(made["amount"] > 0, "cook", "nurse")
    found = detect(real, made, KINDS, folds=3)
    assert found["low"] > 0.6


def test_a_missing_value_or_a_new_category_is_no_hindrance():
    made = rows(100, 1, jobs=("pilot",)).assign(amount=np.nan)
    assert detect(rows(100, 0), made, KINDS, folds=3)["value"] == 1.0


def test_a_group_is_never_seen_before_it_is_judged():
    """Each group is one kind of row only and known by its amount: who has seen the group knows the answer."""
    group = np.repeat(np.arange(80), 5)
    amount = np.random.default_rng(0).permutation(80)[group].astype(float)
    frame = pd.DataFrame({"amount": amount})
    about = {"kinds": {"amount": "numeric"}, "folds": 4}
    leaked = detect(frame[:200], frame[200:], **about)["value"]
    grouped = detect(frame[:200], frame[200:], groups=group, **about)["value"]
    assert leaked > 0.9
    assert grouped < 0.7


def test_too_few_rows_or_parents_are_not_enough_evidence():
    nothing = {"value": None, "low": None, "high": None}
    assert detect(rows(9, 0), rows(99, 1), KINDS) == nothing | {"rows": 9}
    one_parent = np.concatenate([np.arange(50), np.repeat(7, 50)])
    assert detect(rows(50, 0), rows(50, 1), KINDS, groups=one_parent) == nothing | {"rows": 50}


def test_the_same_seed_gives_the_same_figures():
    one, two = (detect(rows(60, 0), rows(60, 1), KINDS, folds=3, random_state=4) for _ in range(2))
    assert one == two
