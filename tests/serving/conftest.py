"""Small fitted models, made once."""

import pytest
from served import fitted, project_in, register


@pytest.fixture(scope="session")
def small_models():
    """Two models of the same columns."""
    return fitted(0), fitted(1)


@pytest.fixture(scope="session")
def template(tmp_path_factory, small_models):
    """A registry with both, from which tests copy theirs; no alias is set."""
    project = project_in(tmp_path_factory.mktemp("template"))
    register(project, *small_models)
    return project
