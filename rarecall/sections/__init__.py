"""The sections of the project file, each a frozen value; every default stands beside its reason.

`rarecall/project.py` puts them together and reads them from YAML and the environment.
"""

from rarecall.sections.drift import Drift
from rarecall.sections.gates import Canary, Gates, Monitoring
from rarecall.sections.section import RESERVED, Kind, Section, Share, Text, as_cohort, as_list
from rarecall.sections.slo import BurnRule, Slo
from rarecall.sections.stores import Stores
from rarecall.sections.table import Cohort, Features, Label, Missing, Source, Split
from rarecall.sections.training import Ablation, Augmentation, Costs, Learner, ThresholdPolicy, Training
from rarecall.sections.triggers import Schedule, Triggers
from rarecall.sections.trust import ColumnBounds, Expectations, Fidelity, Labels, Privacy, Rule
from rarecall.sections.watch import Watch

__all__ = [
    "RESERVED",
    "Ablation",
    "Augmentation",
    "BurnRule",
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
    "Schedule",
    "Section",
    "Share",
    "Slo",
    "Source",
    "Split",
    "Stores",
    "Text",
    "ThresholdPolicy",
    "Training",
    "Triggers",
    "Watch",
    "as_cohort",
    "as_list",
]
