"""A corrupted delivery in a home that accepted one before: refused in one sentence, and the next sound one goes on."""

import pytest
from places import Place
from prefect import flow

from rarecall.errors import DataError, RarecallError
from rarecall.project import load
from tasks.accept import accept
from tasks.ingest import ingest
from tasks.validate import validate


@flow
def delivered(place: Place):
    """Run the stages before the feature store, as the retrain does."""
    project = load(place.file, {})
    verdict = validate(project, taken := ingest(project))
    accept(project, taken, verdict)
    return verdict.version


@pytest.fixture
def accepted(prefect, place) -> Place:
    """A place whose table was accepted once."""
    delivered(place)
    return place


def test_an_inverted_label_ends_the_run_and_the_next_sound_delivery_is_accepted(accepted, payments):
    accepted.table(payments.assign(is_fraud=1 - payments["is_fraud"]))
    with pytest.raises(DataError, match=r"of the rows to be of the rare class, which was 3\.81%, got 96\.19%"):
        delivered(accepted)
    accepted.table(payments.tail(11_900))
    assert delivered(accepted).facts["quarantined"] == 0


def test_swapped_columns_end_the_whole_retrain_in_one_sentence(accepted, payments):
    swapped = payments.rename(columns={"amount": "region", "region": "amount"})
    accepted.table(swapped[payments.columns])
    with pytest.raises(RarecallError, match="amount") as refusal:
        accepted.retrain()
    assert "\n" not in str(refusal.value)
    assert not (accepted.home / "mlflow").exists(), "nothing was learned"
