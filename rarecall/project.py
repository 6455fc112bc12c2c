"""The project file: `rarecall.yaml` and the environment, read once at the entry point into one frozen value.

The environment is handed in as a mapping. `${VAR}` and `${VAR:-default}` stand for variables in any text;
`RARECALL__SECTION__KEY=value` overrides one key, its value read as YAML.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Self, get_args

import yaml
from pydantic import BaseModel, BeforeValidator, Field, ValidationError, model_validator

from rarecall.errors import ProjectError, brief, nearest, redacted
from rarecall.sections import (
    Ablation,
    Augmentation,
    Canary,
    Cohort,
    Expectations,
    Features,
    Fidelity,
    Gates,
    Label,
    Labels,
    Missing,
    Monitoring,
    Privacy,
    Section,
    Source,
    Split,
    Stores,
    Training,
    as_cohort,
    as_list,
)

PREFIX = "RARECALL__"
FILE = "rarecall.yaml"
_VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?::-(?P<default>[^}]*))?\}")
_PATHS = {("source", "path"), ("stores", "home")}
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
    monitoring: Monitoring = Field(Monitoring(), description="What is watched.")
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


def load(file: Path, environ: Mapping[str, str], *, home: str | None = None) -> Project:
    """Read a project file into its frozen model.

    Parameters
    ----------
    file : Path
        The YAML file, or the folder that holds `rarecall.yaml`.
    environ : mapping of str to str
        Usually `os.environ`. A relative path that comes from a variable is relative to the working directory, as in a
        shell; one written in the file is relative to the file.
    home : str, optional
        Wins over `RARECALL_HOME`, which wins over `stores.home`.

    Returns
    -------
    Project
        With absolute paths.

    Raises
    ------
    ProjectError
        One sentence a fault: the key's path, what was expected, what came, the nearest valid name.
    """
    file = file / FILE if file.is_dir() else file
    # A section that holds only comments is read as nothing, and means its defaults.
    values = {key: value for key, value in _read(file).items() if value is not None}
    overridden = {
        _override(values, name, text): name for name, text in sorted(environ.items()) if name.startswith(PREFIX)
    }
    faults: list[str] = []
    try:
        values = _expand(values, environ, faults, at=())
    except RecursionError:
        raise ProjectError([f"{file}: expected values, got an alias that holds itself"]) from None
    if faults:
        raise ProjectError(faults)
    try:
        project = Project.model_validate(values)
    except ValidationError as error:
        raise ProjectError([_sentence(fault, overridden) for fault in error.errors()]) from None
    return _anchored(project, folder=file.resolve().parent, home=home or environ.get("RARECALL_HOME"))


class _Loader(yaml.SafeLoader):
    """Refuses a key that stands twice, where PyYAML would let the last one win and a gate would be gone."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"the key {key.value!r} stands there twice", problem_mark=key.start_mark
                )
            seen.add(str(key.value))
        return node


def _yaml(text: str) -> Any:
    return yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader


def _read(file: Path) -> dict[str, Any]:
    try:
        values = _yaml(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ProjectError(
            [f"{file}: no such project file; write one with: rarecall init TABLE --label COLUMN"]
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ProjectError([f"{file}: cannot be read: {error}"]) from None
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        line = f" at line {where.line + 1}" if where else ""
        said = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise ProjectError([f"{file}: is not YAML{line}: {redacted(said)}"]) from None
    if not isinstance(values, dict):
        got = "an empty file" if values is None else f"a {type(values).__name__}"
        raise ProjectError([f"{file}: expected a mapping of sections, got {got}"])
    return values


def _override(values: dict[str, Any], name: str, text: str) -> tuple[str, ...]:
    """Set one key from the environment and return its path."""
    path = tuple(name.removeprefix(PREFIX).lower().split("__"))
    *sections, key = path
    for section in sections:
        if values.get(section) is None:
            values[section] = {}
        values = values[section]
        if not isinstance(values, dict):
            raise ProjectError([f"{name}: {section} is not a section, so nothing inside it can be overridden"])
    try:
        value = _yaml(text)
    except yaml.YAMLError:
        raise ProjectError([f"{name}: its value {brief(text)} is not YAML"]) from None
    values[key] = _from_shell(value) if path in _PATHS and isinstance(value, str) else value
    return path


def _expand(value: Any, environ: Mapping[str, str], faults: list[str], *, at: tuple[str, ...]) -> Any:
    if isinstance(value, dict):
        return {key: _expand(item, environ, faults, at=(*at, str(key))) for key, item in value.items()}
    if isinstance(value, list):
        return [_expand(item, environ, faults, at=(*at, str(number))) for number, item in enumerate(value)]
    if not isinstance(value, str):
        return value

    def variable(match: re.Match[str]) -> str:
        name, default = match["name"], match["default"]
        if name not in environ and default is None:
            faults.append(f"{'.'.join(at)}: the variable {name} is not set; set it, or write ${{{name}:-a default}}")
            return ""
        if not environ.get(name):
            return default or ""
        return _from_shell(environ[name]) if match.start() == 0 and at in _PATHS else environ[name]

    return _VARIABLE.sub(variable, value)


def _anchored(project: Project, *, folder: Path, home: str | None) -> Project:
    source = project.source
    if source.path and _is_local(source.path):
        source = source.model_copy(update={"path": str(folder / Path(source.path).expanduser())})
    where = Path(home).expanduser().absolute() if home else folder / Path(project.stores.home).expanduser()
    stores = project.stores.model_copy(update={"home": str(where)})
    return project.model_copy(update={"source": source, "stores": stores})


def _from_shell(path: str) -> str:
    """Return a path as the shell means it, relative to the working directory; a link stays as the user named it."""
    return str(Path(path).expanduser().absolute()) if _is_local(path) and not path.startswith("${") else path


def _is_local(path: str) -> bool:
    return "://" not in path


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
