"""Resampling: synthetic rows of the rare class, planned, drawn and traceable."""

from imblearn.under_sampling import NearMiss, RandomUnderSampler, TomekLinks

from rarecall.resampling.adasyn import ADASYN
from rarecall.resampling.draw import draw, write
from rarecall.resampling.family import (
    SMOTE,
    SMOTENC,
    SVMSMOTE,
    BorderlineSMOTE,
    EditedNearestNeighbours,
    RandomOverSampler,
)
from rarecall.resampling.plan import ClassPlan, Distances, Plan
from rarecall.resampling.refusal import SamplingError

__all__ = ["ADASYN", "SAMPLERS", "ClassPlan", "Distances", "Plan", "SamplingError", "draw", "write"]

SAMPLERS = {
    "adasyn": ADASYN,
    "borderline_smote": BorderlineSMOTE,
    "edited_nearest_neighbours": EditedNearestNeighbours,
    "near_miss": NearMiss,
    "random_over": RandomOverSampler,
    "random_under": RandomUnderSampler,
    "smote": SMOTE,
    "smote_nc": SMOTENC,
    "svm_smote": SVMSMOTE,
    "tomek_links": TomekLinks,
}
"""Every sampler by its name in the project file: ours where the rows are traced, imbalanced-learn's own otherwise."""
