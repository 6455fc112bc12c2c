"""What a cluster makes is what this process makes; a cluster that is not there, or is another, says so."""

import os
import socket
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from registered import project_in

from rarecall.arms.ablation import compare
from rarecall.arms.arm import Arm, arms
from rarecall.arms.trial import Bench, scored
from rarecall.errors import DataError, StoreError
from rarecall.sections import Ablation, Augmentation, Gates, Training
from tasks import cluster
from tasks.preflight import preflight

distributed = pytest.importorskip("distributed")

KINDS = {"a": "numeric", "b": "numeric", "color": "categorical"}
BOOSTING = Training(parameters={"max_iter": 10})


@pytest.fixture(scope="module")
def address():
    """A worker that is a process of its own, behind a scheduler on a free port."""
    here = {"host": "127.0.0.1", "dashboard_address": "127.0.0.1:0"}
    with distributed.LocalCluster(n_workers=1, threads_per_worker=1, **here) as running:
        yield running.scheduler_address.replace("tcp", "dask")


@pytest.fixture(scope="module")
def lonely():
    """A scheduler without a worker."""
    with distributed.LocalCluster(n_workers=0, host="127.0.0.1", dashboard_address="127.0.0.1:0") as running:
        yield running.scheduler_address


def bench(training: Training = BOOSTING) -> Bench:
    rng = np.random.default_rng(0)
    y = (rng.random(1500) < 0.1).astype(np.int8)
    rows = pd.DataFrame(
        {
            "row_id": np.arange(1500),
            "event_timestamp": pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(1500), "min"),
            "label": y,
            "a": rng.normal(size=1500) + 1.2 * y,
            "b": rng.normal(size=1500),
            "color": rng.choice(["red", "blue"], 1500),
        }
    )
    eligible = np.ones(1500, dtype=bool)
    return Bench(
        rows=rows, kinds=KINDS, weight=np.ones(1500), eligible=eligible, training=training, augmentation=Augmentation()
    )


def compared(fits) -> dict:
    ablation = Ablation(folds=2, seeds=1, shares=[0.1, 0.3], rows=1000, learners=["logistic_regression"])
    found = arms(BOOSTING, Augmentation(), ablation, Gates())
    return compare(bench(), found, ablation=ablation, gates=Gates(), precision_floor=0.3, fits=fits)


@pytest.fixture(scope="module")
def here():
    with cluster.fits("local") as threads:
        return compared(threads)


def test_a_cluster_comes_to_the_same_digits(address, here):
    with cluster.fits(address) as fits:
        assert isinstance(fits, cluster.Cluster)
        there = compared(fits)
    assert len(there["search"]) == 8
    assert len(there["curve"]) == 3
    assert there == here


@pytest.mark.thorough
def test_a_cluster_of_our_own_comes_to_them_too_and_ends_with_its_work(here):
    with cluster.fits("dask://local?workers=2") as fits:
        assert compared(fits) == here
        client = distributed.get_client()
        assert client.submit(os.getpid).result() != os.getpid()
    assert client.status == "closed"


def test_what_a_learner_refuses_is_told_as_if_it_was_fitted_here(address):
    wrong = bench().trial(Arm(strategy="threshold", learner="hist_gradient_boosting", parameters={"depth": 3}),
                          np.arange(900), np.arange(900, 1500), seed=0)  # fmt: skip
    with cluster.fits(address) as fits, pytest.raises(DataError, match="depth"):
        fits.each(scored, bench(), [wrong])


def test_no_scheduler_answers(monkeypatch):
    monkeypatch.setattr(cluster, "ANSWER", 1)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        compute = f"dask://127.0.0.1:{taken.getsockname()[1]}"
        with (
            pytest.raises(StoreError, match=rf"^stores.compute: no Dask scheduler answers at {compute} within 1 s"),
            cluster.fits(compute),
        ):
            pass


def test_a_scheduler_without_a_worker(lonely, monkeypatch):
    monkeypatch.setattr(cluster, "ANSWER", 1)
    with (
        pytest.raises(StoreError, match="has no worker within 1 s; start some with dask worker"),
        cluster.fits(lonely.replace("tcp", "dask")),
    ):
        pass


def test_a_worker_of_other_versions_is_refused(lonely, tmp_path, monkeypatch):
    """A real worker, before whose packages stands the name card of another rarecall."""
    monkeypatch.setattr(cluster, "ANSWER", 60)  # it is still beginning
    card = tmp_path / "rarecall-9.9.9.dist-info"
    card.mkdir()
    (card / "METADATA").write_text("Metadata-Version: 2.1\nName: rarecall\nVersion: 9.9.9\n")
    command = [sys.executable, "-m", "distributed.cli.dask_worker", lonely, "--no-nanny", "--no-dashboard"]
    worker = subprocess.Popen(
        [*command, "--nthreads", "1", "--local-directory", str(tmp_path), "--death-timeout", "60"],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        stderr=subprocess.DEVNULL,
    )
    try:
        with (
            pytest.raises(StoreError, match=r"has rarecall 9\.9\.9 where this process has \d+\.\d+\.\d+; install the"),
            cluster.fits(lonely.replace("tcp", "dask")),
        ):
            pass
    finally:
        worker.terminate()
        worker.wait(30)


def test_without_the_extra_nothing_begins(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    (tmp_path / "payments.csv").write_text("is_fraud\n1\n")
    project = project_in(tmp_path / "home")
    stores = project.stores.model_copy(update={"compute": "dask://head:8786"})
    source = project.source.model_copy(update={"path": str(tmp_path / "payments.csv")})
    with pytest.raises(
        DataError, match=r"needs distributed, which is not installed; run: pip install 'rarecall\[dask\]'"
    ):
        preflight(project.model_copy(update={"stores": stores, "source": source}))
