"""The quarantine of a project's home: what is set aside, what a person released of it, and the release itself."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rarecall.errors import DataError, StoreError, nearest
from rarecall.project import Project
from tasks.ledger import known_entries, open_project_ledger

if TYPE_CHECKING:
    import pandas as pd

    from rarecall.intake.quarantine import Release
    from rarecall.warehouse import Version

RELEASED = "quarantine.released"
LATEST = "latest"
_FILE = "quarantine.parquet"


def overview(project: Project) -> dict[str, Any]:
    """Return every verdict that set rows aside, newest first, JSON-ready."""
    from rarecall.intake.quarantine import BETWEEN, is_released

    released = releases(project)
    found = []
    for verdict in reversed(_verdicts(project)):
        rows = quarantined(verdict)
        failed = Counter(name for names in rows["failed_expectations"] for name in names.split(BETWEEN))
        found.append(
            {
                "snapshot": rows["snapshot_key"].iloc[0],
                "verdict": verdict.key,
                "read": verdict.facts["read"],
                "quarantined": len(rows),
                "expectations": dict(failed.most_common()),
                "released": int(is_released(rows, released).sum()),
            }
        )
    return {"project": project.name, "quarantines": found}


def show(project: Project, snapshot: str, *, most: int, copy_to: Path | None) -> dict[str, Any]:
    """Return a snapshot's quarantined rows with their reasons, JSON-ready, and write all of them to a file if asked.

    Raises
    ------
    DataError
        The snapshot has no quarantine, or the file's ending is neither .parquet nor .csv.
    StoreError
        The file could not be written.
    """
    from rarecall.intake.quarantine import BETWEEN, is_released

    verdict, rows = _find(project, snapshot)
    rows = rows.assign(released=is_released(rows, releases(project)))
    if copy_to:
        _write(rows, copy_to)
    shown = rows.drop(columns="snapshot_key").head(most)
    # pandas' own JSON knows dates and missing values; it has no word for an infinite number.
    records = json.loads(shown.map(_plain).to_json(orient="records", date_format="iso"))
    for record in records:
        record["failed_expectations"] = record["failed_expectations"].split(BETWEEN)
    return {
        "snapshot": rows["snapshot_key"].iloc[0],
        "verdict": verdict.key,
        "quarantined": len(rows),
        "rows": records,
        "file": copy_to and str(copy_to),
    }


def release(
    project: Project, snapshot: str, *, rows: Sequence[int], expectation: str | None, who: str, why: str
) -> dict[str, Any]:
    """Write into the ledger that reviewed rows are to come into the next snapshot; nothing is written twice.

    Parameters
    ----------
    project : Project
    snapshot : str
        Its key, the beginning of it, or `latest`.
    rows : sequence of int
        Exempt from everything that they failed.
    expectation : str, optional
        Without `rows`: every row that failed it, exempt from it alone.
    who, why : str

    Returns
    -------
    dict
        `released` and `already` (counts), `held` (released rows that another expectation still holds back), `refused`
        (row to reason) and the ledger's `entry`, or None where there was nothing to write.

    Raises
    ------
    DataError
        A row is not in the quarantine, or nothing can be learned from it as it is.
    """
    from rarecall.intake.quarantine import BETWEEN, is_released, of_quarantine, unlearnable

    verdict, held = _find(project, snapshot)
    failed = dict(zip(held["row_id"], (names.split(BETWEEN) for names in held["failed_expectations"]), strict=True))
    chosen = {row: failed[row] for row in _known(rows, failed)} if rows else _failing(failed, str(expectation))
    kinds = _kinds(project, held)
    lacking = unlearnable(held[held["row_id"].isin(list(chosen))], project, kinds)
    if lacking and (rows or len(lacking) == len(chosen)):
        raise DataError(_refusal(lacking))
    wanted = of_quarantine(held, {row: names for row, names in chosen.items() if row not in lacking}, verdict.key)
    before = releases(project)
    known = {(one.fingerprint, one.columns, name) for one in before for name in one.expectations}
    fresh = [one for one in wanted if any((one.fingerprint, one.columns, n) not in known for n in one.expectations)]
    entry = None
    if fresh:
        payload = {
            "snapshot": held["snapshot_key"].iloc[0],
            "verdict": verdict.key,
            "columns": list(fresh[0].columns),
            "rows": [
                {"row_id": one.row_id, "fingerprint": one.fingerprint, "expectations": list(one.expectations)}
                for one in fresh
            ],
        }
        entry = open_project_ledger(project).append(RELEASED, project.name, payload, who=who, why=why).number
    free = is_released(held, [*before, *fresh])
    return {
        "snapshot": held["snapshot_key"].iloc[0],
        "released": len(fresh),
        "already": len(wanted) - len(fresh),
        "held": int((held["row_id"].isin([one.row_id for one in wanted]) & ~free).sum()),
        "refused": {str(row): why_not for row, why_not in lacking.items()},
        "entry": entry,
    }


def releases(project: Project) -> list[Release]:
    """Return every release of the project's ledger, oldest first."""
    from rarecall.intake.quarantine import Release

    return [
        Release(
            snapshot=entry.payload["snapshot"],
            verdict=entry.payload["verdict"],
            columns=tuple(entry.payload["columns"]),
            row_id=row["row_id"],
            fingerprint=row["fingerprint"],
            expectations=tuple(row["expectations"]),
        )
        for entry in known_entries(project, RELEASED)
        for row in entry.payload["rows"]
    ]


def sources(project: Project, released: Sequence[Release]) -> dict[str, pd.DataFrame]:
    """Return the quarantines from which rows were released, by their verdict's key, as far as this home has them."""
    from tasks.shelf import warehouse

    keys = dict.fromkeys(one.verdict for one in released)
    found = {key: warehouse(project).find("verdicts", key) for key in keys}
    return {key: quarantined(verdict) for key, verdict in found.items() if verdict}


def quarantined(verdict: Version) -> pd.DataFrame:
    """Return the rows that a verdict set aside."""
    import pandas as pd

    return pd.read_parquet(verdict.file(_FILE))


def _verdicts(project: Project) -> list[Version]:
    """Return the verdicts that set rows aside, oldest first; a home that two projects share holds both projects'."""
    from tasks.shelf import warehouse

    needed = {project.label.column, *project.entity, *([project.timestamp] if project.timestamp else [])}
    with_rows = [one for one in warehouse(project).versions("verdicts") if one.facts["quarantined"]]
    return [one for one in with_rows if needed <= set(quarantined(one).columns)]


def _find(project: Project, snapshot: str) -> tuple[Version, pd.DataFrame]:
    """Return the last verdict on a snapshot and the rows that it set aside."""
    keys = []
    for verdict in reversed(_verdicts(project)):
        rows = quarantined(verdict)
        key = str(rows["snapshot_key"].iloc[0])
        if snapshot == LATEST or key.startswith(snapshot):
            return verdict, rows
        keys.append(key)
    there = nearest(snapshot, keys) or "; nothing is in quarantine"
    raise DataError(
        f"expected a snapshot with quarantined rows, got {snapshot!r}{there}; see: rarecall quarantine list"
    )


def _known(rows: Sequence[int], failed: dict[int, list[str]]) -> list[int]:
    if unknown := [row for row in rows if row not in failed]:
        raise DataError(
            f"expected rows of the quarantine, got row {unknown[0]}, which is not in it; "
            "see their row_id with: rarecall quarantine show"
        )
    return list(dict.fromkeys(rows))


def _failing(failed: dict[int, list[str]], expectation: str) -> dict[int, list[str]]:
    chosen = {row: [expectation] for row, names in failed.items() if expectation in names}
    if not chosen:
        there = sorted({name for names in failed.values() for name in names})
        raise DataError(f"expected an expectation that a row failed, got {expectation!r}{nearest(expectation, there)}")
    return chosen


def _kinds(project: Project, rows: pd.DataFrame) -> dict[str, str]:
    """Return the features' kinds; where the snapshot is gone, every column is judged as what it holds."""
    from tasks.shelf import warehouse

    taken = warehouse(project).find("snapshots", rows["snapshot_key"].iloc[0])
    numeric = {str(name): "numeric" for name in rows.select_dtypes("number").columns}
    return dict(taken.facts["features"]) if taken else numeric


def _refusal(lacking: dict[int, str]) -> str:
    row, why = next(iter(lacking.items()))
    more = f" (and {len(lacking) - 1} more rows like it)" if len(lacking) > 1 else ""
    return (
        f"row {row} cannot be released: {why}, so nothing can be learned from it{more}; "
        "correct it in the source and deliver it again: it then passes by itself"
    )


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, float) and value in {float("inf"), float("-inf")} else value


def _write(rows: pd.DataFrame, file: Path) -> None:
    try:
        if file.suffix == ".parquet":
            rows.to_parquet(file, index=False)
        elif file.suffix == ".csv":
            rows.to_csv(file, index=False)
        else:
            raise DataError(f"--output: expected a file that ends in .parquet or .csv, got {file}")
    except OSError as error:
        raise StoreError(
            f"could not write {file}: {error.strerror or error}; give another place with --output"
        ) from None
