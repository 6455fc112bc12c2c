"""The strategies by the names that a project file calls them; each has a page in docs/strategies."""

from collections.abc import Mapping
from difflib import get_close_matches

from rarecall.errors import DataError
from rarecall.strategies.strategy import Strategy, Table

_OURS = "rarecall.resampling"
_PAIRED = "rarecall.resampling.by_imblearn"
_UNDER = "imblearn.under_sampling"

KNOWN: dict[str, Strategy] = {
    "threshold": Strategy(spoken="threshold only", kind="plain", by_chance=False),
    "class_weights": Strategy(spoken="class weights", kind="weights", by_chance=False),
    "focal_loss": Strategy(spoken="focal loss", kind="weights", by_chance=False),
    "random_over": Strategy(spoken="random oversampling", kind="over", path=f"{_OURS}.copies.Copies"),
    "smote": Strategy(
        spoken="SMOTE",
        kind="over",
        path=f"{_PAIRED}.PairedSMOTE",
        neighbors=True,
        takes=("numeric",),
        instead="smote_nc where there are numbers beside the categories, smote_n where there are none",
    ),
    "smote_nc": Strategy(
        spoken="SMOTE-NC",
        kind="over",
        path=f"{_PAIRED}.PairedSMOTE",
        neighbors=True,
        takes=("mixed",),
        instead="smote where all features are numbers, smote_n where none is",
    ),
    "smote_n": Strategy(
        spoken="SMOTE-N",
        kind="over",
        path=f"{_OURS}.smote_n.PairedSMOTEN",
        neighbors=True,
        takes=("categorical",),
        instead="smote_nc where there are numbers too, smote where there is nothing else",
    ),
    "borderline_smote_1": Strategy(
        spoken="Borderline-SMOTE 1", kind="over", path=f"{_PAIRED}.PairedBorderlineSMOTE", neighbors=True
    ),
    "borderline_smote_2": Strategy(
        spoken="Borderline-SMOTE 2",
        kind="over",
        path=f"{_PAIRED}.PairedBorderlineSMOTE",
        given={"kind": "borderline-2"},
        neighbors=True,
        crosses=True,
    ),
    "svm_smote": Strategy(
        spoken="SVM-SMOTE", kind="over", path=f"{_PAIRED}.PairedSVMSMOTE", neighbors=True, beyond=True
    ),
    "kmeans_smote": Strategy(spoken="KMeans-SMOTE", kind="over", path=f"{_PAIRED}.PairedKMeansSMOTE", neighbors=True),
    "adasyn": Strategy(spoken="ADASYN", kind="over", path=f"{_OURS}.adasyn.ADASYN", neighbors=True),
    "adasyn_nc": Strategy(
        spoken="ADASYN-NC",
        kind="over",
        path=f"{_OURS}.adasyn.ADASYN",
        neighbors=True,
        takes=("mixed",),
        instead="adasyn, of which this is the name where there are both numbers and categories",
        same_as="adasyn",
    ),
    "adasyn_pca": Strategy(
        spoken="ADASYN among principal components",
        kind="over",
        path=f"{_OURS}.learned.LearnedADASYN",
        given={"space": "pca"},
        neighbors=True,
    ),
    "adasyn_svd": Strategy(
        spoken="ADASYN among singular vectors",
        kind="over",
        path=f"{_OURS}.learned.LearnedADASYN",
        given={"space": "svd"},
        neighbors=True,
    ),
    "adasyn_embedding": Strategy(
        spoken="ADASYN among embedded categories",
        kind="over",
        path=f"{_OURS}.learned.LearnedADASYN",
        given={"space": "embedding"},
        neighbors=True,
        takes=("mixed", "categorical"),
        instead="adasyn_pca, for numbers have no categories to embed",
    ),
    "polynom_fit_smote": Strategy(
        spoken="polynom-fit-SMOTE",
        kind="over",
        path=f"{_OURS}.polynom_fit.PolynomFitSMOTE",
        by_chance=False,
        partners=False,
    ),
    "prowsyn": Strategy(spoken="ProWSyn", kind="over", path=f"{_OURS}.prowsyn.ProWSyn", neighbors=True),
    "mpp_smote": Strategy(spoken="MPP-SMOTE", kind="over", path=f"{_OURS}.mpp_smote.MPPSMOTE", neighbors=True),
    "by_rule": Strategy(
        spoken="augmentation by rule", kind="rule", path=f"{_OURS}.by_rule.ByRule", again=f"{_OURS}.by_rule.again"
    ),
    "gaussian_copula": Strategy(
        spoken="a Gaussian copula", kind="generative", path=f"{_OURS}.gaussian_copula.GaussianCopula", parents=False
    ),
    "tabular_argn": Strategy(
        spoken="TabularARGN",
        kind="generative",
        path=f"{_OURS}.tabular_argn.TabularARGN",
        parents=False,
        extra="generative",
    ),
    "random_under": Strategy(spoken="random undersampling", kind="under", path=f"{_UNDER}.RandomUnderSampler"),
    "near_miss": Strategy(spoken="NearMiss", kind="under", path=f"{_UNDER}.NearMiss", by_chance=False),
    "tomek_links": Strategy(spoken="Tomek links", kind="under", path=f"{_UNDER}.TomekLinks", by_chance=False),
    "edited_nearest_neighbours": Strategy(
        spoken="edited nearest neighbours",
        kind="under",
        path=f"{_OURS}.family.EditedNearestNeighbours",
        by_chance=False,
    ),
    "cluster_centroids": Strategy(spoken="cluster centroids", kind="under", path=f"{_OURS}.family.ClusterCentroids"),
    "active_down": Strategy(spoken="active down-sampling", kind="under", path=f"{_OURS}.active_down.ActiveDownSampler"),
    "balanced_random_forest": Strategy(spoken="balanced random forest", kind="ensemble"),
    "easy_ensemble": Strategy(spoken="EasyEnsemble", kind="ensemble"),
    "rusboost": Strategy(spoken="RUSBoost", kind="ensemble"),
    "balanced_bagging": Strategy(spoken="balanced bagging", kind="ensemble"),
}

WHERE = {
    "plain": "it is always tried, so leave it out",
    "weights": "the learner itself weighs, so it stands in ablation.strategies",
    "under": "it leaves rows out and makes none, so it stands in training.under",
    "ensemble": "it is a learner, so it stands in training.learner",
    "over": "it makes rows, so it stands in augmentation.sampler",
    "generative": "it makes rows, so it stands in augmentation.sampler",
    "rule": "it makes rows, so it stands in augmentation.sampler",
}
"""Where a name belongs that stands where it does not."""


MAKERS = ("over", "generative", "rule")
"""The kinds that make rows."""


def of_kind(*kinds: str) -> list[str]:
    """Return the names of the strategies of some kinds.

    >>> of_kind("ensemble")
    ['balanced_random_forest', 'easy_ensemble', 'rusboost', 'balanced_bagging']
    """
    return [name for name, one in KNOWN.items() if one.kind in kinds]


def check(name: object, kinds: tuple[str, ...], *besides: str) -> object:
    """Return a name as it came if it is a strategy of these kinds, or one of those besides.

    Raises
    ------
    ValueError
        It is not: with where it belongs, or every name that would do.

    >>> check("near_miss", ("over", "generative", "rule"), "none")
    Traceback (most recent call last):
    ...
    ValueError: near_miss does not belong here: it leaves rows out and makes none, so it stands in training.under
    """
    valid = [*of_kind(*kinds), *besides]
    if name in valid:
        return name
    if isinstance(name, str) and name in KNOWN:
        raise ValueError(f"{name} does not belong here: {WHERE[KNOWN[name].kind]}")
    meant = get_close_matches(str(name), valid, 1)
    ending = f"; did you mean {meant[0]!r}?" if meant else ""
    raise ValueError(f"expected one of {', '.join(valid)}, got {name!r}{ending}")


def neighbors(name: str) -> bool:
    """Return whether a strategy, or `none`, has a number of neighbours: then there must be more rare rows than these.

    >>> neighbors("adasyn"), neighbors("random_over"), neighbors("none")
    (True, False, False)
    """
    return name in KNOWN and KNOWN[name].neighbors


def table_of(kinds: Mapping[str, str]) -> Table:
    """Return which table these features make.

    >>> table_of({"age": "numeric", "job": "categorical"})
    'mixed'
    """
    categorical = [kind == "categorical" for kind in kinds.values()]
    return "categorical" if all(categorical) else "mixed" if any(categorical) else "numeric"


def refuse(name: str, kinds: Mapping[str, str]) -> None:
    """Raise a DataError where a strategy is not meant for a table of these features.

    >>> refuse("smote", {"job": "categorical"})
    Traceback (most recent call last):
    ...
    rarecall.errors.DataError: smote: expected numeric features, got categorical ones; take smote_nc where there are \
numbers beside the categories, smote_n where there are none
    """
    strategy, table = KNOWN[name], table_of(kinds)
    if table not in strategy.takes:
        got = {"mixed": "numbers and categories", "categorical": "categorical ones", "numeric": "numeric ones"}[table]
        raise DataError(f"{name}: expected {' or '.join(strategy.takes)} features, got {got}; take {strategy.instead}")
