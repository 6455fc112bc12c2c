"""The deployment file and the pool of Kubernetes, made for real on a Prefect server of its own."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.settings import PREFECT_API_URL
from prefect.utilities.templating import apply_values

ROOT = Path(__file__).parents[2]


def test_deployment_is_accepted_and_names_a_flow_that_exists(prefect):
    tool = [Path(sys.executable).with_name("prefect"), "--no-prompt"]
    environ = os.environ | {"PREFECT_API_URL": str(PREFECT_API_URL.value())}
    for arguments in (
        ["work-pool", "create", "local", "--type", "process", "--overwrite"],
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


def test_the_pool_of_kubernetes_is_accepted_and_its_variables_are_those_that_it_names(prefect):
    template = json.loads((ROOT / "infra/kubernetes/base/base-job.json").read_text())
    with get_client(sync_client=True) as client:
        client.create_work_pool(WorkPoolCreate(name="kubernetes", type="kubernetes", base_job_template=template))
        kept = client.read_work_pool("kubernetes").base_job_template
    assert kept == template
    named = set(re.findall(r"\{\{ (\w+) \}\}", json.dumps(template["job_configuration"])))
    assert named == set(template["variables"]["properties"])
    filled = apply_values(template["job_configuration"], {"image": "rarecall:0.6.0", "finished_job_ttl": 60})
    spec = filled["job_manifest"]["spec"]
    assert (spec["ttlSecondsAfterFinished"], spec["template"]["spec"]["containers"][0]["image"]) == (
        60,
        "rarecall:0.6.0",
    )
