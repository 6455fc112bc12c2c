"""A digest names a content: the same everywhere, another for another content, and never of a `repr`."""

import hashlib
import subprocess
import sys

import pytest

from rarecall import digest


def test_the_order_of_keys_is_not_part_of_a_value():
    assert digest.of_value({"a": {"x": 1, "y": 2}, "b": 3}) == digest.of_value({"b": 3, "a": {"y": 2, "x": 1}})


@pytest.mark.parametrize("other", [{"a": 2}, {"a": "1"}, {"a": 1.5}, {"a": True}, {"a": None}, {"a": [1]}, {"b": 1}])
def test_another_value_has_another_name(other):
    assert digest.of_value({"a": 1}) != digest.of_value(other)


def test_another_process_gives_the_same_name():
    """Neither the hash seed nor the interpreter's state is in it."""
    value = {"ü": [1, 2.5, None, True], "k": {"z": "y"}}
    program = f"from rarecall import digest; print(digest.of_value({value!r}))"
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == digest.of_value(value)


@pytest.mark.parametrize("value", [{1, 2}, object(), b"x", {"a": {1}}])
def test_what_json_cannot_hold_is_refused(value):
    with pytest.raises(TypeError):
        digest.of_value(value)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_json_cannot_write_is_refused(value):
    with pytest.raises(ValueError, match="not JSON compliant"):
        digest.of_value({"a": value})


def test_a_file_has_the_digest_of_its_bytes_in_any_folder(tmp_path):
    content = bytes(range(256)) * 9000  # 2.2 MiB, so more than one block
    for name in ("a/rows.bin", "elsewhere/other.txt"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(content)
        assert digest.of_file(tmp_path / name) == hashlib.sha256(content).hexdigest()
