"""Suggest which rows are worth a label: of those whose label is not known yet, or may still change."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rarecall.errors import DataError, StoreError
from rarecall.project import Project
from tasks import labels
from tasks.champion import champion, sketch_of
from tasks.ledger import known_entries, open_project_ledger
from tasks.shelf import warehouse

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from monitoring.unlabelled import Unlabelled
    from rarecall.suggestion import By
    from rarecall.warehouse import Version

ACTION = "suggested"


def suggest(
    project: Project, file: Path, *, budget: int, who: str, by: By = "rare", floor: int | None = None
) -> dict[str, Any]:
    """Write the rows to have labelled as a review queue, and into the ledger which these were.

    Parameters
    ----------
    project : Project
    file : Path
        As of `rarecall.doubt.review.write`.
    budget : int
        How many labels are to be had.
    who : str
    by : {"rare", "uncertain", "dense"}
        What a label is worth (`rarecall.suggestion`).
    floor : int, optional
        Rows of each cohort value at least; by default a quarter of the budget goes to all of them alike.

    Returns
    -------
    dict
        JSON-ready: `file`, `rows`, `champion`, `by`, `snapshot_rows`, `candidates`, `immature` and `unlabelled` (which
        together are the candidates), `answered` (left out, as a person has answered), `known` (left out, as the
        prediction log has the truth), `served` (candidates about whom the router has answered), `elsewhere` (entities
        with answers that wait for a truth and are not in the snapshot), `floor`, `expected_positives` and `by_cohort`.

    Raises
    ------
    DataError
        There is no champion, no row without a label, or the floors are beyond the budget.
    StoreError
        There is no run yet, or a store cannot be read or written.
    """
    import numpy as np
    import pandas as pd

    from monitoring import unlabelled
    from monitoring.predictions import url
    from rarecall import cohort_threshold, cohorts, suggestion, training
    from rarecall.doubt import answers, review

    stands = champion(project)
    kinds, served = sketch_of(project, stands).kinds, stands.model()
    rows = pd.read_parquet(_accepted(project).file("accepted.parquet"))
    due = _due(project, rows)
    names = answers.names(rows, project, list(kinds))
    log = unlabelled.read(url(project))
    open_, facts = _open(project, rows, due, names, log)
    if not open_.any():
        raise DataError(
            f"labels suggest: expected rows without a label that is known for good, got none of {len(rows):,} accepted "
            "ones; bring newer rows, or rows without labels with label.table: true"
        )
    at = np.flatnonzero(open_)
    segments = cohorts.assign(rows, project.cohorts)
    among, groups = rows.iloc[at].reset_index(drop=True), segments.iloc[at].reset_index(drop=True)
    least = suggestion.even_floor(groups, budget) if floor is None else floor
    score = training.score(served, among)
    chosen = suggestion.suggest(
        among, kinds, score, cohort_threshold.cuts(served, among),
        budget=budget, by=by, cohorts=groups, floor=least, seed=project.seed,
    )  # fmt: skip
    asked, known = at[chosen["at"].to_numpy()], np.flatnonzero(due)
    queue = review.queue(
        rows,
        pd.DataFrame({"score": np.nan, "action": ACTION}, index=rows.index),
        asked,
        names=names[asked],
        neighbors=[
            one.tolist()
            for one in suggestion.labelled_near(
                rows, kinds, asked, known, rows["label"].to_numpy()[known], k=project.labels.k, seed=project.seed
            )
        ],
        cohorts=segments,
        timed=project.timestamp is not None,
        more=chosen.drop(columns="at").assign(answers=_answers(rows.iloc[asked], project, log)),
    )
    review.write(queue, file)
    _remember(project, queue["fingerprint"].tolist(), who=who, champion=stands.version, by=by)
    return {
        "project": project.name,
        "file": str(file),
        "rows": len(queue),
        "champion": stands.version,
        "by": by,
        **facts,
        "floor": least,
        "expected_positives": float(chosen["probability"].sum()),
        "by_cohort": {
            name: {value: int((groups[name].iloc[chosen["at"]] == value).sum()) for value in groups[name].unique()}
            for name in groups
        },
    }


def _accepted(project: Project) -> Version:
    """Return the verdict of the last run's expectations: the rows that it took in, labelled or not."""
    from rarecall.kinship.descent import made_of

    shelf, version = warehouse(project), labels.last_verdict(project)
    for kind in ("training_sets", "verdicts"):
        [key] = [name.partition("/")[2] for name in made_of(version) if name.startswith(f"{kind}/")]
        found = shelf.find(kind, key)
        if found is None:
            raise StoreError(f"the {kind} {key} of the last run was collected; make it again with: rarecall retrain")
        version = found
    return version


def _due(project: Project, rows: pd.DataFrame) -> NDArray[np.bool_]:
    """Return which rows have a label that is known for good."""
    import pandas as pd

    from rarecall.split import mature

    due: NDArray[np.bool_] = (mature(rows, pd.Timedelta(project.label.delay)) & rows["label"].notna()).to_numpy()
    return due


def _open(
    project: Project, rows: pd.DataFrame, due: NDArray[np.bool_], names: NDArray[Any], log: Unlabelled
) -> tuple[NDArray[np.bool_], dict[str, int]]:
    """Return which rows may be asked about, and how many were left out for what."""
    import numpy as np

    entity = _entity(rows, project)
    answered = ~due & np.isin(names, list(labels.standing(project)))
    # Where an entity has several rows, a truth about one of them says nothing of the others.
    known = ~due & ~answered & (entity.isin(log.known).to_numpy() if entity.is_unique else False)
    found = ~due & ~answered & ~known
    unlabelled = found & rows["label"].isna().to_numpy()
    served = found & entity.isin(log.waiting).to_numpy()
    return found, {
        "snapshot_rows": len(rows),
        "candidates": int(found.sum()),
        "immature": int((found & ~unlabelled).sum()),
        "unlabelled": int(unlabelled.sum()),
        "answered": int(answered.sum()),
        "known": int(np.sum(known)),
        "served": int(served.sum()),
        "elsewhere": len(log.waiting.keys() - set(entity)),
    }


def _entity(rows: pd.DataFrame, project: Project) -> pd.Series[Any]:
    """Return each row's entity as the router writes it into the prediction log."""
    import orjson
    import pandas as pd

    from rarecall.intake.pseudonym import texts

    keys = project.entity or ["row_id"]
    if len(keys) == 1:
        return pd.Series(texts(rows[keys[0]]), index=rows.index)
    # Of several keys the router writes a number as a number.
    numeric = [pd.api.types.is_numeric_dtype(rows[name]) for name in keys]
    parts = zip(*(texts(rows[name]) for name in keys), strict=True)
    said = [
        orjson.dumps(
            [
                int(part) if whole and part and part.isdecimal() else part
                for part, whole in zip(one, numeric, strict=True)
            ]
        )
        for one in parts
    ]
    return pd.Series([one.decode() for one in said], index=rows.index)


def _answers(rows: pd.DataFrame, project: Project, log: Unlabelled) -> NDArray[np.int64]:
    """Return how often the router has answered about each row's entity without having heard the truth."""
    found: NDArray[np.int64] = _entity(rows, project).map(log.waiting).fillna(0).to_numpy(dtype="int64")
    return found


def _remember(project: Project, rows: list[str], *, who: str, champion: str, by: str) -> None:
    """Write down what was asked, once however often it is suggested."""
    if any(entry.payload["rows"] == rows for entry in known_entries(project, labels.SUGGESTED)):
        return
    payload = {"rows": rows, "champion": champion, "by": by}
    why = f"to have {len(rows)} rows labelled"
    open_project_ledger(project).append(labels.SUGGESTED, project.name, payload, who=who, why=why)
