"""imbalanced-learn's EasyEnsemble (Liu, Wu and Zhou 2009): boosted stumps on balanced samples, many times over."""

from rarecall.learners.columns import indicated
from rarecall.learners.learner import Learner

LEARNER = Learner(
    path="imblearn.ensemble.EasyEnsembleClassifier",
    columns=indicated,
    types=(
        "imblearn.ensemble._easy_ensemble.EasyEnsembleClassifier",
        "imblearn.pipeline.Pipeline",  # of the sampler before each boosting
        "imblearn.under_sampling._prototype_selection._random_under_sampler.RandomUnderSampler",
        "numpy.dtype",
        "sklearn.tree._tree.Tree",
    ),
    package=("imbalanced-learn",),
    by_chance=True,
    balanced={},
    balances="it draws as many rows of either class for every boosting",
    takes_weights=False,
    arguments=lambda _pipeline, _y, _weight: {},
)
