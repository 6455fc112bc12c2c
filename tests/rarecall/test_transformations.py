"""Transformations come from installed packages by name, and from nowhere else."""

import pytest
from plugin import install

from rarecall.errors import DataError
from rarecall.transformations import Transformation, named, origin


@pytest.fixture
def installed(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(install(tmp_path, "later=LATER", "text=NOT_ONE", "gone=NOWHERE"))
    return tmp_path


def test_an_installed_one_is_found_by_its_name(installed):
    found = named(["later"])
    assert isinstance(found["later"], Transformation)
    assert found["later"].says == "up to half a day later"
    assert origin(["later"]) == {"later": "acme-changes 1.2"}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("latter", "no installed package registers 'latter' under rarecall.transformations; did you mean 'later'"),
        ("text", "of acme-changes 1.2: expected a rarecall.transformations.Transformation, got str"),
        ("gone", "'gone' of acme-changes 1.2 cannot be imported: module 'acme_changes' has no attribute 'NOWHERE'"),
        ("os:system", "no installed package registers 'os:system'"),
        ("acme_changes:LATER", "no installed package registers 'acme_changes:LATER'"),
        ("./changes.py", "no installed package registers './changes.py'"),
    ],
)
def test_what_is_not_registered_is_not_loaded(installed, name, said):
    with pytest.raises(DataError, match=said.replace("(", r"\(")):
        named([name])


def test_a_name_that_two_packages_register_is_refused(installed, tmp_path_factory, monkeypatch):
    monkeypatch.syspath_prepend(install(tmp_path_factory.mktemp("other"), "later=LATER", name="other-changes"))
    with pytest.raises(DataError, match=r"'later' is registered by acme-changes 1.2 and other-changes 1.2"):
        named(["later"])
