"""Rows that fail are set aside with their reasons; none is lost."""

import numpy as np
import pandas as pd
from places import placed
from prefect import flow

from rarecall.project import load


def test_quarantine_holds_the_rows_and_why(prefect, tmp_path, payments):
    from tasks.ingest import ingest
    from tasks.validate import validate

    broken = payments.assign(
        is_fraud=payments["is_fraud"].astype("float64").mask(payments.index < 3),
        amount=payments["amount"].mask(payments.index == 5, np.inf),
    )
    project = load(placed(tmp_path, broken).file, {})

    @flow
    def two_stages():
        taken = ingest(project)
        return taken.version, validate(project, taken).version

    taken, verdict = two_stages()
    accepted = pd.read_parquet(verdict.file("accepted.parquet"))
    quarantined = pd.read_parquet(verdict.file("quarantine.parquet"))
    assert sorted(quarantined["row_id"]) == [0, 1, 2, 5]
    assert set(quarantined["snapshot_key"]) == {taken.key}
    assert "is_fraud" in quarantined.set_index("row_id")["failed_expectations"][0]
    assert "amount" in quarantined.set_index("row_id")["failed_expectations"][5]
    assert len(accepted) + len(quarantined) == len(payments)
    assert verdict.facts["quarantined"] == 4
