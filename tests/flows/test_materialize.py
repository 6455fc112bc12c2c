"""After a retrain the champion's features go online by one command, and score as its training rows do."""

import json
import os

import pandas as pd

from rarecall.project import load
from rarecall.training import score


def test_the_champion_scores_the_same_online(retrained):
    """The model, the feature service and the training set are what the run left; nothing is made here."""
    place, record = retrained
    done = place.run("materialize", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    from serving import registry
    from serving.features import FeatureReader
    from tasks.candidate import SERVICE
    from tasks.feature_store import open_store
    from tasks.shelf import warehouse

    project = load(place.file, os.environ)
    accepted = pd.read_parquet(warehouse(project).versions("verdicts")[-1].file("accepted.parquet"))
    assert found["written"] == accepted["payment_id"].nunique()
    training_set = pd.read_parquet(warehouse(project).versions("training_sets")[-1].file("rows.parquet"))
    some = training_set.sample(500, random_state=0).reset_index(drop=True)
    client = registry.connect(project)
    version = client.get_model_version(project.name, record["model_version"])
    store = open_store(project)
    reader = FeatureReader(store, store.get_feature_service(version.tags[SERVICE]))
    online = reader.read([{"payment_id": one} for one in some["payment_id"].tolist()])
    reader.close()
    assert online.unknown == ()
    pd.testing.assert_frame_equal(online.rows, some[reader.columns], check_exact=True)
    served = registry.load(client, version)
    assert (score(served, online.rows) == score(served, some)).all()


def test_nothing_new_says_so(retrained):
    place, _ = retrained
    first = place.run("materialize", "--until", "2026-01-20")
    assert first.returncode == 0, first.stderr
    again = place.run("materialize", "--until", "2026-01-20")
    assert "nothing new: payments_features_" in again.stdout


def test_a_moment_that_is_none_is_refused_in_one_sentence(retrained):
    place, _ = retrained
    done = place.run("materialize", "--until", "yesterday", "--json")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "rarecall: --until: expected a moment such as 2026-03-01T12:00Z, got 'yesterday'\n"
