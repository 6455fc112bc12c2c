"""The deployment file, deployed for real to a Prefect server of its own."""

import os
import subprocess
import sys
from pathlib import Path

from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL

ROOT = Path(__file__).parents[2]


def test_deployment_is_accepted_and_names_a_flow_that_exists(prefect):
    tool = [Path(sys.executable).with_name("prefect"), "--no-prompt"]
    environ = os.environ | {"PREFECT_API_URL": str(PREFECT_API_URL.value())}
    for arguments in (
        ["work-pool", "create", "local", "--type", "process"],
        ["deploy", "--prefect-file", "infra/prefect.yaml", "--all"],
    ):
        done = subprocess.run(
            [*tool, *arguments], cwd=ROOT, env=environ, capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == 0, done.stdout + done.stderr
    with get_client(sync_client=True) as client:
        deployment = client.read_deployment_by_name("retrain/nightly")
    assert deployment.entrypoint == "flows/retrain.py:retrain"
    assert deployment.parameters == {"project_file": "rarecall.yaml"}
    assert [schedule.active for schedule in deployment.schedules] == [False]
