"""The canary on a real registry, ledger and log: ramped, promoted, rolled back, held, and out of time."""

import shutil
from datetime import timedelta

import pytest
from registered import project_in, register_versions
from traffic import send

from flows.canary import tick
from rarecall.errors import DataError
from rarecall.standing import SHARE
from serving import registry
from tasks.aliases import MOVED, read
from tasks.aliases import write as write_entry
from tasks.history import history
from tasks.ledger import open_project_ledger
from tasks.mend import look
from tasks.promote import demote, promote, roll_back
from tasks.settle_canary import WAITS, settle
from tasks.start_canary import start_canary
from tasks.trial import running
from tasks.weigh_canary import account_of, sentences, weigh

TOLD = {"who": "ann", "why": "told"}


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    home = tmp_path_factory.mktemp("registered")
    register_versions(project_in(home))
    promote(project_in(home), "1", **TOLD)
    return home


@pytest.fixture
def project(template, tmp_path):
    """Version 1 is champion, 2 is worth a trial."""
    shutil.copytree(template, tmp_path / "home")
    return project_in(tmp_path / "home")


def found(project):
    """Return what a server reads in MLflow: the aliases and the canary's share."""
    model = registry.connect(project).get_registered_model("payments")
    return registry.governed(model), model.tags.get(SHARE)


def settings(project, **changes):
    return project.model_copy(update={"canary": project.canary.model_copy(update=changes)})


def entries(project, kind=MOVED):
    return open_project_ledger(project).entries(kind, "payments")


def test_it_begins_at_the_first_share_and_a_server_can_read_it(project):
    begun = start_canary(project, "2", **TOLD)
    assert (begun["champion"], begun["canary"], begun["share"], begun["already"]) == ("1", "2", 0.01, False)
    assert found(project) == ({"champion": "1", "canary": "2"}, "0.01")
    assert start_canary(project, "2", **TOLD)["already"]
    assert len(entries(project)) == 2


def test_the_challenger_is_who_begins_unless_another_is_named(project):
    from rarecall.standing import Standing
    from tasks.move import move

    move(project, lambda now, _: Standing.challenged(now, "2"), action="retrain", **TOLD)
    assert start_canary(project, **TOLD)["canary"] == "2"
    assert found(project)[0] == {"champion": "1", "canary": "2"}


@pytest.mark.parametrize(
    ("version", "said"),
    [
        (None, "has no challenger to put on canary"),
        ("1", "is champion already"),
        ("3", "the decision on version 3 of payments was reject"),
        ("9", "expected a version of payments, got 9"),
    ],
)
def test_what_cannot_begin_is_refused(project, version, said):
    with pytest.raises(DataError, match=said):
        start_canary(project, version, **TOLD)
    assert found(project) == ({"champion": "1"}, None)


def test_a_person_may_take_it_upon_them_and_one_canary_stands_at_a_time(project):
    assert start_canary(project, "3", force=True, **TOLD)["forced"]
    assert entries(project)[-1].payload["forced"] is True
    with pytest.raises(DataError, match="version 3 of payments is on canary; wait for its verdict"):
        start_canary(project, "2", **TOLD)


def test_what_earned_it_was_not_forced_whatever_a_person_asked_for(project):
    assert start_canary(project, "2", force=True, **TOLD)["forced"] is False
    assert entries(project)[-1].payload["forced"] is False


def test_a_good_canary_climbs_the_ramp_step_by_step_and_is_promoted(project):
    start_canary(project, "2", **TOLD)
    seen = []
    for seed in range(3):
        send(project, rows=2500, recall=0.82, seed=seed)
        told = tick(project, who="ann")
        seen.append((told["at_share"], told["verdict"], told["share"], found(project)[1]))
    assert seen == [(0.01, "ramp", 0.05, "0.05"), (0.05, "ramp", 0.1, "0.1"), (0.1, "promote", None, None)]
    assert found(project) == ({"champion": "2", "previous": "1"}, None)


def test_a_bad_canary_is_rolled_back_within_one_tick_with_its_reasons(project):
    start_canary(project, "2", **TOLD)
    send(project, rows=2500, recall=0.60)
    told = tick(project, who="ann")
    assert (told["verdict"], told["aliases"]) == ("rollback", {"champion": "1"})
    assert found(project) == ({"champion": "1"}, None)
    [*_, entry] = entries(project)
    assert (entry.who, entry.payload["action"], entry.payload["verdict"]) == ("ann", "rollback", "rollback")
    assert entry.why.startswith("recall is worse: -0.2")
    assert entry.payload["evidence"]["measures"]["recall"]["state"] == "worse"
    assert entry.payload["moves"] == {"canary": {"from": "2", "to": None}}
    assert tick(project, who="ann") == {
        "project": "payments", "canary": None, "verdict": None, "entry": None, "mended": []
    }  # fmt: skip


def test_without_labels_or_with_few_nothing_moves(project):
    start_canary(project, "2", **TOLD)
    assert tick(project, who="ann")["verdict"] == "hold"
    send(project, rows=3000, recall=0.82, labelled=False)
    told = tick(project, who="ann")
    assert (told["verdict"], told["state"], told["entry"]) == ("hold", "not enough evidence", None)
    assert told["needed"] > 100
    assert told["pairs"]["rows"] == 3000
    assert found(project) == ({"champion": "1", "canary": "2"}, "0.01")
    assert len(entries(project)) == 2, "a tick that changes nothing writes nothing"


def test_when_the_time_is_over_it_is_rolled_back_or_waits_for_a_person(project):
    start_canary(project, "2", **TOLD)
    at_once = timedelta(microseconds=1)
    waits = settings(project, time_limit=at_once, on_time_limit="hold")
    first, second = tick(waits, who="ann"), tick(waits, who="ann")
    assert (first["verdict"], second["verdict"]) == ("hold", "hold")
    assert first["reasons"][0] == "the time is over without enough evidence: a person has to promote or demote it"
    assert [entry.number for entry in entries(project, WAITS)] == [first["entry"]]
    assert second["entry"] is None
    told = tick(settings(project, time_limit=at_once), who="ann")
    assert (told["verdict"], told["reasons"][0]) == ("rollback", "the time is over without enough evidence")
    assert found(project)[0] == {"champion": "1"}


def test_a_person_who_was_faster_has_the_last_word(project):
    start_canary(project, "2", **TOLD)
    send(project, rows=2500, recall=0.60)
    trial = running(project)
    judged, account = weigh(project, trial)
    demote(project, "canary", **TOLD)
    with pytest.raises(DataError, match="was moved while it was judged, so nothing was changed"):
        settle(project, trial, judged, account, who="canary")
    assert found(project) == ({"champion": "1"}, None)


def test_what_was_known_of_an_earlier_trial_is_not_counted_again(project):
    start_canary(project, "2", **TOLD)
    send(project, rows=2500, recall=0.60)
    tick(project, who="ann")
    start_canary(project, "2", **TOLD)
    assert tick(project, who="ann")["arms"]["canary"]["positives"] == 0


def test_a_champion_that_is_rolled_back_meanwhile_leaves_the_canary_to_be_judged_beside_the_new_one(project):
    promote(project, "4", force=True, **TOLD)
    start_canary(project, "2", **TOLD)
    roll_back(project, **TOLD)
    trial = running(project)
    assert (trial.champion, trial.canary, trial.share) == ("1", "2", 0.01)


def test_a_move_of_the_share_that_was_cut_off_is_ended_by_whoever_comes_next(project):
    start_canary(project, "2", **TOLD)
    client = registry.connect(project)
    known = read(project, client)
    write_entry(project, client, known, known.standing.on_canary("2", 0.05), action="ramp", **TOLD)
    assert found(project)[1] == "0.01"
    look(project, who="eve")
    assert found(project) == ({"champion": "1", "canary": "2"}, "0.05")
    assert running(project).share == 0.05


def test_history_says_at_which_share(project):
    start_canary(project, "2", **TOLD)
    [*_, begun] = history(project, who="eve")["moves"]
    assert (begun["action"], begun["share"]) == ("canary", 0.01)


def test_a_page_can_read_the_account_without_moving_anything(project):
    assert account_of(project) is None
    start_canary(project, "2", **TOLD)
    send(project, rows=2500, recall=0.60)
    told = account_of(project)
    assert (told["verdict"], told["arms"]["champion"]["recall"] > told["arms"]["canary"]["recall"]) == (
        "rollback",
        True,
    )
    assert found(project)[0] == {"champion": "1", "canary": "2"}
    first, second, third, last = sentences(told)
    assert first.startswith("The champion, version 1, finds 0.8")
    assert second.startswith("The canary, version 2, finds 0.")
    assert third.endswith("only the champion found, 0 only the canary.")
    assert last.startswith("Verdict: rollback, worse. recall is worse: -0.")
