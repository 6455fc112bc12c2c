"""The one mechanism of every stage: what has been made is found, what has not is made, once and whole.

A stage function says what it would make (a `Plan`); the decorator turns it into a Prefect task that names the output by
the digest of its recipe, looks for it in the warehouse, and only when it is not there lets the plan write it.
"""

import logging
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from prefect import task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.context import TaskRunContext
from prefect.states import Completed

import rarecall
from rarecall import digest
from rarecall.errors import StoreError
from rarecall.project import Project
from rarecall.warehouse import Draft, Version
from tasks import measured
from tasks.shelf import warehouse

logger = logging.getLogger("rarecall.stage")
P = ParamSpec("P")
_ROWS = {"examples"}  # facts that hold rows, which stay in the warehouse


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a stage would make.

    Attributes
    ----------
    kind : str
        The warehouse's shelf.
    recipe : dict
        The part of the project that matters; with the inputs, the engine's version and the stage's name it is the key.
    inputs : sequence of Version
        What it is made of.
    write : callable
        Fills a draft; runs only when the output is not there.
    """

    kind: str
    recipe: dict[str, Any]
    inputs: tuple[Version, ...]
    write: Callable[[Draft], None]

    def whole_recipe(self, stage: str) -> dict[str, Any]:
        """Return everything that the output depends on."""
        made_of = [f"{version.kind}/{version.key}" for version in self.inputs]
        return {"stage": stage, "engine": rarecall.__version__, "recipe": self.recipe, "inputs": made_of}


@dataclass(frozen=True, kw_only=True)
class Done:
    """A stage that has its output: found (`cached`) or made (`completed`), and in how many seconds."""

    name: str
    state: str
    seconds: float
    version: Version

    def summary(self) -> dict[str, Any]:
        """Return the name, state and seconds, JSON-ready."""
        return {"name": self.name, "state": self.state, "seconds": round(self.seconds, 3)}


def stage(
    plan: Callable[Concatenate[Project, ...], Plan],
) -> Callable[..., Done]:
    """Turn a function from a project and versions to a `Plan` into a Prefect task that returns what is `Done`."""
    name = plan.__name__

    @wraps(plan)
    def run(project: Project, *inputs: Version) -> Any:
        started = time.perf_counter()
        version, found = _found_or_made(name, plan(project, *inputs), project)
        state = "cached" if found else "completed"
        done = Done(name=name, state=state, seconds=time.perf_counter() - started, version=version)
        _publish(done)
        return Completed(name="Cached", message=f"{version.kind}/{version.key} was there", data=done) if found else done

    as_task = task(run, name=name, cache_policy=NO_CACHE, persist_result=False)

    @wraps(plan)
    def call(project: Project, *inputs: Done) -> Done:
        logger.info("stage.started", extra={"stage": name})
        state = as_task(project, *(done.version for done in inputs), return_state=True)
        done: Done = state.result()
        logger.info("stage.finished", extra={"stage": name, "state": done.state, "seconds": done.seconds})
        return done

    return call


def _found_or_made(name: str, plan: Plan, project: Project) -> tuple[Version, bool]:
    recipe, shelf = plan.whole_recipe(name), warehouse(project)
    key = digest.of_value(recipe)
    if found := shelf.find(plan.kind, key):
        return found, True
    with shelf.write(plan.kind, key, recipe=recipe) as draft, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of libraries that reset the filters as they are imported
        plan.write(draft)
    if made := shelf.find(plan.kind, key):
        measured.keep(project, made, draft.measured)
        return made, False
    raise StoreError(f"{shelf.root / plan.kind / key} was written and is gone; is another process removing it?")


def _publish(done: Done) -> None:
    """Show a stage's facts in the Prefect UI, where the task runs under Prefect."""
    if TaskRunContext.get() is None:
        return
    rows = [{"fact": "output", "value": f"{done.version.kind}/{done.version.key}"}]
    rows += [{"fact": name, "value": _short(value)} for name, value in done.version.facts.items() if name not in _ROWS]
    create_table_artifact(key=done.name.replace("_", "-"), table=rows, description=f"{done.name}: {done.state}")


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 200 else text[:197] + "..."
