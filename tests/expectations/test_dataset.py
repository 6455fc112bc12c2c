"""The second suite: a dataset version in which anything is not as it must be is refused, by name."""

import numpy as np
import pandas as pd
import pytest
from payments_snapshot import KINDS, project, rows

from expectations.dataset import check_dataset
from rarecall import augmentation
from rarecall.intake import snapshot

N = 400
ABOUT = project(entity=[], expectations={"rules": {"paid": "amount >= 0"}})


@pytest.fixture(scope="module")
def version():
    row = np.arange(N)
    job = np.select([row % 3 == 0, row % 5 == 0], ["nurse", "cook"], "clerk").astype(object)
    taken = snapshot.learnable(rows(N, job=job, amount=row), KINDS, ABOUT)
    train = taken[:240]
    made = augmentation.augment(train, KINDS, np.ones(240, dtype=bool), ABOUT.augmentation, first_id=N, seed=0)
    return augmentation.together(train, made.rows), taken[240:320], taken[320:], taken


def sentences(version, **parts):
    named = dict(zip(("train", "validation", "holdout", "taken"), version, strict=True)) | parts
    verdict = check_dataset(**named, project=ABOUT, kinds=KINDS)
    assert (verdict.refusal() is None) == (verdict.findings == ())
    return " | ".join(finding.sentence for finding in verdict.findings)


def test_a_sound_version_is_accepted(version):
    assert sentences(version) == ""


def spoilt(column, value):
    def spoil(train):
        return {"train": train.assign(**{column: train[column].mask(train["is_synthetic"], value)})}

    return spoil


FAULTS = {
    "a number outside": (spoilt("amount", 1e6), "'amount' from 0 to 239"),
    "a text of no rare row": (spoilt("job", "pilot"), "'job' of the rare rows"),
    "a broken rule": (spoilt("amount", -1.0), "to satisfy paid"),
    "a fraction": (spoilt("amount", 1.5), "a whole number in 'amount'"),
    "a synthetic majority row": (spoilt("label", 0), "the label of the rare class"),
    "a parent in the holdout": (spoilt("parent_id", N - 1), "the parents of every synthetic row"),
    "a row_id that is taken": (spoilt("row_id", 0), "a row_id of its own"),
    "too large a share": (lambda train: {"train": pd.concat([train[:9], train[240:]])}, "to be synthetic, or none"),
    "too small a share": (lambda train: {"train": train[:241]}, "to be synthetic, or none"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_version_is_named(fault, version):
    spoil, sentence = FAULTS[fault]
    assert sentence in sentences(version, **spoil(version[0]))


def test_a_holdout_that_was_touched_and_a_row_in_two_parts_are_named(version):
    _, validation, holdout, _ = version
    assert "as it was before the split, got 80" in sentences(version, holdout=holdout.assign(amount=-1))
    assert "in one part only, got 3" in sentences(version, holdout=pd.concat([holdout, validation[:3]]))


def test_the_sampler_obeys_the_rules_of_the_project(version):
    train = version[3][:240]
    few = ABOUT.expectations.rules_over(KINDS) | {"late": "amount >= 100"}
    made = augmentation.augment(
        train, KINDS, np.ones(240, dtype=bool), ABOUT.augmentation, first_id=N, seed=0, rules=few
    )
    assert len(made.rows)
    assert (made.rows["amount"] >= 100).all()


def test_a_version_without_synthetic_rows_is_accepted(version):
    train = version[0]
    assert sentences(version, train=train[~train["is_synthetic"]]) == ""
