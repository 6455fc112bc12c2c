"""Move: the aliases of a model, first in the ledger and then in MLflow, by one at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rarecall.project import Project
from rarecall.standing import Standing
from tasks.aliases import moving, no_model, read, write
from tasks.mend import mend

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from monitoring.ledger import Entry


@dataclass(frozen=True, kw_only=True)
class Moved:
    """What a move came to.

    Attributes
    ----------
    before, after : Standing
    entry : Entry or None
        The ledger's; None where nothing had to move.
    mended : list of str
        What was not as the ledger says and was set right first, a sentence each.
    """

    before: Standing
    after: Standing
    entry: Entry | None
    mended: list[str]


def move(
    project: Project,
    change: Callable[[Standing, MlflowClient], Standing],
    *,
    action: str,
    who: str,
    why: str,
    **noted: Any,
) -> Moved:
    """Move the aliases of the project's model: first in the ledger, then in MLflow.

    Parameters
    ----------
    project : Project
    change : callable
        From what stands to what is to stand; asked while nobody else can move, so it never works on what is old.
    action : str
        `promote`, `rollback`, `demote`, `retrain`, `canary` or `ramp`.
    who, why : str
        For the ledger.
    **noted
        What else the entry is to hold, JSON-ready; what can be called is asked once `change` has been.

    Raises
    ------
    DataError
        There is no model yet.
    StoreError
        Another process does not let go, or MLflow and the ledger do not belong to each other.
    """
    from serving import registry

    if not registry.exists(project):
        raise no_model(project)
    with moving(project):
        client = registry.connect(project)
        mended = mend(project, client, who=who)
        known = read(project, client)
        if known is None:
            raise no_model(project)
        after = change(known.standing, client)
        entry = None
        if after != known.standing:
            noted = {name: one() if callable(one) else one for name, one in noted.items()}
            entry = write(project, client, known, after, action=action, who=who, why=why, **noted)
            registry.follow(client, known.model, after, str(entry.hash))
        return Moved(before=known.standing, after=after, entry=entry, mended=mended)
