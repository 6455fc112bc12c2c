import numpy as np
from sklearn.metrics import roc_auc_score

from rarecall.attacks.distinguishing import scores
from rarecall.deadline import Deadline


def _asked(table, real):
    nearby = np.argsort(((table[:, None] - table[None]) ** 2).sum(axis=2), axis=1)[:, 1:41]
    said = scores(table * 1e7, table, np.arange(len(table)), nearby, Deadline(1e9))
    truth = np.arange(len(table)) >= real
    return {name: roc_auc_score(truth, score) for name, score in said.items()}


def test_rows_between_others_are_told_from_them():
    rng = np.random.default_rng(0)
    real = rng.normal(size=(60, 6))
    pairs = rng.integers(0, 60, (60, 2)) + np.array([0, 1])
    one, two = real[pairs[:, 0]], real[pairs[:, 1] % 60]
    apart = (one != two).any(axis=1)
    drawn = (one + rng.uniform(0.2, 0.8, (60, 1)) * (two - one))[apart]
    table = np.concatenate([real, drawn])
    nearby = np.array([[other for other in range(len(table)) if other != row] for row in range(len(table))])
    said = scores(table * 1e7, table, np.arange(len(table)), nearby, Deadline(1e9))
    truth = np.arange(len(table)) >= 60
    assert roc_auc_score(truth, said["on_lines"]) > 0.99


def test_rows_of_one_kind_cannot_be_told_apart():
    table = np.random.default_rng(1).normal(size=(400, 6))
    assert all(0.4 < auc < 0.6 for auc in _asked(table, 200).values())


def test_rows_twice_are_no_way_through():
    table = np.repeat(np.random.default_rng(1).normal(size=(20, 4)), 2, axis=0)
    assert all(np.isfinite(auc) for auc in _asked(table, 20).values())
