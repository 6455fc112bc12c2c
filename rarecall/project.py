"""The project file: `rarecall.yaml` and the environment, read once at the entry point into one frozen value.

The environment is handed in as a mapping; `rarecall.project_values` says what it may change.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Self, get_args

from pydantic import BaseModel, BeforeValidator, Field, ValidationError, model_validator

from rarecall import classes
from rarecall.errors import ProjectError, brief, nearest
from rarecall.project_values import is_local, values
from rarecall.sections import (
    Ablation,
    Augmentation,
    Canary,
    Cohort,
    Drift,
    Expectations,
    Features,
    Fidelity,
    Gates,
    Label,
    Labels,
    Missing,
    Monitoring,
    Privacy,
    Schedule,
    Section,
    Slo,
    Source,
    Split,
    Stores,
    Training,
    Triggers,
    Watch,
    as_cohort,
    as_list,
)
from rarecall.sections.slo import check, recall_objective

FILE = "rarecall.yaml"
_EXPECTED = {
    "string_type": "text",
    "string_too_short": "text that is not empty",
    "string_pattern_mismatch": "small letters, digits, _ and -, a letter first",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a number",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping of its keys",
    "invalid_key": "a key that is text",
    "time_delta_type": "a duration such as 14d, 36h or 90m",
    "time_delta_parsing": "a duration such as 14d, 36h or 90m",
}
"""What a person would say for pydantic's kinds of fault; for the others its own words do."""


class Project(Section):
    """One table, what is rare in it, and what its model must hold."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$", description="Names the model, the views and the versions.")
    source: Source = Field(description="Where the rows come from.")
    entity: Annotated[list[str], BeforeValidator(as_list)] = Field(
        default=[], description="The column or columns that name who or what a row is about; none: the row itself."
    )
    timestamp: str | None = Field(None, description="When the row was true; none: a stratified split.")
    label: Label = Field(description="What is to be found.")
    features: Features = Field(Features(), description="What the model reads.")
    missing: Missing = Field(Missing(), description="What means 'not known'.")
    cohorts: list[Annotated[Cohort, BeforeValidator(as_cohort)]] = Field(
        default=[], description="Segments whose recall is measured and judged by itself."
    )
    expectations: Expectations = Field(Expectations(), description="What a delivery must hold.")
    split: Split = Field(Split(), description="Which share teaches, chooses the threshold, judges.")
    labels: Labels = Field(Labels(), description="How labels are checked.")
    augmentation: Augmentation = Field(Augmentation(), description="Which synthetic rows are added.")
    fidelity: Fidelity = Field(Fidelity(), description="How synthetic rows are compared with real ones.")
    privacy: Privacy = Field(Privacy(), description="How synthetic rows are attacked, and whether they may leave.")
    training: Training = Field(Training(), description="Which learner, and how.")
    ablation: Ablation = Field(Ablation(), description="What a way to train must show before it is shipped.")
    gates: Gates = Field(Gates(), description="What a model must hold.")
    canary: Canary = Field(Canary(), description="How much of the traffic a challenger meets.")
    triggers: Triggers = Field(Triggers(), description="What a breach starts.")
    schedule: Schedule = Field(Schedule(), description="What runs when.")
    monitoring: Monitoring = Field(Monitoring(), description="What is watched.")
    watch: Watch = Field(Watch(), description="What the recall of each cohort is held against in traffic.")
    slo: Slo = Field(Slo(), description="What is promised of the model that serves.")
    drift: Drift = Field(Drift(), description="What counts as drift.")
    stores: Stores = Field(Stores(), description="Where everything is kept.")
    seed: int = Field(0, ge=0, lt=2**32, description="Of every random choice; the same seed gives the same bytes.")

    @model_validator(mode="after")
    def _share_within_gates(self) -> Self:
        share, low, high = (
            self.augmentation.synthetic_share,
            self.gates.synthetic_share_min,
            self.gates.synthetic_share_max,
        )
        if self.augmentation.sampler != "none" and not low <= share <= high:
            raise ValueError(
                f"augmentation.synthetic_share is {share:g}, outside the gates' {low:g} to {high:g}: "
                "no model could pass; change one of them"
            )
        return self

    @model_validator(mode="after")
    def _target_is_a_cohort(self) -> Self:
        watched = [cohort.column for cohort in self.cohorts]
        for column in self.augmentation.target or {}:
            if column not in watched:
                raise ValueError(
                    f"augmentation.target: expected a cohort of the project, got {column!r}{nearest(column, watched)}"
                )
        return self

    @model_validator(mode="after")
    def _rules_that_can_fire(self) -> Self:
        objective = recall_objective(self.slo, self.gates)
        if objective is not None and self.slo.recall is None:
            check("slo.recall_rules", self.slo.recall_rules, objective, self.slo.period)
        if objective is None and self.slo.recall_rules:
            raise ValueError(
                f"slo.recall_rules: expected an objective between 0 and 1 to burn against, got gates.minority_recall "
                f"{self.gates.minority_recall:g}; set slo.recall"
            )
        return self

    @model_validator(mode="after")
    def _one_role_a_column(self) -> Self:
        roles = [("label.column", self.label.column), *(("entity", column) for column in self.entity)]
        roles += [("timestamp", self.timestamp)] if self.timestamp else []
        roles += [("features.include", column) for column in dict.fromkeys(self.features.include or [])]
        known: dict[str, str] = {}
        for key, column in roles:
            if column in known:
                raise ValueError(f"{key}: {column!r} is named by {known[column]} already; expected another column")
            known[column] = key
        watched = [cohort.column for cohort in self.cohorts]
        if twice := [column for column in watched if watched.count(column) > 1]:
            raise ValueError(f"cohorts: {twice[0]!r} is asked for twice; expected a column once")
        if self.label.delay and not self.timestamp:
            raise ValueError("label.delay: expected a timestamp to count it from; name one, or leave the delay out")
        if self.training.threshold.policy == "budget" and not self.timestamp:
            raise ValueError("training.threshold: expected a timestamp to count alerts a day by; name one")
        by, read = self.training.threshold.by, self.features
        if by and (by in read.exclude or (read.include is not None and by not in read.include)):
            raise ValueError(
                f"training.threshold.by: expected a column that the model reads, got {by!r}; add it to them"
            )
        if self.gates.cohort_recall_difference_max is not None and not self.cohorts:
            raise ValueError("gates.cohort_recall_difference_max: expected cohorts to compare; name one")
        if self.label.table and not self.entity:
            raise ValueError("label.table: expected an entity, by which a label finds its row; name one")
        return self

    @model_validator(mode="after")
    def _crossings_are_of_cohorts(self) -> Self:
        watched = [cohort.column for cohort in self.cohorts]
        for column in (column for pair in self.watch.crossings for column in pair if column not in watched):
            raise ValueError(f"watch.crossings: {column!r} is no cohort{nearest(column, watched)}")
        return self


def load(file: Path, environ: Mapping[str, str], *, home: str | None = None) -> Project:
    """Read a project file into its frozen model.

    Parameters
    ----------
    file : Path
        The YAML file, or the folder that holds `rarecall.yaml`.
    environ : mapping of str to str
        Usually `os.environ`. A relative path that comes from a variable is relative to the working directory, as in a
        shell; one written in the file is relative to the file. `RARECALL_CLASS` says which of several rare classes.
    home : str, optional
        Wins over `RARECALL_HOME`, which wins over `stores.home`.

    Returns
    -------
    Project
        With absolute paths.

    Raises
    ------
    ProjectError
        One sentence a fault: the key's path, what was expected, what came, the nearest valid name. Or the file names
        several rare classes, and it is not said which.
    """
    found = load_each(file, environ, home=home)
    if len(found) > 1:
        known = [str(project.label.positive) for project in found]
        which = f"say which one is meant: rarecall --class {known[0]} ..."
        raise ProjectError([f"label.positive: the project looks for {len(known)} classes, {', '.join(known)}; {which}"])
    return found[0]


def load_each(
    file: Path, environ: Mapping[str, str], *, home: str | None = None, only: str | None = None
) -> list[Project]:
    """Read a project file into one frozen model for each of its rare classes; see `load` and `rarecall.classes`.

    Parameters
    ----------
    file, environ, home
        As of `load`.
    only : str, optional
        The one class that is wanted; wins over `RARECALL_CLASS`.

    Raises
    ------
    ProjectError
        One sentence a fault.
    """
    file = file / FILE if file.is_dir() else file
    found, overridden = values(file, environ)
    projects = []
    for one in classes.apart(found, only or environ.get(classes.VARIABLE)):
        try:
            project = Project.model_validate(one)
        except ValidationError as error:
            raise ProjectError([_sentence(fault, overridden) for fault in error.errors()]) from None
        projects.append(_anchored(project, folder=file.resolve().parent, home=home or environ.get("RARECALL_HOME")))
    return projects


def _anchored(project: Project, *, folder: Path, home: str | None) -> Project:
    source = project.source
    if source.path and is_local(source.path):
        source = source.model_copy(update={"path": str(folder / Path(source.path).expanduser())})
    where = Path(home).expanduser().absolute() if home else folder / Path(project.stores.home).expanduser()
    stores = project.stores.model_copy(update={"home": str(where)})
    return project.model_copy(update={"source": source, "stores": stores})


def _sentence(fault: Any, overridden: Mapping[tuple[str, ...], str]) -> str:
    keys = tuple(str(part) for part in fault["loc"])
    kind, path = fault["type"], ".".join(keys) or "project file"
    origin = next((f" (from {overridden[keys[:n]]})" for n in range(len(keys), 0, -1) if keys[:n] in overridden), "")
    if kind == "extra_forbidden":
        return f"{path}: unknown key{nearest(keys[-1], _keys_at(keys[:-1]))}{origin}"
    if kind == "missing":
        return f"{path}: is missing; add it"
    if kind == "value_error":
        said = str(fault["ctx"]["error"])
        return f"{path}: {said}{origin}" if keys else said
    message = (
        f"expected {_EXPECTED[kind]}" if kind in _EXPECTED else fault["msg"].replace("Input should be", "expected")
    )
    return f"{path}: {message}, got {brief(fault['input'])}{origin}"


def _keys_at(path: Sequence[str]) -> list[str]:
    """Return the valid keys of the section at a path of the model."""
    model: type[BaseModel] = Project
    for part in path:
        if part in model.model_fields:  # anything else is a place in a list
            model = _model_within(model.model_fields[part].annotation) or model
    return sorted(model.model_fields)


def _model_within(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_within(part))), None)
