"""Where fits are made is said in one text, or refused."""

import pytest

from rarecall.compute import Compute
from rarecall.errors import ProjectError
from rarecall.project import load


@pytest.mark.parametrize(
    ("text", "scheduler", "workers"),
    [
        ("local", None, None),
        ("dask://local", None, 1),
        ("dask://local?workers=3", None, 3),
        ("dask://head:8786", "tcp://head:8786", None),
        ("dask://[::1]:8786/", "tcp://[::1]:8786", None),
        ("dask+tls://head:8786", "tls://head:8786", None),
    ],
)
def test_what_can_be_said(text, scheduler, workers):
    assert Compute.of(text) == Compute(scheduler=scheduler, workers=workers)


@pytest.mark.parametrize(
    "text",
    ["dask", "dask://", "dask://head", "dask://head:x", "tcp://head:1", "dask://a:b@head:1", "dask://local?workers=0",
     "dask://local?cores=2", "dask://head:1?workers=2", "dask://head:1/path", "dask+tls://local", "dask://local?workers"],
)  # fmt: skip
def test_what_cannot(text):
    with pytest.raises(ValueError, match=r"^expected local, dask://HOST:PORT"):
        Compute.of(text)


def test_a_project_file_is_told_so(tmp_path):
    (tmp_path / "rarecall.yaml").write_text(
        "name: p\nsource: {path: a.csv}\nlabel: {column: y, positive: 1}\nstores: {compute: 'spark://head:1'}\n"
    )
    with pytest.raises(ProjectError, match=r"^stores.compute: expected local, dask://HOST:PORT.* got 'spark://head:1'"):
        load(tmp_path, {})
