"""Retrieve the training set from Feast: each labelled row with its features as they were at its moment."""

import pandas as pd

from rarecall import digest
from rarecall.errors import StoreError
from rarecall.project import Project
from rarecall.warehouse import Draft, Version
from tasks.stage import Plan, stage


@stage
def retrieve(project: Project, taken: Version, verdict: Version, view: Version) -> Plan:
    """Plan the point-in-time training set: as many rows out as went in, in the order of their ids.

    Rows whose label may still change are left for a later run. Labels that a person has answered are corrected here,
    where labels meet features: after the expectations, which judge what was delivered, and before everything that
    learns from a label or is measured on it.
    """
    facts = view.facts
    answered = _answered(project, taken, verdict)

    def write(draft: Draft) -> None:
        from rarecall import answers
        from rarecall.split import mature
        from tasks.feature_store import open_store

        spine = [*dict.fromkeys(["row_id", *facts["keys"]]), "event_timestamp", "label"]
        accepted = pd.read_parquet(verdict.file("accepted.parquet"), columns=spine)
        labelled = accepted[mature(accepted, pd.Timedelta(project.label.delay))]
        rows = (
            open_store(project)
            .get_historical_features(
                entity_df=labelled, features=[f"{facts['view']}:{name}" for name in facts["features"]]
            )
            .to_df()
        )
        if len(rows) != len(labelled) or not rows["row_id"].is_unique:
            raise StoreError(f"Feast returned {len(rows)} training rows for {len(labelled)} labelled ones")
        rows = rows.sort_values("row_id", ignore_index=True)[[*spine, *facts["features"]]]
        answer = rows["row_id"].map(answered)
        known = rows[["row_id"]].assign(given=rows["label"], answer=answer)[answer.notna()]
        rows["label"] = answers.corrected(rows["label"], answer)
        rows.to_parquet(draft.folder / "rows.parquet", index=False)
        known.to_parquet(draft.folder / "answers.parquet", index=False)
        changed = int((rows["label"][known.index] != known["given"]).sum())
        draft.facts.update(
            rows=len(rows),
            immature=len(accepted) - len(rows),
            features=facts["features"],
            answers=answers.counted(known["answer"]) | {"changed": changed},
        )

    # The receipt's key holds where the registry stands; the rows depend only on the verdict and the answers.
    recipe = {
        "view": facts["view"],
        "delay": project.label.delay.total_seconds(),
        "answers": digest.of_value(answered.to_dict()) if len(answered) else None,
    }
    return Plan(kind="training_sets", recipe=recipe, inputs=(verdict,), write=write)


def _answered(project: Project, taken: Version, verdict: Version) -> "pd.Series[str]":
    """Return the answers about accepted rows, by row id; the ledger's other answers are about other deliveries."""
    from rarecall import answers
    from tasks.labels import standing

    held, features = standing(project), list(taken.facts["features"])
    if not held:
        return pd.Series(dtype=object)
    wanted = dict.fromkeys(["row_id", "event_timestamp", *answers.named_by(project, features)])
    rows = pd.read_parquet(verdict.file("accepted.parquet"), columns=list(wanted))
    answer = pd.Series(answers.names(rows, project, features), index=rows["row_id"]).map(held)
    return answer.dropna()
