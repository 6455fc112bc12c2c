"""A pseudonym is the same however a table stores the id, another for another entity, and nothing without the key."""

import numpy as np
import pandas as pd
import pytest

from rarecall.intake.pseudonym import is_entity, of_entity, of_rows, texts

KEY = b"k" * 32
MOMENT = "2026-01-02T03:04:05.000000+00:00"


@pytest.mark.parametrize(
    ("column", "text"),
    [
        (pd.Series([7]), "7"),
        (pd.Series([7.0, np.nan]), "7"),
        (pd.Series([7, None], dtype="Int64"), "7"),
        (pd.Series([7], dtype="uint8"), "7"),
        (pd.Series(["7"]), "7"),
        (pd.Series(["7"], dtype="string"), "7"),
        (pd.Series(["7"], dtype="category"), "7"),
        (pd.Series([7.5]), "7.5"),
        (pd.Series(["07"]), "07"),
        (pd.Series([" 7"]), " 7"),
        (pd.Series([True]), "true"),
        (pd.Series([2**53 + 1]), "9007199254740993"),
        (pd.Series([np.inf]), "inf"),
        (pd.Series(pd.to_datetime(["2026-01-02T03:04:05"])), MOMENT),
        (pd.Series(pd.to_datetime(["2026-01-02T05:04:05+02:00"])), MOMENT),
    ],
)
def test_an_id_is_one_text_however_it_is_stored(column, text):
    assert texts(column)[0] == text
    assert of_rows(column.to_frame("id"), ["id"], KEY).iloc[0] == of_entity({"id": text}, KEY)


def test_missing_ids_are_nobody():
    rows = pd.DataFrame({"id": [None, "nan", "None"], "bank": ["a", "a", "a"]})
    assert of_rows(rows, ["id", "bank"], KEY).tolist() == [
        "",
        of_entity({"id": "nan", "bank": "a"}, KEY),
        of_entity({"id": "None", "bank": "a"}, KEY),
    ]
    assert not is_entity(rows.head(1), {"id": "nan"}).any()


def test_columns_and_values_cannot_change_places():
    assert of_entity({"a": "1", "b": "2"}, KEY) == of_entity({"b": "2", "a": "1"}, KEY)
    names = {of_entity(one, KEY) for one in ({"a": "1", "b": "2"}, {"a": "2", "b": "1"}, {"a": '1","b', "b": "2"})}
    assert len(names) == 3


def test_the_frames_index_is_kept_and_no_row_is_none():
    rows = pd.DataFrame({"id": [1, 2, 1]}, index=[5, 5, 9])
    found = of_rows(rows, ["id"], KEY)
    assert found.index.equals(rows.index)
    assert found.iloc[0] == found.iloc[2] != found.iloc[1]
    assert of_rows(rows.head(0), ["id"], KEY).empty
