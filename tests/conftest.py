"""What every room's tests share: a small table worth learning from, in a folder of its own."""

import pandas as pd
import pytest
from places import Place, placed
from redis_server import redis_server

from rarecall.simulator.simulate import Payments, simulate


@pytest.fixture(scope="session")
def payments() -> pd.DataFrame:
    """12,000 payments of 40 days, 4% of them frauds."""
    return simulate(Payments(rows=12_000, days=40, fraud_share=0.04))


@pytest.fixture
def place(tmp_path, payments) -> Place:
    """A fresh folder with the table and its project file."""
    return placed(tmp_path, payments)


@pytest.fixture(scope="session")
def prefect():
    """One real Prefect server in a temporary folder for all flows that run in this process."""
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=120):
        yield


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory):
    """One real Redis for the tests of this process; what they write there has names of their own."""
    with redis_server(tmp_path_factory.mktemp("redis")) as url:
        yield url
