"""An entity is called in a suggestion what the router calls it in the prediction log."""

import pandas as pd
import pytest

from rarecall.project import Project
from serving.request import entity_of
from tasks.suggest import _entity

ROWS = pd.DataFrame({"n": [7, 12], "f": [7.0, 12.0], "t": ["07", "a b"]})


@pytest.mark.parametrize("keys", [["n"], ["t"], ["n", "t"], ["t", "n"]])
def test_an_entity_has_the_routers_name(keys):
    values = {"name": "p", "source": {"path": "a.csv"}, "label": {"column": "y", "positive": 1}, "entity": keys}
    said = _entity(ROWS, Project.model_validate(values)).tolist()
    asked = ROWS[keys].to_dict("records")
    assert said == [entity_of(one if len(keys) > 1 else one[keys[0]], keys, "entity") for one in asked]


def test_a_whole_number_that_is_stored_with_decimals_is_the_same_entity():
    values = {"name": "p", "source": {"path": "a.csv"}, "label": {"column": "y", "positive": 1}, "entity": "f"}
    assert _entity(ROWS, Project.model_validate(values)).tolist() == ["7", "12"]
