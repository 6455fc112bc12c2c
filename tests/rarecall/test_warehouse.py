"""A version is there whole or not at all: whatever happens to its writer, its disk, or its neighbours."""

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rarecall.errors import StoreError
from rarecall.warehouse import MANIFEST, Draft, Warehouse

ROWS = pd.DataFrame({"x": np.arange(50_000) * 1.5})


@pytest.fixture
def shelf(tmp_path) -> Warehouse:
    return Warehouse(tmp_path / "warehouse")


def put(shelf: Warehouse, key: str = "k", text: str = "1,2", kind: str = "snapshots", **facts) -> None:
    with shelf.write(kind, key, recipe={"source": "a.csv"}) as draft:
        (draft.folder / "rows.txt").write_text(text)
        draft.facts.update(facts)


def files(root: Path) -> list[str]:
    """Return everything under a folder, hidden files too."""
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def in_a_process(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=False, timeout=60
    )


def test_what_was_written_is_found_with_its_facts(shelf):
    put(shelf, rows=2, by={"a": 1})
    found = shelf.find("snapshots", "k")
    assert found.facts == {"rows": 2, "by": {"a": 1}}
    assert found.file("rows.txt").read_text() == "1,2"


def test_what_was_not_written_is_not_found(shelf):
    put(shelf)
    assert shelf.find("snapshots", "other") is None
    assert shelf.find("datasets", "k") is None


def test_looking_makes_no_folder(shelf):
    assert shelf.find("snapshots", "k") is None
    assert shelf.versions("snapshots") == []
    assert shelf.sweep() == 0
    assert not shelf.root.exists()


def test_the_manifest_names_recipe_and_content(shelf):
    put(shelf, rows=2)
    manifest = json.loads((shelf.root / "snapshots" / "k" / MANIFEST).read_text())
    assert manifest["recipe"] == {"source": "a.csv"}
    assert manifest["files"] == {"rows.txt": {"bytes": 3, "sha256": hashlib.sha256(b"1,2").hexdigest()}}


def test_two_folders_hold_the_same_bytes(tmp_path):
    """Neither a path nor a time is in any of them."""
    shelves = [Warehouse(tmp_path / name) for name in ("here", "there")]
    for shelf in shelves:
        with shelf.write("snapshots", "k", recipe={"b": 1, "a": 2}) as draft:
            ROWS.to_parquet(draft.folder / "rows.parquet", index=False)
            draft.facts.update(rows=len(ROWS))
    here, there = (shelf.root for shelf in shelves)
    assert files(here) == files(there) == ["snapshots/k/manifest.json", "snapshots/k/rows.parquet"]
    assert all((here / name).read_bytes() == (there / name).read_bytes() for name in files(here))


def test_nested_files_belong_to_the_version(shelf):
    with shelf.write("reports", "k", recipe={}) as draft:
        (draft.folder / "deep" / "er").mkdir(parents=True)
        (draft.folder / "deep" / "er" / "a.txt").write_text("a")
    shelf.find("reports", "k").file("deep/er/a.txt").chmod(0o644)
    shelf.find("reports", "k").file("deep/er/a.txt").write_text("b")
    with pytest.raises(StoreError, match=r"deep/er/a\.txt is not what was written"):
        shelf.verify(shelf.find("reports", "k"))


def test_files_are_read_only(shelf):
    put(shelf)
    modes = {path.stat().st_mode & 0o222 for path in (shelf.root / "snapshots" / "k").iterdir()}
    assert modes == {0}


def test_versions_come_oldest_first_and_drafts_and_strays_do_not(shelf):
    for age, key in enumerate(["first", "second", "third"]):
        put(shelf, key)
        os.utime(shelf.root / "snapshots" / key, ns=(age * 10**9, age * 10**9))
    (shelf.root / "snapshots" / "notes.txt").write_text("not a version")
    (shelf.root / "snapshots" / ".partial-x").mkdir()
    assert [version.key for version in shelf.versions("snapshots")] == ["first", "second", "third"]


def test_a_second_writer_of_a_key_changes_nothing(shelf):
    put(shelf, text="first", n=1)
    before = {name: (shelf.root / name).read_bytes() for name in files(shelf.root)}
    put(shelf, text="second", n=2)
    assert {name: (shelf.root / name).read_bytes() for name in files(shelf.root)} == before


def test_an_error_in_the_block_is_the_callers_and_leaves_no_draft(shelf):
    put(shelf, "old")

    def broken() -> None:
        with shelf.write("snapshots", "k", recipe={}) as draft:
            (draft.folder / "rows.txt").write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        broken()
    assert files(shelf.root) == ["snapshots/old/manifest.json", "snapshots/old/rows.txt"]


def test_an_interrupt_leaves_no_draft(shelf):
    with pytest.raises(KeyboardInterrupt), shelf.write("snapshots", "k", recipe={}):
        raise KeyboardInterrupt
    assert files(shelf.root) == []


def test_facts_that_json_cannot_hold_leave_no_version(shelf):
    with pytest.raises(ValueError, match="JSON"), shelf.write("snapshots", "k", recipe={}) as draft:
        draft.facts["rate"] = float("nan")
    assert shelf.find("snapshots", "k") is None


def test_an_input_that_is_gone_is_not_called_a_full_disk(shelf, tmp_path):
    """It is said to be missing, by its name."""
    with (
        pytest.raises(StoreError, match=r"could not make snapshots: .*gone\.parquet: No such file") as refusal,
        shelf.write("snapshots", "k", recipe={}),
    ):
        pd.read_parquet(tmp_path / "gone.parquet")
    assert "space" not in str(refusal.value)
    assert files(shelf.root) == []


def test_a_server_that_does_not_answer_is_not_called_a_full_disk(shelf):
    with socket.create_server(("127.0.0.1", 0)) as server:
        closed = server.getsockname()
    with (
        pytest.raises(StoreError, match="could not make registrations: Connection refused; nothing was changed"),
        shelf.write("registrations", "k", recipe={}),
    ):
        socket.create_connection(closed)


def test_a_root_that_is_a_file_is_one_sentence(tmp_path):
    (tmp_path / "home").write_text("")
    with pytest.raises(StoreError, match="could not write to") as refusal:
        put(Warehouse(tmp_path / "home"))
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("limit", [100_000, 10])
def test_a_full_disk_is_one_sentence_and_leaves_everything_as_it_was(shelf, limit):
    """The kernel refuses this process a larger file, once in the rows, once in the manifest."""
    put(shelf, "old")
    before = {name: (shelf.root / name).read_bytes() for name in files(shelf.root)}
    done = in_a_process(f"""
        import resource
        from pathlib import Path
        import pandas as pd
        from rarecall.errors import StoreError
        from rarecall.warehouse import Warehouse
        resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, resource.RLIM_INFINITY))
        try:
            with Warehouse(Path({str(shelf.root)!r})).write("snapshots", "new", recipe={{}}) as draft:
                if {limit} > 10:
                    pd.DataFrame({{"x": range(100_000)}}).to_parquet(draft.folder / "rows.parquet")
        except StoreError as error:
            print(error)
    """)
    assert "File too large; nothing was changed: free some space" in done.stdout, done.stderr
    assert done.stdout.count("\n") == 1
    assert {name: (shelf.root / name).read_bytes() for name in files(shelf.root)} == before


def test_a_killed_writer_leaves_a_draft_that_nobody_reads(shelf):
    """SIGKILL between two files of a draft."""
    done = in_a_process(f"""
        import os, signal
        from pathlib import Path
        from rarecall.warehouse import Warehouse
        with Warehouse(Path({str(shelf.root)!r})).write("snapshots", "k", recipe={{}}) as draft:
            (draft.folder / "rows.txt").write_text("half")
            os.kill(os.getpid(), signal.SIGKILL)
    """)
    assert done.returncode == -signal.SIGKILL
    assert len(files(shelf.root)) == 1, "the draft is there"
    assert shelf.find("snapshots", "k") is None
    assert shelf.versions("snapshots") == []
    assert shelf.sweep() == 1
    assert files(shelf.root) == []
    put(shelf, rows=2)
    assert shelf.find("snapshots", "k").facts == {"rows": 2}


def test_a_writer_killed_while_it_seals_leaves_no_version(shelf):
    """SIGKILL with the manifest written, right before the rename."""
    done = in_a_process(f"""
        import os, signal
        from pathlib import Path
        from rarecall import warehouse
        warehouse._rename = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
        with warehouse.Warehouse(Path({str(shelf.root)!r})).write("snapshots", "k", recipe={{}}) as draft:
            (draft.folder / "rows.txt").write_text("whole")
    """)
    assert done.returncode == -signal.SIGKILL
    assert shelf.find("snapshots", "k") is None
    assert shelf.sweep() == 1


def test_sweep_spares_versions(shelf):
    put(shelf)
    assert shelf.sweep() == 0
    shelf.verify(shelf.find("snapshots", "k"))


RACE = """
import sys, time
from pathlib import Path
from rarecall.warehouse import Warehouse
shelf, start = Warehouse(Path(sys.argv[1])), Path(sys.argv[2])
print("ready", flush=True)
while not start.exists():
    time.sleep(0.001)
for key in range(30):
    with shelf.write("snapshots", str(key), recipe={"source": "a.csv"}) as draft:
        (draft.folder / "rows.txt").write_text("the same content")
"""


def test_two_processes_may_write_the_same_keys(shelf, tmp_path):
    """Both end well, and each version is whole."""
    start = tmp_path / "start"
    command = [sys.executable, "-c", RACE, shelf.root, start]
    writers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    start.touch()
    for writer in writers:
        writer.communicate(timeout=60)
    assert [writer.returncode for writer in writers] == [0, 0]
    assert len(shelf.versions("snapshots")) == 30
    for version in shelf.versions("snapshots"):
        shelf.verify(version)
    assert not list(shelf.root.glob("*/.partial-*"))


def test_of_two_writers_at_once_the_first_to_finish_stands(shelf):
    """Held between draft and rename, the slower one finds the key taken and agrees."""
    inside, finish = threading.Event(), threading.Event()

    def slow() -> None:
        with shelf.write("snapshots", "k", recipe={}) as draft:
            (draft.folder / "rows.txt").write_text("slow")
            inside.set()
            finish.wait(10)

    writer = threading.Thread(target=slow)
    writer.start()
    inside.wait(10)
    put(shelf, text="fast")
    finish.set()
    writer.join(10)
    assert shelf.find("snapshots", "k").file("rows.txt").read_text() == "fast"
    assert files(shelf.root) == ["snapshots/k/manifest.json", "snapshots/k/rows.txt"]


def test_a_folder_that_is_no_version_is_not_taken_for_one(shelf):
    (shelf.root / "snapshots" / "k").mkdir(parents=True)
    (shelf.root / "snapshots" / "k" / "stray.txt").write_text("somebody's")
    with pytest.raises(StoreError, match=r"k/manifest\.json cannot be read"):
        shelf.find("snapshots", "k")
    with pytest.raises(StoreError, match="could not write to"):
        put(shelf)
    assert files(shelf.root) == ["snapshots/k/stray.txt"]


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"files": {}}', '{"facts": 1, "files": {}}', "\udcff"])
def test_a_damaged_manifest_is_one_sentence(shelf, text):
    put(shelf)
    manifest = shelf.root / "snapshots" / "k" / MANIFEST
    manifest.chmod(0o644)
    manifest.write_text(text, errors="surrogateescape")
    with pytest.raises(
        StoreError, match=r"manifest\.json cannot be read .*; remove the folder and run again"
    ) as refusal:
        shelf.find("snapshots", "k")
    assert "\n" not in str(refusal.value)


def test_a_changed_file_is_not_what_was_written(shelf):
    put(shelf)
    version = shelf.find("snapshots", "k")
    version.file("rows.txt").chmod(0o644)
    version.file("rows.txt").write_text("1,3")
    with pytest.raises(StoreError, match="is not what was written"):
        shelf.verify(version)


def test_a_file_that_is_gone_is_named(shelf):
    put(shelf)
    version = shelf.find("snapshots", "k")
    version.file("rows.txt").unlink()
    with pytest.raises(StoreError, match=r"rows\.txt is missing; remove the folder"):
        shelf.verify(version)


def test_a_draft_is_on_the_shelf_it_will_stand_on(shelf):
    """So that the rename never crosses a file system."""
    with shelf.write("snapshots", "k", recipe={}) as draft:
        assert isinstance(draft, Draft)
        assert draft.folder.parent == shelf.root / "snapshots"
        assert draft.folder.name.startswith(".partial-k-")
