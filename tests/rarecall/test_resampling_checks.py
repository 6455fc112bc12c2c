"""The contract first: imbalanced-learn's and scikit-learn's own checks."""

import pytest
from imblearn.utils.estimator_checks import check_param_validation
from imblearn.utils.estimator_checks import parametrize_with_checks as imblearn_checks
from sklearn.utils.estimator_checks import parametrize_with_checks as sklearn_checks

from rarecall.resampling import ADASYN, SAMPLERS

_TRACED = [SAMPLERS[name](random_state=42) for name in ("random_over", "smote")]


@pytest.mark.parametrize(("estimator", "check"), list(imblearn_checks([ADASYN(random_state=42), *_TRACED]).args[1]))
def test_imbalanced_learn_accepts_it(estimator, check):
    check(estimator)


@pytest.mark.parametrize(("estimator", "check"), list(sklearn_checks([ADASYN(random_state=42)]).args[1]))
def test_scikit_learn_accepts_it(estimator, check):
    check(estimator)


def test_every_parameter_is_checked():
    check_param_validation("ADASYN", ADASYN(random_state=42))
    assert set(ADASYN._parameter_constraints) == set(ADASYN().get_params())
