"""Small fitted models, made once."""

import pytest
from served import fitted


@pytest.fixture(scope="session")
def small_models():
    """Two models of the same columns and one that takes a column more."""
    return fitted(0), fitted(1)
