"""One row's cohorts have the names that a table's rows have."""

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from rarecall.cohort_of import cohorts_of
from rarecall.cohorts import assign
from rarecall.sections import Cohort

COHORTS = [
    Cohort(column="amount", edges=[-0.5, 0, 2.5, 100]),
    Cohort(column="region"),
    Cohort(column="code"),
]
numbers = (
    st.none() | st.floats(allow_nan=True, allow_infinity=False, width=32) | st.sampled_from([-0.5, 0.0, 2.5, 100.0])
)


@given(st.lists(st.tuples(numbers, st.none() | st.text(max_size=5), numbers), min_size=1, max_size=20))
def test_they_are_those_of_the_table(rows):
    frame = pd.DataFrame(
        {
            "amount": np.array([row[0] for row in rows], dtype=float),
            "region": np.array([row[1] for row in rows], dtype=object),
            "code": np.array([row[2] for row in rows], dtype=float),
        }
    )
    of = cohorts_of(COHORTS)
    one_by_one = [of(dict(zip(["amount", "region", "code"], row, strict=True))) for row in rows]
    assert one_by_one == assign(frame, COHORTS).to_dict("records")


def test_what_edges_cannot_place_is_missing():
    of = cohorts_of(COHORTS[:1])
    assert [of({"amount": value})["amount"] for value in ("12", True, None, 12)] == [
        "missing",
        "missing",
        "missing",
        "2.5-100",
    ]
