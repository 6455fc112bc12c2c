"""scikit-learn's random forest."""

from rarecall.learners.columns import indicated
from rarecall.learners.learner import Learner

LEARNER = Learner(
    path="sklearn.ensemble.RandomForestClassifier",
    columns=indicated,
    defaults=lambda _: {"n_jobs": 2},
    types=("numpy.dtype", "sklearn.tree._tree.Tree"),  # the imputer keeps the dtype it was fitted on
    by_chance=True,
)
