"""Sound: raise an alarm once while it stands, tell the Prefect server of it, and let no look fail in silence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from rarecall.errors import RarecallError, redacted
from rarecall.project import Project
from tasks.announce import announce, has_server

if TYPE_CHECKING:
    from monitoring.triggers import TriggerLedger


class Sound:
    """Raises alarms and takes them back; `changed` says what became of each."""

    def __init__(self, project: Project, triggers: TriggerLedger, who: str) -> None:
        self._project, self._triggers, self._who = project, triggers, who
        self.changed: dict[str, str] = {}

    def __call__(self, name: str, said: str | None) -> None:
        """Raise an alarm, or with None take it back."""
        changed = self._triggers.alarm(name, said, who=self._who)
        if changed:
            self.changed[name] = changed
        if changed == "raised" and has_server():
            announce(self._project, f"rarecall.{name}", f"rarecall.alarm.{self._project.name}.{name}", {"said": said})


@contextmanager
def sound(project: Project, triggers: TriggerLedger, *, who: str) -> Iterator[Sound]:
    """Yield what raises alarms; where the block fails, that is an alarm too, and the error goes on."""
    told = Sound(project, triggers, who)
    try:
        yield told
    except Exception as error:
        said = redacted((str(error) or repr(error)).splitlines()[0])
        with suppress(RarecallError):  # what failed first is what is told
            told("monitor.failed", f"the look failed: {said}")
        raise
