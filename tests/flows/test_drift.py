"""`rarecall drift` and `rarecall estimate` through the console script, beside a champion that a run has made."""

import json

import numpy as np
import pandas as pd
import pytest

from rarecall.drift import load
from rarecall.simulator.simulate import Payments, simulate
from rarecall.warehouse import Warehouse


@pytest.fixture(scope="module")
def later() -> pd.DataFrame:
    """3,000 payments of later days; in the north every amount is doubled."""
    rows = simulate(Payments(rows=3000, days=10, start="2026-04-01", fraud_share=0.04, seed=7))
    return rows.assign(amount=np.where(rows["region"] == "north", 2, 1) * rows["amount"])


@pytest.fixture(scope="module")
def told(retrained, later):
    place = retrained[0]
    later.to_parquet(place.folder / "later.parquet", index=False)
    done = {"drift": place.run("drift", ".", "later.parquet", "--json"), "people": place.run("drift", "--no-page")}
    done |= {"estimate": place.run("estimate", ".", "later.parquet", "--json"), "words": place.run("estimate")}
    assert all(one.returncode == 0 for one in done.values()), [one.stderr for one in done.values()]
    return done


def test_the_sketch_is_kept_with_the_model_version(retrained):
    from serving import registry

    from rarecall.project import load as read

    project = read(retrained[0].file, {})
    client = registry.connect(project)
    version = client.get_model_version(project.name, retrained[1]["model_version"])
    [kept] = Warehouse(retrained[0].home / "warehouse").versions("sketches")
    assert version.tags["rarecall.sketch"] == kept.key
    logged = client.download_artifacts(version.run_id, "sketch.npz")
    assert load(logged).groups == load(kept.file("sketch.npz")).groups
    assert kept.facts["rows"] == retrained[1]["stages"] and False
