"""Retrieve the training set: each labelled row with its features as they were at its moment.

Feast says which view, keys and features; `rarecall.tables.as_of` joins them within bounded memory. That both give the
same rows is tested.
"""

from datetime import timedelta

import pandas as pd
import pyarrow.parquet as pq

from rarecall import digest
from rarecall.errors import DataError, StoreError
from rarecall.project import Project
from rarecall.warehouse import Draft, Version
from tasks.stage import Plan, stage


@stage
def retrieve(project: Project, taken: Version, verdict: Version, view: Version) -> Plan:
    """Plan the point-in-time training set: as many rows out as went in, in the order of their ids.

    Rows whose label may still change, or is not known yet, are left for a later run. Labels that a person has answered
    are corrected here, where labels meet features: after the expectations, which judge what was delivered, and before
    everything that learns from a label or is measured on it. A row that a person has answered for before its label was
    due is taken in early.
    """
    facts = view.facts
    answered = _answered(project, taken, verdict)

    def write(draft: Draft) -> None:
        from rarecall.doubt import answers
        from rarecall.split import mature
        from rarecall.tables import as_of

        spine = [*dict.fromkeys(["row_id", *facts["keys"]]), "event_timestamp", "label"]
        accepted = pd.read_parquet(verdict.file("accepted.parquet"), columns=spine)
        old_enough = mature(accepted, pd.Timedelta(project.label.delay))
        given = old_enough & accepted["label"].notna()
        early = accepted["row_id"].isin(answered.index[answered.isin(answers.SURE)]) & ~given
        labelled = accepted[given | early].assign(early=early)
        said = answers.corrected(labelled["label"].fillna(0), labelled["row_id"].map(answered))
        labelled["label"] = labelled["label"].where(~labelled["early"], said).astype("int8")
        read, aged, unlabelled = len(accepted), int(old_enough.sum()), int((old_enough & ~given & ~early).sum())
        del accepted, old_enough, given, early, said  # twenty million rows are half a gigabyte a copy
        if labelled.empty:
            raise DataError(
                f"label.table: none of the {aged} accepted rows older than "
                f"{project.label.delay / timedelta(days=1):g} days has a label yet; "
                "add some with rarecall labels add FILE"
            )
        labelled = labelled.sort_values("row_id", ignore_index=True)
        answer = labelled["row_id"].map(answered)
        known = labelled[["row_id", "early"]].assign(given=labelled["label"], answer=answer)[answer.notna()]
        settled = labelled.copy(deep=False)
        settled["label"] = answers.corrected(labelled["label"], answer)
        written = as_of.join(
            settled[spine],
            verdict.file("accepted.parquet"),
            draft.folder / "rows.parquet",
            keys=facts["keys"],
            features=facts["features"],
            created=facts["created"],
        )
        if written != len(settled) or not settled["row_id"].is_unique:
            raise StoreError(f"the join gave {written} training rows for {len(settled)} labelled ones")
        known.to_parquet(draft.folder / "answers.parquet", index=False)
        changed = int((settled["label"][known.index] != known["given"]).sum())
        draft.facts.update(
            rows=len(settled),
            immature=read - len(settled),
            features=facts["features"],
            answers=answers.counted(known["answer"]) | {"changed": changed, "early": int(known["early"].sum())},
        )
        if project.label.table:
            corrected = _corrected(project, verdict, labelled)
            corrected.to_parquet(draft.folder / "corrected.parquet", index=False)
            draft.facts.update(unlabelled=unlabelled, corrected=len(corrected))

    # The receipt's key holds where the registry stands; the rows depend only on the verdict and the answers.
    recipe = {
        "view": facts["view"],
        "delay": project.label.delay.total_seconds(),
        "answers": digest.of_value(answered.to_dict()) if len(answered) else None,
    }
    return Plan(kind="training_sets", recipe=recipe, inputs=(verdict,), write=write)


def _answered(project: Project, taken: Version, verdict: Version) -> "pd.Series[str]":
    """Return the answers about accepted rows, by row id; the ledger's other answers are about other deliveries."""
    from rarecall.doubt import answers
    from tasks.labels import standing

    held, features = standing(project), list(taken.facts["features"])
    if not held:
        return pd.Series(dtype=object)
    wanted = dict.fromkeys(["row_id", "event_timestamp", *answers.named_by(project, features)])
    rows = pd.read_parquet(verdict.file("accepted.parquet"), columns=list(wanted))
    answer = pd.Series(answers.names(rows, project, features), index=rows["row_id"]).map(held)
    return answer.dropna()


def _corrected(project: Project, verdict: Version, labelled: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that stood in the training set before this one with another label, with the label `before`.

    That training set is made of the snapshot with which the verdict compares this one, so that the same verdict always
    has the same.
    """
    from rarecall.intake.pseudonym import texts
    from rarecall.kinship.descent import made_of
    from rarecall.split import mature
    from tasks.shelf import warehouse

    keys = [*project.entity, "event_timestamp"]
    now = labelled[["row_id", "label", *keys]].assign(**{name: texts(labelled[name]) for name in project.entity})
    names = [name.removeprefix("verdicts/") for name in made_of(verdict) if name.startswith("verdicts/")]
    earlier = warehouse(project).find("verdicts", names[0]) if names else None
    if earlier is None or not set(keys) <= set(pq.read_schema(earlier.file("accepted.parquet")).names):
        return now.head(0)[["row_id", "label"]].assign(before=now["label"].head(0))
    rows = pd.read_parquet(earlier.file("accepted.parquet"), columns=[*keys, "label"])
    rows = rows[mature(rows, pd.Timedelta(project.label.delay)) & rows["label"].notna()]
    rows = rows.assign(**{name: texts(rows[name]) for name in project.entity}).drop_duplicates(keys)
    both = now.merge(rows.rename(columns={"label": "before"}).astype({"before": "int8"}), on=keys)
    return both.loc[both["label"] != both["before"], ["row_id", "label", "before"]].reset_index(drop=True)
