"""What cannot be learned from is refused in one sentence; nothing is registered and nothing overwritten."""

import gzip
import json
import subprocess
import sys

import pandas as pd
import pytest
from places import Place, placed


def refused(place: Place) -> str:
    """Run the flow, expect a refusal, and return its sentence after looking for what it must not have left."""
    from flows.retrain import retrain
    from rarecall.errors import RarecallError

    with pytest.raises(RarecallError) as refusal:
        retrain(str(place.file), None)
    assert not (place.home / "mlflow").exists(), "nothing was registered"
    assert not list(place.home.glob("warehouse/*/.partial-*")), "no draft is left"
    assert not list(place.home.glob("warehouse/datasets/*")), "no dataset version was made"
    sentence = str(refusal.value)
    assert "\n" not in sentence
    return sentence


def changed(frame: pd.DataFrame, **columns) -> pd.DataFrame:
    return frame.assign(**columns)


TABLES = {
    "an absent label": (lambda f: f.rename(columns={"is_fraud": "is_frau"}), "did you mean 'is_frau'?"),
    "a constant label": (lambda f: changed(f, is_fraud=1), "constant"),
    "no positive": (lambda f: changed(f, is_fraud=0), "never occurs"),
    "one positive": (lambda f: changed(f, is_fraud=[1] + [0] * (len(f) - 1)), "one positive"),
    "k above the minority": (lambda f: changed(f, is_fraud=[1] * 4 + [0] * (len(f) - 4)), "augmentation.k"),
    "a time that does not parse": (lambda f: changed(f, paid_at=["soon", *f["paid_at"][1:]]), "'soon'"),
    "one entity twice at one time": (lambda f: pd.concat([f, f.tail(3)]), "payment_id"),
    "an empty table": (lambda f: f.head(0), "empty"),
    "a reserved name": (lambda f: changed(f, row_id=1), "row_id"),
}


@pytest.mark.parametrize("name", TABLES)
def test_table_is_refused(prefect, tmp_path, payments, name):
    change, expected = TABLES[name]
    assert expected in refused(placed(tmp_path, change(payments)))


def test_no_usable_feature(prefect, tmp_path, payments):
    place = placed(tmp_path, payments, features={"include": ["customer_id"], "exclude": ["customer_id"]})
    assert "no usable" in refused(place)


def test_truncated_file(prefect, place):
    table = place.folder / "payments.csv.gz"
    table.write_bytes(table.read_bytes()[:2000])
    assert "deliver it again" in refused(place)


def test_not_a_table_at_all(prefect, place):
    with gzip.open(place.folder / "payments.csv.gz", "wb") as file:
        file.write(b"\xff\xfe\x00binary\x00" * 50)
    assert "expected UTF-8, got the byte 0xff; save it as UTF-8" in refused(place)


def test_missing_file_says_so_on_stderr_and_exits_1(place):
    (place.folder / "payments.csv.gz").unlink()
    done = place.run("retrain")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("rarecall: source.path:")
    assert done.stderr.count("\n") == 1
    assert not place.home.exists(), "a preflight needs no home"


def test_unknown_key_says_so_and_exits_2(place):
    place.settings(gates={"minority_recal": 0.5})
    done = place.run("retrain", "--json")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "rarecall: gates.minority_recal: unknown key; did you mean 'minority_recall'?\n"


@pytest.mark.faults
def test_full_disk_is_one_sentence_and_leaves_the_last_good_run(retrained, tmp_path):
    """A real refused write: the kernel lets this process write no file beyond 200 kB."""
    place, before = retrained
    program = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY));"
        "from rarecall.errors import RarecallError; from rarecall.warehouse import Warehouse;"
        "from pathlib import Path; import numpy as np\n"
        "try:\n"
        f"    with Warehouse(Path({str(place.home / 'warehouse')!r})).write('datasets', 'new', recipe={{}}) as draft:\n"
        "        np.save(draft.folder / 'rows.npy', np.zeros(1_000_000))\n"
        "except RarecallError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "nothing was changed" in done.stdout
    assert done.stdout.count("\n") == 1
    status = json.loads(place.run("status", "--json").stdout)
    assert [one["version"] for one in status["datasets"]] == [before["dataset_version"]]


def test_a_second_run_in_the_same_home_is_refused_while_the_first_holds_it(prefect, retrained):
    from filelock import FileLock

    place = retrained[0]
    with FileLock(place.home / "run.lock"):
        done = place.run("retrain")
    assert done.returncode == 1
    assert "another run holds" in done.stderr.splitlines()[-1]
