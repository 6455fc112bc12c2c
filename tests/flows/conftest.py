import json

import pytest
from places import Place, placed


@pytest.fixture(scope="session")
def retrained(prefect, tmp_path_factory, payments) -> tuple[Place, dict]:
    """A place after one retrain through the command line, and the JSON it printed."""
    place = placed(tmp_path_factory.mktemp("retrained"), payments)
    done = place.run("retrain", "--json")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1, "one JSON object and nothing else"
    return place, json.loads(done.stdout)
