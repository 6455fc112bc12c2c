"""imbalanced-learn's balanced random forest (Chen, Liaw and Breiman 2004): each tree sees as many of either class."""

from rarecall.learners.columns import indicated
from rarecall.learners.learner import Learner

LEARNER = Learner(
    path="imblearn.ensemble.BalancedRandomForestClassifier",
    columns=indicated,
    types=(
        "imblearn.ensemble._forest.BalancedRandomForestClassifier",
        "imblearn.pipeline.Pipeline",  # of the sampler before each tree
        "imblearn.under_sampling._prototype_selection._random_under_sampler.RandomUnderSampler",
        "numpy.dtype",
        "sklearn.tree._tree.Tree",
    ),
    package=("imbalanced-learn",),
    by_chance=True,
    balanced={},
    balances="it draws as many rows of either class for every tree",
)
