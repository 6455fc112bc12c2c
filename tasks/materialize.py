"""Put the current real rows online: each entity's latest, once, and nothing that is no longer accepted.

How far this has come is kept in the online store itself, beside the rows: a Redis that was emptied says so, where
Feast's registry would still call it full.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rarecall.errors import StoreError, redacted
from rarecall.project import Project

if TYPE_CHECKING:
    import pyarrow as pa
    from feast import FeatureStore, FeatureView

    from serving.online import NewestOnlineStore
    from tasks.current_rows import CurrentRows, Files
    from tasks.forgotten import Forgotten

_WAIT = 600.0  # seconds for another materialization of the same home


@dataclass(frozen=True, kw_only=True)
class Mark:
    """How far a view is online.

    Attributes
    ----------
    files : dict
        The source's files, as `Files` knows them.
    until : str
        The moment up to which its rows are online, ISO 8601.
    columns : list
        The keys and features with their types.
    forgotten : str
        Who had been forgotten by then, as a digest.
    whole : bool
        False while it is being written, and for ever after a run that was killed.
    """

    files: dict[str, Any]
    until: str
    columns: list[list[str]]
    forgotten: str
    whole: bool


def materialize(
    project: Project,
    *,
    until: datetime | None = None,
    full: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Write what is new since the last time, and withdraw who is no longer accepted or was forgotten.

    Of every view that a model reads, and of those that were online before; of the newest view where there is none.

    Parameters
    ----------
    project : Project
    until : datetime, optional
        Rows of later are left for another time; by default now. What is online already is never set back.
    full : bool
        Compare every entity with what is online, and write it again.
    progress : callable, optional
        Told how many rows of how many are done.

    Returns
    -------
    dict
        JSON-ready: `written`, `older` (rows that found a newer one online), `withdrawn` and `seconds` of all, and
        `views`: of each its `view`, the same three, `first` and `last` (moments of what was offered), `until` and
        `how` (`nothing`, `newer`, `changed` or `all`).

    Raises
    ------
    StoreError
        Nothing has been published, or the source or the online store cannot be read or written.
    """
    from filelock import FileLock, Timeout

    started = time.perf_counter()
    lock = FileLock(Path(project.stores.home) / "feast" / "online.lock", timeout=_WAIT)
    until = until or datetime.now(UTC)
    with _online(project) as (store, there):
        try:
            with lock:
                found = [
                    {"view": view.name, **_Run(project, store, view, there, progress).run(until, full=full)}
                    for view in _views(project, store, there)
                ]
        except Timeout:
            raise StoreError(
                f"another run has been writing the online features of {project.stores.home} for {_WAIT:.0f} seconds; "
                "wait until it has ended"
            ) from None
    totals = {name: sum(one[name] for one in found) for name in ("written", "older", "withdrawn")}
    return {"project": project.name, **totals, "views": found, "seconds": round(time.perf_counter() - started, 3)}


@contextmanager
def _online(project: Project) -> Iterator[tuple[FeatureStore, NewestOnlineStore]]:
    """Yield the Feast store and its online store; StoreError when this does not answer."""
    import sqlite3

    from feast.infra.online_stores.helpers import get_online_store_from_config
    from redis.exceptions import RedisError

    from tasks.feature_store import open_store

    store = open_store(project)
    try:
        with closing(get_online_store_from_config(store.config.online_store)) as there:
            yield store, there
    except RedisError as error:
        where = redacted(str(project.stores.online))
        raise StoreError(
            f"{where} does not do its part: {redacted(str(error))}; see that it runs, then again"
        ) from error
    except sqlite3.OperationalError as error:  # locked, a full disk
        where = store.config.online_store.path
        raise StoreError(f"{where} cannot be written: {error}; see to that, and run this again") from error
    except sqlite3.DatabaseError as error:
        where = store.config.online_store.path
        raise StoreError(f"{where} is damaged: {error}; remove it and run this again, which fills it anew") from error


def _views(project: Project, store: FeatureStore, there: NewestOnlineStore) -> list[FeatureView]:
    """Return the views that are to be online; StoreError when the project has published none."""
    from feature_repo.definitions import view_name

    known = {view.name: view for view in store.registry.list_feature_views(store.project)}
    services = store.registry.list_feature_services(store.project)
    read = {projection.name for service in services for projection in service.feature_view_projections}
    newest = view_name(project.name)
    if newest not in known:
        raise StoreError(f"{project.name} has no features yet; run: rarecall retrain")
    views = [view for name, view in sorted(known.items()) if name in read or there.mark(store.config, view)]
    return views or [known[newest]]


class _Run:
    """The materialization of one view, under the home's lock."""

    def __init__(
        self,
        project: Project,
        store: FeatureStore,
        view: FeatureView,
        there: NewestOnlineStore,
        progress: Callable[[int, int], None] | None,
    ) -> None:
        from tasks.forgotten import forgotten

        self.config, self.view, self.there = store.config, view, there
        self.gone: Forgotten = forgotten(project)
        self.spill = Path(project.stores.home) / "feast" / "spill"
        self.progress = progress or (lambda _done, _total: None)

    def run(self, until: datetime, *, full: bool) -> dict[str, Any]:
        from tasks.current_rows import Files, reading

        files = Files.of(Path(self.view.batch_source.path))
        before = self._mark()
        if before is not None:
            until = max(until, datetime.fromisoformat(before.until))
        mark = Mark(
            files={name: list(known) for name, known in files.known.items()},
            until=until.isoformat(),
            columns=[[one.name, str(one.dtype)] for one in (*self.view.entity_columns, *self.view.features)],
            forgotten=self.gone.digest() if self.gone else "",
            whole=True,
        )
        with reading(self.view, self.spill) as rows:
            how, total, leaving = self._choose(rows, files, before, mark, full=full)
            span = rows.span("now")
            written = older = withdrawn = 0
            if how != "nothing":
                self._set(mark, whole=False)
                withdrawn = sum(self._withdraw(batch) for batch in rows.keys("gone", _batch())) if leaving else 0
                for batch in rows.rows("now", _batch()):
                    put, hidden = self._write(batch)
                    written, withdrawn = written + put, withdrawn + hidden[1]
                    older += batch.num_rows - hidden[0] - put
                    self.progress(written + older, total)
                self._set(mark, whole=True)
        first, last = (moment.isoformat() for moment in span) if span else (None, None)
        found = {"written": written, "older": older, "withdrawn": withdrawn, "first": first, "last": last}
        return {**found, "until": mark.until, "how": how}

    def _choose(
        self, rows: CurrentRows, files: Files, before: Mark | None, mark: Mark, *, full: bool
    ) -> tuple[str, int, int]:
        """Choose what is to be written, as `now`, and who has to leave, as `gone`; return how, and how many each."""
        from tasks.current_rows import Files as Known

        until = datetime.fromisoformat(mark.until)
        same_columns = before is not None and (before.columns, before.forgotten) == (mark.columns, mark.forgotten)
        if before is None or full or not before.whole or not same_columns:
            total = rows.choose("now", files, until)
            held = rows.hold("held", self._held())
            return "all", total, rows.gone("held", "now") if held else 0
        old = Known(known={name: (size, written) for name, (size, written) in before.files.items()})
        since = datetime.fromisoformat(before.until)
        if old.known.items() <= files.known.items():
            new = [name for name in files.known if name not in old.known]
            total = rows.choose("now", files, until, since=since, new=new)
            return ("newer" if total or new else "nothing"), total, 0
        total = rows.choose("now", files, until)
        if not old.still_there():
            held = rows.hold("held", self._held())
            return "all", total, rows.gone("held", "now") if held else 0
        rows.choose("before", old, since)
        leaving = rows.gone("before", "now")
        return "changed", rows.changed("before", "now"), leaving

    def _write(self, batch: pa.RecordBatch) -> tuple[int, tuple[int, int]]:
        """Write a batch without the forgotten; return how many, how many of these there are and were online."""
        import pyarrow as pa

        from serving.online import rows_of

        hidden = (0, 0)
        if self.gone:
            stays = self._stays(batch)
            leaves = batch.filter(pa.array([not stay for stay in stays]))
            hidden = (leaves.num_rows, self._withdraw(leaves))
            batch = batch.filter(pa.array(stays))
        return self.there.write_newest(self.config, self.view, rows_of(batch, self.view)), hidden

    def _stays(self, batch: pa.RecordBatch) -> list[bool]:
        frame = batch.to_pandas()
        left = set(self.gone.left(frame).index)
        return [number in left for number in frame.index]

    def _withdraw(self, batch: pa.RecordBatch) -> int:
        from serving.online import keys_of

        return self.there.withdraw(self.config, self.view, keys_of(batch, self.view))

    def _held(self) -> Iterator[pa.RecordBatch]:
        from tasks.current_rows import keys_to_arrow

        names = [field.name for field in self.view.entity_columns]
        held = self.there.held(self.config, self.view)
        while some := list(islice(held, _batch())):
            yield keys_to_arrow([key for key, _ in some], [stamp for _, stamp in some], names)

    def _mark(self) -> Mark | None:
        found = self.there.mark(self.config, self.view)
        known = {one.name for one in fields(Mark)}
        return Mark(**found) if found and found.keys() == known else None  # of another version, so all is compared

    def _set(self, mark: Mark, *, whole: bool) -> None:
        self.there.set_mark(self.config, self.view, asdict(mark) | {"whole": whole})


def _batch() -> int:
    from tasks.feature_store import BATCH

    return BATCH
