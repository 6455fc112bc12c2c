"""Real children: begun in order, begun again when they are killed, stopped together, also by who comes later."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress

import psutil
import pytest

from rarecall.errors import StoreError
from tasks.supervisor import Child, Supervisor
from tasks.take_down import STATE, take_down

HTTP = """
import http.server, sys
http.server.test(http.server.SimpleHTTPRequestHandler, port=int(sys.argv[1]), bind="127.0.0.1")
"""
PARENT = """
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
time.sleep(600)
"""
WATCH = """
import sys, signal
from pathlib import Path
from tasks.supervisor import Child, Supervisor
children = [Child(name="sleeper", command=[sys.executable, "-c", "import time; time.sleep(600)"])]
Supervisor(children, Path(sys.argv[1]), say=print).run(lambda: print("ready", flush=True))
"""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as found:
        return found.getsockname()[1]


def server(name="web", port=None):
    number = port or free_port()
    return Child(
        name=name,
        command=[sys.executable, "-c", HTTP, str(number)],
        port=number,
        health=f"http://127.0.0.1:{number}/",
    )


def sleeper(name="sleeper"):
    return Child(name=name, command=[sys.executable, "-c", "import time; time.sleep(600)"])


class Up:
    """A supervisor in a thread of its own, stopped when the block ends."""

    def __init__(self, children, home):
        self.said, self.ready, self.error = [], threading.Event(), None
        self.supervisor = Supervisor(children, home, say=self.said.append, wait=30)
        self.thread = threading.Thread(target=self._run)

    def _run(self):
        try:
            self.supervisor.run(self.ready.set)
        except StoreError as error:
            self.error = error
            self.ready.set()

    def __enter__(self):
        self.thread.start()
        assert self.ready.wait(60)
        return self

    def __exit__(self, *_):
        self.supervisor.stop()
        self.thread.join(60)
        assert not self.thread.is_alive()


def pids(home):
    known = json.loads((home / STATE).read_text())["children"]
    return {name: one["pid"] for name, one in known.items()}


def until(asked, seconds=30):
    end = time.monotonic() + seconds
    while not asked():
        assert time.monotonic() < end, "it did not come to that in time"
        time.sleep(0.1)


def test_children_begin_in_order_and_stop_in_the_opposite_one(tmp_path):
    once = Child(name="once", command=[sys.executable, "-c", "print('made')"], once=True)
    with Up([server(), once, sleeper()], tmp_path) as up:
        assert up.error is None
        assert list(pids(tmp_path)) == ["web", "sleeper"]
        before = [psutil.Process(pid) for pid in pids(tmp_path).values()]
    assert up.said == ["web is up", "once is done", "sleeper is up", "sleeper is stopped", "web is stopped"]
    assert not any(one.is_running() for one in before)
    assert not (tmp_path / STATE).exists()
    assert (tmp_path / "logs" / "once.log").read_text() == "made\n"


def test_a_child_that_is_killed_begins_again(tmp_path):
    web = server()
    with Up([web], tmp_path) as up:
        first = pids(tmp_path)["web"]
        os.kill(first, signal.SIGKILL)
        until(lambda: "web is begun again" in up.said)
        assert pids(tmp_path)["web"] != first

        def answers():
            with suppress(OSError, http.client.HTTPException):
                asked = http.client.HTTPConnection("127.0.0.1", web.port, timeout=2)
                asked.request("GET", "/")
                return asked.getresponse().status == 200
            return False

        until(answers)
    assert "web ended with code -9; it begins again in 1 s" in up.said[1]


def test_what_a_child_began_stops_with_it(tmp_path):
    with Up([Child(name="parent", command=[sys.executable, "-c", PARENT])], tmp_path):
        parent = psutil.Process(pids(tmp_path)["parent"])
        until(parent.children)
        [grandchild] = parent.children()
    psutil.wait_procs([grandchild], timeout=10)
    assert not grandchild.is_running()


def test_a_port_that_is_taken_is_refused_before_anything_begins(tmp_path):
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        Up([sleeper(), server(port=taken.getsockname()[1])], tmp_path) as up,
    ):
        assert "cannot be taken" in str(up.error)
        assert "choose another: --web-port" in str(up.error)
        assert up.said == []


def test_a_child_that_ends_at_once_ends_it_all_with_its_last_words(tmp_path):
    broken = Child(name="broken", command=[sys.executable, "-c", "raise SystemExit('no such pool')"])
    slow = Child(name="slow", command=broken.command, health="http://127.0.0.1:9/")
    with Up([server(), slow], tmp_path) as up:
        assert "slow ended with code 1: no such pool; its log: " in str(up.error)
    assert up.said == ["web is up", "slow is stopped", "web is stopped"]


def test_a_second_one_in_the_same_home_is_refused(tmp_path):
    with Up([sleeper()], tmp_path), Up([sleeper()], tmp_path) as second:
        assert "is up already; rarecall down stops it" in str(second.error)


@pytest.mark.parametrize("is_killed", [False, True])
def test_down_stops_it_from_another_process(tmp_path, is_killed):
    assert take_down(tmp_path) == []
    supervisor = subprocess.Popen([sys.executable, "-c", WATCH, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        while supervisor.stdout.readline().strip() != "ready":
            assert supervisor.poll() is None
        child = psutil.Process(pids(tmp_path)["sleeper"])
        if is_killed:
            supervisor.kill()
            supervisor.wait()
            assert child.is_running()
        assert take_down(tmp_path) == (["sleeper"] if is_killed else ["supervisor", "sleeper"])
        psutil.wait_procs([child], timeout=10)
        assert not child.is_running()
    finally:
        supervisor.kill()
        supervisor.wait()
        supervisor.stdout.close()


def test_another_process_with_that_number_is_left_alone(tmp_path):
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        who = {"pid": stranger.pid, "created": psutil.Process(stranger.pid).create_time() - 60}
        (tmp_path / STATE).write_text(json.dumps({"supervisor": who, "children": {"web": who}}))
        assert take_down(tmp_path) == []
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()
