"""scikit-learn's logistic regression, with its L2 penalty: what a few dozen rare rows can bear."""

from rarecall.learners.columns import scaled
from rarecall.learners.learner import Learner

LEARNER = Learner(
    path="sklearn.linear_model.LogisticRegression",
    columns=scaled,
    defaults=lambda _: {"max_iter": 1000},
    types=("numpy.dtype",),
)
