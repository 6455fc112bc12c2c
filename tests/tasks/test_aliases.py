"""Aliases move through the ledger: none lost, each from right, and MLflow follows whatever happens in between."""

import os
import shutil
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest
from postgres import postgres
from registered import project_in, register_versions

from rarecall.errors import DataError, StoreError
from rarecall.standing import Standing
from serving import registry
from tasks.aliases import MOVED, RESTORED, moving, read
from tasks.aliases import write as write_entry
from tasks.ledger import open_project_ledger
from tasks.mend import look, repair
from tasks.move import move
from tasks.promote import demote, promote, roll_back
from tasks.register import _stand
from tasks.registry_lock import HeldError

TOLD = {"who": "ann", "why": "told"}


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """An MLflow database takes seconds to make, and none to copy."""
    home = tmp_path_factory.mktemp("registered")
    register_versions(project_in(home))
    return home


@pytest.fixture
def project(template, tmp_path):
    shutil.copytree(template, tmp_path / "home")
    return project_in(tmp_path / "home")


@pytest.fixture
def client(project):
    return registry.connect(project)


@pytest.fixture(scope="module")
def server():
    with postgres() as url:
        yield url


def found(client):
    return registry.governed(client.get_registered_model("payments"))


def entries(project, kind=MOVED):
    return open_project_ledger(project).entries(kind, "payments")


def only_in_the_ledger(project, client, change):
    """Write a move as it stands when its process is killed before MLflow's first alias is set."""
    known = read(project, client)
    return write_entry(project, client, known, change(known.standing), action="promote", **TOLD)


# Promote, roll back, demote -----------------------------------------------------------------------------------------


def test_a_promotion_is_one_entry_with_every_alias_that_moved(project, client):
    promote(project, "1", **TOLD)
    move(project, lambda now, _: now.challenged("2"), action="retrain", **TOLD)
    told = promote(project, "2", **TOLD)
    assert told["moves"] == {
        "champion": {"from": "1", "to": "2"},
        "challenger": {"from": "2", "to": None},
        "previous": {"from": None, "to": "1"},
    }
    assert found(client) == {"champion": "2", "previous": "1"}
    last = entries(project)[-1]
    assert (last.number, last.payload["moves"]) == (told["entry"], told["moves"])
    assert last.payload["versions"]["2"] == {
        "dataset_version": "d2", "snapshot": "s2", "decision": "promote", "candidate": "c2",
    }  # fmt: skip


def test_the_champion_promoted_again_moves_nothing_and_writes_nothing(project):
    promote(project, "1", **TOLD)
    told = promote(project, "1", **TOLD)
    assert (told["already"], told["entry"], told["moves"]) == (True, None, {})
    assert len(entries(project)) == 1


@pytest.mark.parametrize(
    ("version", "said"), [("3", "was reject"), ("4", "was not_enough_evidence"), ("5", "was never made")]
)
def test_what_was_not_decided_on_to_promote_takes_force_and_that_is_remembered(project, version, said):
    with pytest.raises(DataError, match=said):
        promote(project, version, **TOLD)
    assert entries(project) == ()
    assert promote(project, version, **TOLD, force=True)["forced"]
    assert entries(project)[-1].payload["forced"] is True


def test_force_that_was_not_needed_is_not_remembered(project):
    assert promote(project, "1", **TOLD, force=True)["forced"] is False


def test_an_unknown_version_is_named_with_those_there_are(project):
    with pytest.raises(DataError, match="expected a version of payments, got 9; its newest are 1, 2, 3, 4, 5"):
        promote(project, "9", **TOLD)


@pytest.mark.parametrize(
    "act", [lambda p: promote(p, "1", **TOLD), lambda p: roll_back(p, **TOLD), lambda p: demote(p, "champion", **TOLD)]
)
def test_before_the_first_model_the_command_that_makes_one_is_named(tmp_path, act):
    with pytest.raises(DataError, match="payments has no model yet; make one with: rarecall retrain"):
        act(project_in(tmp_path / "empty"))
    assert not (tmp_path / "empty" / "mlflow").exists()


def test_each_rollback_goes_one_further_back_and_the_last_has_nowhere_to_go(project, client):
    for version in ("1", "2", "3"):
        promote(project, version, **TOLD, force=True)
    assert roll_back(project, **TOLD)["version"] == "2"
    assert found(client) == {"champion": "2", "previous": "1"}
    assert roll_back(project, **TOLD)["version"] == "1"
    assert found(client) == {"champion": "1"}
    with pytest.raises(DataError, match="there is nothing to roll back to: no version was champion before version 1"):
        roll_back(project, **TOLD)
    assert found(client) == {"champion": "1"}


def test_two_who_answer_one_alarm_roll_back_once(project):
    for version in ("1", "2", "3"):
        promote(project, version, **TOLD, force=True)
    roll_back(project, **TOLD, only_from="3")
    with pytest.raises(DataError, match="expected version 3 of payments as champion, got version 2"):
        roll_back(project, **TOLD, only_from="3")


def test_a_rollback_steps_over_a_version_that_mlflow_has_no_more(project, client):
    for version in ("1", "2", "3", "4"):
        promote(project, version, **TOLD, force=True)
    client.delete_model_version("payments", "2")
    client.delete_model_version("payments", "3")
    assert roll_back(project, **TOLD)["version"] == "1"
    assert found(client) == {"champion": "1"}


def test_without_previous_there_is_nothing_to_roll_back_to(project, client):
    promote(project, "1", **TOLD)
    promote(project, "2", **TOLD)
    assert demote(project, "previous", **TOLD)["moves"] == {"previous": {"from": "1", "to": None}}
    with pytest.raises(DataError, match="nothing to roll back to"):
        roll_back(project, **TOLD)
    with pytest.raises(DataError, match="did you mean 'champion'"):
        demote(project, "champoin", **TOLD)


def test_people_are_told_what_the_champion_learned_from(project):
    open_project_ledger(project).append(
        "entity.forgotten", "payments", {"pseudonym": "p", "holdings": {}, "datasets": {"d1": []}}, **TOLD
    )
    gone, learned = promote(project, "1", **TOLD)["warnings"]
    assert "dataset d1, from which it learned, is not in this warehouse any more" in gone
    assert "people who were forgotten" in learned


# A retrain's candidate ----------------------------------------------------------------------------------------------


def decided(key):
    return SimpleNamespace(key=key, facts={"alias": "champion", "reasons": ["its recall is good"]})


def test_the_first_candidate_is_champion_and_the_next_challenger(project, client):
    assert _stand(project, "1", decided("c1")) == "champion"
    assert _stand(project, "2", decided("c2")) == "challenger"
    assert found(client) == {"champion": "1", "challenger": "2"}
    assert [entry.who for entry in entries(project)] == ["retrain", "retrain"]


def test_a_run_done_again_takes_nothing_back_that_a_person_did_meanwhile(project, client):
    _stand(project, "1", decided("c1"))
    promote(project, "2", **TOLD)
    demote(project, "champion", **TOLD)
    assert _stand(project, "1", decided("c1")) == "previous"
    assert found(client) == {"previous": "1"}


# What happens in between --------------------------------------------------------------------------------------------


def test_a_move_that_was_cut_off_is_ended_by_whoever_comes_next(project, client):
    promote(project, "1", **TOLD)
    entry = only_in_the_ledger(project, client, lambda now: now.promoted("2"))
    assert found(client) == {"champion": "1"}
    mended, differing = look(project, who="eve")
    assert found(client) == {"champion": "2", "previous": "1"}
    assert differing == []
    assert mended[0] == (
        f"champion is version 2 by entry {entry.number} of the ledger, MLflow had version 1; its move had been cut off"
    )
    assert (look(project, who="eve"), repair(project, who="eve")) == (([], []), [])
    assert len(entries(project)) == 2, "its entry was there already"


def test_a_move_on_top_of_one_that_was_cut_off_has_the_right_from(project, client):
    promote(project, "1", **TOLD)
    only_in_the_ledger(project, client, lambda now: now.promoted("2"))
    told = roll_back(project, **TOLD)
    assert told["moves"]["champion"] == {"from": "2", "to": "1"}
    assert len(told["mended"]) == 2
    assert found(client) == {"champion": "1"}


KILLED = """
import os, signal, sys
from mlflow import MlflowClient
from registered import project_in
from tasks.promote import promote
calls = []
def counted(name):
    real = getattr(MlflowClient, name)
    def call(*arguments, **named):
        calls.append(name)
        if len(calls) == int(sys.argv[2]):
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments, **named)
    setattr(MlflowClient, name, call)
for name in ("set_registered_model_alias", "delete_registered_model_alias", "set_registered_model_tag"):
    counted(name)
promote(project_in(sys.argv[1]), "2", who="ann", why="told")
"""


@pytest.mark.parametrize("step", [1, 3, 4])
def test_killed_at_any_step_the_next_start_ends_the_move(project, client, step):
    """SIGKILL before the first alias is set, between the aliases, and before the tag."""
    promote(project, "1", **TOLD)
    move(project, lambda now, _: now.challenged("2"), action="retrain", **TOLD)
    done = subprocess.run(
        [sys.executable, "-c", KILLED, project.stores.home, str(step)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr
    repair(project, who="retrain")
    assert found(client) == {"champion": "2", "previous": "1"}
    assert read(project, client).is_cut_off is False
    assert (len(entries(project)), entries(project, RESTORED)) == (3, ())


PROMOTES = """
import sys
from registered import project_in
from tasks.promote import promote
stores = {"ledger": sys.argv[2]} if len(sys.argv) > 4 else {}
project = project_in(sys.argv[1], **stores)
import mlflow
print("ready", flush=True)
sys.stdin.readline()
for version in sys.argv[3].split(","):
    promote(project, version, who=version, why="told", force=True)
"""


@pytest.mark.parametrize("ledger", ["sqlite", pytest.param("postgresql", marks=pytest.mark.thorough)])
def test_two_processes_that_promote_at_once_lose_no_move(request, project, client, ledger):
    stores = [request.getfixturevalue("server"), "server"] if ledger == "postgresql" else []
    if stores:
        project = project_in(project.stores.home, ledger=stores[0])
    promoters = [
        subprocess.Popen(
            [sys.executable, "-c", PROMOTES, project.stores.home, *(stores[:1] or ["-"]), versions, *stores[1:]],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for versions in ("1,3,1,3,1,3", "2,4,2,4,2,4")
    ]  # fmt: skip
    for one in promoters:
        assert one.stdout.readline() == "ready\n", one.communicate()[1]
    for one in promoters:
        one.stdin.write("go\n")
        one.stdin.flush()
    for one in promoters:
        assert (one.communicate(timeout=120)[1], one.returncode)[1] == 0
    written = entries(project)
    assert len(written) == 12
    champions = [entry.payload["moves"]["champion"] for entry in written]
    assert [one["from"] for one in champions] == [None, *(one["to"] for one in champions[:-1])]
    assert found(client)["champion"] == champions[-1]["to"]
    assert open_project_ledger(project).verify().faults == ()


def test_while_somebody_moves_another_waits_and_then_says_so(project):
    with (
        moving(project),
        pytest.raises(HeldError, match="another process has been writing to the aliases"),
        moving(project, wait=0.1),
    ):
        pass


# What stood before, and what was set past the ledger ----------------------------------------------------------------


def test_the_first_move_of_an_older_home_writes_down_what_stood(project, client):
    client.set_registered_model_alias("payments", "champion", "1")
    client.set_registered_model_alias("payments", "of-ann", "4")
    assert look(project, who="eve") == ([], [])
    promote(project, "2", **TOLD)
    adopted, moved = entries(project)
    assert (adopted.payload["action"], adopted.payload["moves"]) == ("found", {"champion": {"from": None, "to": "1"}})
    assert moved.payload["moves"]["champion"] == {"from": "1", "to": "2"}
    assert str(client.get_registered_model("payments").aliases["of-ann"]) == "4", "only ours move"


def test_an_alias_set_past_the_ledger_is_told_to_who_reads_and_put_back_by_who_moves(project, client):
    promote(project, "1", **TOLD)
    client.set_registered_model_alias("payments", "champion", "3")
    mended, [differing] = look(project, who="eve")
    assert (mended, found(client)["champion"]) == ([], "3")
    assert differing.startswith("MLflow says champion is version 3, the ledger version 1")
    [said] = repair(project, who="retrain")
    assert said == "champion is version 1 by entry 1 of the ledger, MLflow had version 3"
    assert found(client) == {"champion": "1"}
    [restored] = entries(project, RESTORED)
    assert restored.payload["moves"] == {"champion": {"from": "3", "to": "1"}}


def test_a_champion_that_mlflow_has_lost_is_taken_out_of_what_stands(project, client):
    promote(project, "1", **TOLD)
    promote(project, "2", **TOLD)
    client.delete_model_version("payments", "2")
    [said] = repair(project, who="retrain")
    assert said == "champion is taken away: MLflow has no version 2 of payments any more"
    assert found(client) == {"previous": "1"}
    assert roll_back(project, **TOLD)["version"] == "1"
    assert [entry.payload["action"] for entry in entries(project)] == ["promote", "promote", "lost", "rollback"]


def test_a_ledger_that_mlflow_does_not_follow_moves_nothing(project, client, tmp_path):
    promote(project, "1", **TOLD)
    other = project_in(project.stores.home, ledger=f"sqlite:///{tmp_path / 'other.db'}")
    with pytest.raises(StoreError, match=r"does not have: it is another ledger or an old copy; point stores\.ledger"):
        promote(other, "2", **TOLD)
    assert found(client) == {"champion": "1"}


def test_a_model_of_the_same_name_that_is_made_anew_begins_anew(project, client):
    """As in another registry: what was version 1 there is another model here."""
    promote(project, "1", **TOLD)
    client.delete_registered_model("payments")
    register_versions(project)
    assert repair(project, who="retrain") == []
    assert found(client) == {}
    promote(project, "1", **TOLD)
    assert entries(project)[-1].payload["moves"] == {"champion": {"from": None, "to": "1"}}


def test_a_changed_ledger_sets_no_alias(project, client):
    import sqlalchemy as sa

    promote(project, "1", **TOLD)
    promote(project, "2", **TOLD)
    with open_project_ledger(project).engine.begin() as connection:
        connection.execute(sa.text("DROP TRIGGER entries_no_UPDATE"))
        connection.execute(sa.text("UPDATE entries SET why = 'none' WHERE number = 1"))
    client.set_registered_model_alias("payments", "champion", "1")
    with pytest.raises(StoreError, match="is not what was written: entry 1 was changed"):
        repair(project, who="retrain")
    assert found(client)["champion"] == "1"


def test_standing_comes_back_from_its_record():
    now = Standing(champion="3", canary="4", behind=("2", "1"))
    assert Standing.from_dict(now.as_dict()) == now
