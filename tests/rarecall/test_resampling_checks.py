"""The contract first: imbalanced-learn's and scikit-learn's own checks."""

import pytest
from imblearn.utils.estimator_checks import check_param_validation
from imblearn.utils.estimator_checks import parametrize_with_checks as imblearn_checks
from sklearn.utils.estimator_checks import parametrize_with_checks as sklearn_checks

from rarecall.resampling import ADASYN, SAMPLERS
from rarecall.resampling.by_imblearn import PairedBorderlineSMOTE, PairedKMeansSMOTE, PairedSMOTE, PairedSVMSMOTE
from rarecall.resampling.copies import Copies
from rarecall.resampling.learned import LearnedADASYN
from rarecall.resampling.mpp_smote import MPPSMOTE
from rarecall.resampling.polynom_fit import PolynomFitSMOTE
from rarecall.resampling.prowsyn import ProWSyn
from rarecall.resampling.smote_n import PairedSMOTEN

_TRACED = [SAMPLERS[name](random_state=42) for name in ("random_over", "smote")]
_PAIRED = [PairedSMOTE, PairedBorderlineSMOTE, PairedKMeansSMOTE, PairedSVMSMOTE, Copies, MPPSMOTE, PolynomFitSMOTE]
_OURS = [made(random_state=42) for made in (*_PAIRED, ProWSyn, LearnedADASYN)]


@pytest.mark.parametrize(("estimator", "check"), list(imblearn_checks([ADASYN(random_state=42), *_TRACED]).args[1]))
def test_imbalanced_learn_accepts_it(estimator, check):
    check(estimator)


@pytest.mark.parametrize(("estimator", "check"), list(sklearn_checks([ADASYN(random_state=42)]).args[1]))
def test_scikit_learn_accepts_it(estimator, check):
    check(estimator)


@pytest.mark.parametrize(("estimator", "check"), list(imblearn_checks(_OURS).args[1]))
@pytest.mark.filterwarnings("ignore:class :UserWarning")  # of what shrank, or fell back to SMOTE
def test_imbalanced_learn_accepts_every_other_one(estimator, check):
    check(estimator)


@pytest.mark.parametrize(("estimator", "check"), list(sklearn_checks([PairedSMOTE(random_state=42)]).args[1]))
@pytest.mark.filterwarnings("ignore:class :UserWarning")
def test_scikit_learn_accepts_one_that_chooses_pairs(estimator, check):
    check(estimator)


@pytest.mark.parametrize("made", [*_PAIRED, ProWSyn, PairedSMOTEN, LearnedADASYN])
def test_every_parameter_of_every_other_one_is_checked(made):
    check_param_validation(made.__name__, made(random_state=42))
    assert set(made._parameter_constraints) == set(made().get_params())


def test_every_parameter_is_checked():
    check_param_validation("ADASYN", ADASYN(random_state=42))
    assert set(ADASYN._parameter_constraints) == set(ADASYN().get_params())
