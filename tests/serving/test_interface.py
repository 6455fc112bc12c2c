"""Whatever the interface's own description allows or forbids, no request makes the server fail."""

import pytest
from hypothesis import HealthCheck, given, settings
from served import copied, running, stand

from serving.app import create_app
from tasks.serve import server_of


@pytest.fixture(scope="module")
def served(tmp_path_factory, template):
    project = copied(template, tmp_path_factory.mktemp("interface"))
    stand(project, champion="1", canary="2")
    server = server_of(project)
    with running(create_app(server), server) as at:
        yield at


def asked(cases, examples: int) -> set[int]:
    """Send requests and return the statuses that came back."""
    seen = set()

    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=cases)
    def ask(case):
        seen.add(case.call().status_code)

    ask()
    return seen


def statuses(served, mode: str, examples: int) -> dict[str, set[int]]:
    """Return the statuses of each route on requests that the document allows (positive) or forbids (negative)."""
    import schemathesis

    found: dict[str, set[int]] = {}
    for one in schemathesis.openapi.from_url(f"{served.url}/openapi.json").get_all_operations():
        operation = one.ok()
        if mode == "negative" and operation.method.lower() != "post":
            continue  # a question without parameters cannot be asked wrongly
        found[operation.path] = asked(
            operation.as_strategy(generation_mode=schemathesis.GenerationMode(mode)), examples
        )
    return found


def test_what_the_document_allows_is_answered_or_refused_with_a_reason(served):
    found = statuses(served, "positive", 25)
    assert set(found) == {"/predict", "/labels", "/healthz", "/readyz", "/metrics", "/"}
    assert 200 in found["/predict"]
    assert 200 in found["/labels"]
    assert max(status for seen in found.values() for status in seen) < 500, found


@pytest.mark.thorough
@pytest.mark.parametrize("mode", ["positive", "negative"])
def test_hundreds_of_requests_make_nothing_fail(served, mode):
    found = statuses(served, mode, 400)
    assert max(status for seen in found.values() for status in seen) < 500, found
