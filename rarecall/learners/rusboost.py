"""imbalanced-learn's RUSBoost (Seiffert et al. 2010): AdaBoost, common rows left out before each round."""

from rarecall.learners.columns import indicated
from rarecall.learners.learner import Learner

LEARNER = Learner(
    path="imblearn.ensemble.RUSBoostClassifier",
    columns=indicated,
    types=(
        "imblearn.ensemble._weight_boosting.RUSBoostClassifier",
        "imblearn.pipeline.Pipeline",  # of the sampler before each fit
        "imblearn.under_sampling._prototype_selection._random_under_sampler.RandomUnderSampler",
        "numpy.dtype",
        "sklearn.tree._tree.Tree",
    ),
    package=("imbalanced-learn",),
    by_chance=True,
    balanced={},
    balances="it draws as many rows of either class for every round of boosting",
)
