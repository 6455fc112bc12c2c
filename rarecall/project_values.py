"""The values of a project file: its YAML, with what the environment says put in.

`${VAR}` and `${VAR:-default}` stand for variables in any text; `RARECALL__SECTION__KEY=value` overrides one key, its
value read as YAML.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from rarecall.errors import ProjectError, brief, redacted

PREFIX = "RARECALL__"
_VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?::-(?P<default>[^}]*))?\}")
_PATHS = {("source", "path"), ("stores", "home")}


def values(file: Path, environ: Mapping[str, str]) -> tuple[dict[str, Any], dict[tuple[str, ...], str]]:
    """Return a file's values, and by which variable each overridden key was set.

    Raises
    ------
    ProjectError
        The file cannot be read, is no YAML mapping, or names a variable that is not set.
    """
    # A section that holds only comments is read as nothing, and means its defaults.
    found = {key: value for key, value in _read(file).items() if value is not None}
    overridden = {
        _override(found, name, text): name for name, text in sorted(environ.items()) if name.startswith(PREFIX)
    }
    faults: list[str] = []
    try:
        found = _expand(found, environ, faults, at=())
    except RecursionError:
        raise ProjectError([f"{file}: expected values, got an alias that holds itself"]) from None
    if faults:
        raise ProjectError(faults)
    return found, overridden


def is_local(path: str) -> bool:
    """Return whether a path is of this machine's file system."""
    return "://" not in path


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


def _from_shell(path: str) -> str:
    """Return a path as the shell means it, relative to the working directory; a link stays as the user named it."""
    return str(Path(path).expanduser().absolute()) if is_local(path) and not path.startswith("${") else path
