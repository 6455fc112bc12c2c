"""Start a canary: a version meets the first step of the ramp."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rarecall.errors import DataError
from rarecall.project import Project
from rarecall.standing import Standing, moves
from tasks.move import move
from tasks.promote import decided_on

if TYPE_CHECKING:
    from mlflow import MlflowClient


def start_canary(
    project: Project, version: str | None = None, *, who: str, why: str, force: bool = False
) -> dict[str, Any]:
    """Put a version on canary at the first share of the ramp.

    Parameters
    ----------
    project : Project
    version : str, optional
        Its number; by default the challenger.
    who, why : str
        For the ledger.
    force : bool
        Also where the decision on it was not to promote, or none was made; the ledger remembers that.

    Returns
    -------
    dict
        `project`, `champion`, `canary`, `share`, `moves`, `already` (it was on canary), `entry` and `mended`.

    Raises
    ------
    DataError
        There is no champion to compare it with or no such version, it is the champion, another version is on canary, or
        the decision on it was not to promote.
    """
    known = None if version is None else decided_on(project, version)
    forced = False

    def change(now: Standing, _client: MlflowClient) -> Standing:
        nonlocal forced
        chosen = version or now.challenger
        if chosen is None:
            raise DataError(
                f"{project.name} has no challenger to put on canary; name one: rarecall canary --start --version N"
            )
        if now.champion is None:
            raise DataError(
                f"{project.name} has no champion beside which a canary could stand; make one with: rarecall promote"
            )
        if chosen == now.champion:
            raise DataError(f"version {chosen} of {project.name} is champion already; expected another one")
        if now.canary not in {None, chosen}:
            raise DataError(
                f"version {now.canary} of {project.name} is on canary; wait for its verdict, or run: "
                "rarecall demote canary --reason TEXT"
            )
        decided = known or decided_on(project, chosen)
        if not (decided.is_earned or force):
            raise DataError(decided.refusal())
        forced = force and not decided.is_earned
        return now if now.canary == chosen else now.on_canary(chosen, project.canary.ramp[0])

    moved = move(project, change, action="canary", who=who, why=why, forced=lambda: forced)
    entry = moved.entry
    return {
        "project": project.name,
        "champion": moved.after.champion,
        "canary": moved.after.canary,
        "share": moved.after.share,
        "moves": moves(moved.before.aliases(), moved.after.aliases()) if entry else {},
        "forced": forced,
        "already": entry is None,
        "entry": entry.number if entry else None,
        "mended": moved.mended,
    }
