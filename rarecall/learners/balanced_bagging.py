"""imbalanced-learn's balanced bagging (Hido, Kashima and Takahashi 2009): trees on balanced bootstrap samples."""

from rarecall.learners.columns import indicated
from rarecall.learners.learner import Learner

LEARNER = Learner(
    path="imblearn.ensemble.BalancedBaggingClassifier",
    columns=indicated,
    types=(
        "imblearn.ensemble._bagging.BalancedBaggingClassifier",
        "imblearn.pipeline.Pipeline",  # of the sampler before each fit
        "imblearn.under_sampling._prototype_selection._random_under_sampler.RandomUnderSampler",
        "numpy.dtype",
        "sklearn.tree._tree.Tree",
    ),
    package=("imbalanced-learn",),
    by_chance=True,
    balanced={},
    balances="it draws as many rows of either class for every tree",
    takes_weights=False,
    arguments=lambda _pipeline, _y, _weight: {},
)
