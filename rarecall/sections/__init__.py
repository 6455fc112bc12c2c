"""The sections of the project file, each a frozen value; every default stands beside its reason.

`rarecall/project.py` puts them together and reads them from YAML and the environment.
"""

from rarecall.sections.drift import Drift
from rarecall.sections.gates import Canary, Gates, Monitoring
from rarecall.sections.section import RESERVED, Kind, Section, Share, Text, as_cohort, as_list
from rarecall.sections.stores import Stores
from rarecall.sections.table import Cohort, Features, Label, Missing, Source, Split
from rarecall.sections.training import Ablation, Augmentation, Costs, Learner, ThresholdPolicy, Training
from rarecall.sections.trust import ColumnBounds, Expectations, Fidelity, Labels, Privacy, Rule

__all__ = [
    "RESERVED",
    "Ablation",
    "Augmentation",
    "Canary",
    "Cohort",
    "ColumnBounds",
    "Costs",
    "Drift",
    "Expectations",
    "Features",
    "Fidelity",
    "Gates",
    "Kind",
    "Label",
    "Labels",
    "Learner",
    "Missing",
    "Monitoring",
    "Privacy",
    "Rule",
    "Section",
    "Share",
    "Source",
    "Split",
    "Stores",
    "Text",
    "ThresholdPolicy",
    "Training",
    "as_cohort",
    "as_list",
]
