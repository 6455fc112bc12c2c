"""Approvals: no alias moves before the answer, an answer is final, and silence is no."""

import shutil
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from registered import project_in, register_versions

from rarecall.errors import DataError
from rarecall.warehouse import Warehouse
from serving import registry
from tasks import approve as module
from tasks.aliases import MOVED
from tasks.approvals import ANSWERED, ASKED, approvals
from tasks.approve import answer, ask, settle
from tasks.history import history
from tasks.ledger import open_project_ledger
from tasks.needs import Needs, _of_ledger
from tasks.promote import promote
from tasks.status import status

TOLD = {"who": "ann", "why": "seen"}


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """Six versions, of which the last two need approval; an MLflow database takes seconds to make, none to copy."""
    home = tmp_path_factory.mktemp("asked")
    project = project_in(home)
    register_versions(project)
    client = registry.connect(project)
    for number in (6, 7):
        tags = {
            "rarecall.candidate": f"c{number}", "rarecall.decision": "needs_approval",
            "rarecall.dataset_version": f"d{number}", "rarecall.snapshot": "s6",
        }  # fmt: skip
        client.create_model_version(project.name, source=registry.folder(project).as_uri(), tags=tags)
    return home


@pytest.fixture
def project(template, tmp_path):
    shutil.copytree(template, tmp_path / "home")
    return project_in(tmp_path / "home")


def about(project, version="6", verdict="needs_approval"):
    """Ask as a run does."""
    decision = SimpleNamespace(version=SimpleNamespace(key=f"c{version}", facts={"verdict": verdict}))
    registration = SimpleNamespace(version=SimpleNamespace(facts={"model_version": version}))
    return ask(project, decision, registration)


def aliases(project):
    return registry.governed(registry.connect(project).get_registered_model("payments"))


def written(project, kind):
    return open_project_ledger(project).entries(kind, "payments")


def impatient(project, **waits):
    gates = project.gates.model_copy(update={"approval_timeout": timedelta(**waits)})
    return project.model_copy(update={"gates": gates})


def test_a_question_moves_nothing_and_is_asked_once(project):
    first, again = about(project), about(project)
    assert first == again
    assert (first.state, first.run, first.until - first.asked) == ("asked", None, timedelta(days=3))
    assert aliases(project) == {}
    assert len(written(project, ASKED)) == 1
    assert [one["version"] for one in status(project, who="ann")["approvals"]] == ["6"]


@pytest.mark.parametrize("verdict", ["promote", "reject", "not_enough_evidence"])
def test_nobody_is_asked_about_another_verdict(project, verdict):
    assert about(project, verdict=verdict) is None
    assert written(project, ASKED) == ()


def test_an_approved_candidate_stands_where_a_promoted_one_does(project):
    about(project)
    told = answer(project, "6", approve=True, **TOLD)
    assert (told["answer"], told["already"]) == ("approved", False)
    assert told["moves"] == {"champion": {"from": None, "to": "6"}}
    about(project, "7")
    answer(project, "7", approve=True, **TOLD)
    assert aliases(project) == {"champion": "6", "challenger": "7"}
    moved = written(project, MOVED)[-1]
    assert (moved.payload["action"], moved.payload["decided"], moved.who, moved.why) == ("approve", "c7", "ann", "seen")
    tags = registry.connect(project).get_model_version("payments", "7").tags
    assert [tags[f"rarecall.{name}"] for name in ("decision", "approval", "approval.who", "approval.why")] == [
        "needs_approval", "approved", "ann", "seen",
    ]  # fmt: skip
    assert open_project_ledger(project).verify().faults == ()


def test_a_rejected_candidate_gets_no_alias_then_or_later(project):
    about(project)
    assert answer(project, "6", approve=False, **TOLD)["answer"] == "rejected"
    assert about(project).state == "rejected"
    assert aliases(project) == {}
    with pytest.raises(DataError, match=r"version 6 of payments was rejected by ann at .* \(seen\); take it upon you"):
        answer(project, "6", approve=True, **TOLD)
    assert len(written(project, ANSWERED)) == 1


def test_the_same_answer_again_changes_nothing(project):
    about(project)
    first = answer(project, "6", approve=True, **TOLD)
    promote(project, "1", who="bob", why="a person did more since")
    again = answer(project, "6", approve=True, who="eve", why="me too")
    assert (again["already"], again["moves"], again["entry"]) == (True, {}, first["entry"])
    assert aliases(project) == {"champion": "1", "previous": "6"}
    with pytest.raises(DataError, match="was approved by ann"):
        answer(project, "6", approve=False, **TOLD)


def test_silence_is_a_rejection_and_an_answer_comes_too_late(project):
    assert about(impatient(project, microseconds=1)).state == "timed out"
    with pytest.raises(DataError, match=r"version 6 of payments waited for an answer from .* and is rejected: retrain"):
        answer(project, "6", approve=True, **TOLD)
    [entry] = written(project, ANSWERED)
    assert (entry.payload["answer"], entry.who) == ("timed out", "rarecall")
    assert entry.why.startswith("nobody answered by 20")
    assert (settle(project), about(project).state, aliases(project)) == ([], "timed out", {})
    assert registry.connect(project).get_model_version("payments", "6").tags["rarecall.approval"] == "timed out"


def test_status_writes_down_what_timed_out(project):
    about(impatient(project, microseconds=1))
    found = status(project, who="ann")
    assert found["approvals"] == []
    assert [one["approval"] for one in found["models"]][-2:] == ["timed out", None]
    assert len(written(project, ANSWERED)) == 1


def test_an_approval_that_was_cut_off_before_its_alias_is_ended_by_the_next_run(project, monkeypatch):
    about(project)
    monkeypatch.setattr(module, "_follow", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        answer(project, "6", approve=True, **TOLD)
    monkeypatch.undo()
    assert (aliases(project), approvals(project)["c6"].state) == ({}, "approved")
    assert about(project).state == "approved"
    assert aliases(project) == {"champion": "6"}
    about(project)
    assert len(written(project, MOVED)) == 1


def test_a_run_that_was_killed_before_it_asked_can_be_answered_all_the_same(project):
    assert answer(project, "6", approve=True, **TOLD)["answer"] == "approved"
    assert [len(written(project, kind)) for kind in (ASKED, ANSWERED, MOVED)] == [1, 1, 1]


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("1", "the decision on version 1 of payments was promote, so it waits for nobody"),
        ("3", "the decision on version 3 of payments was reject, so nobody is asked about it"),
        ("5", "the decision on version 5 of payments was never made"),
        ("9", "expected a version of payments, got 9"),
    ],
)
def test_nothing_is_answered_that_was_not_asked(project, version, said):
    for approve in (True, False):
        with pytest.raises(DataError, match=said):
            answer(project, version, approve=approve, **TOLD)
    assert (aliases(project), written(project, ANSWERED)) == ({}, ())


def test_promote_waits_for_the_answer_too_unless_it_is_forced(project):
    about(project)
    with pytest.raises(DataError, match="was needs_approval, not promote: answer it with: rarecall approve"):
        promote(project, "6", **TOLD)
    answer(project, "6", approve=False, **TOLD)
    with pytest.raises(DataError, match="it was rejected by ann; take it upon you with --force"):
        promote(project, "6", **TOLD)
    assert promote(project, "6", **TOLD, force=True)["forced"]
    answer(project, "7", approve=True, **TOLD)
    assert not promote(project, "7", **TOLD)["forced"]


def test_what_an_answer_needs_is_kept_until_it_is_given(project):
    def kept():
        found = Needs()
        _of_ledger(project.model_copy(update={"name": "another"}), Warehouse(Path(project.stores.home)), found)
        return {name: reasons for name, reasons in found.chains.items() if name.startswith("decisions/")}

    about(project)
    assert kept() == {"decisions/c6": ["version 6 waits for an answer"]}
    answer(project, "6", approve=False, **TOLD)
    assert kept() == {}


def test_history_tells_who_said_no(project):
    about(project)
    answer(project, "6", approve=False, **TOLD)
    answer(project, "7", approve=True, who="bob", why="better")
    told = history(project, who="ann")["moves"]
    assert [(one["who"], one["why"], one["action"]) for one in told] == [
        ("ann", "seen", "rejected: version 6"), ("bob", "better", "approved: version 7"), ("bob", "better", "approve"),
    ]  # fmt: skip
    before = (datetime.fromisoformat(told[-1]["at"]) - timedelta(microseconds=1)).isoformat()
    then = history(project, before, who="ann")["at"]
    assert (then["aliases"], then["begins"]) == ({}, told[-1]["at"])
