"""No run costs more rare rows than its cap, and too much noise is said and acted upon as the project asks."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarecall.doubt.screening import fallback, screen
from rarecall.errors import DataError
from rarecall.sections import Gates, Labels

ABOVE = {"noise_rate": 0.05, "low": 0.04, "high": 0.06}
UNKNOWN = {"noise_rate": 0.025, "low": 0.015, "high": 0.035}
BELOW = {"noise_rate": 0.01, "low": 0.008, "high": 0.012}


@given(
    rows=st.lists(st.tuples(st.booleans(), st.sampled_from(["keep", "weight", "review", "drop"])), min_size=1),
    share=st.sampled_from([0.0, 0.01, 0.1, 0.29, 1.0]),
)
def test_the_cap_on_dropped_rare_rows_holds(rows, share):
    """And nothing else of the verdict changes."""
    rare, action = np.array([one for one, _ in rows]), [action for _, action in rows]
    verdict = pd.DataFrame({"score": np.linspace(0.1, 0.9, len(rows)), "action": action, "weight": 0.5})
    verdict.loc[verdict["action"] == "drop", "weight"] = 0.0
    screened = screen(verdict, rare.astype(int), max_dropped=share)
    dropped, before = screened["action"] == "drop", verdict["action"] == "drop"
    assert (dropped & rare).sum() == min((before & rare).sum(), int(share * rare.sum() + 1e-9))
    spared = before & ~dropped
    assert (screened.loc[spared, "action"] == "review").all()
    assert (screened.loc[spared, "weight"] == 0.5).all()
    pd.testing.assert_frame_equal(screened[~spared], verdict[~spared])


def test_the_most_suspect_are_the_ones_dropped():
    verdict = pd.DataFrame({"score": [0.03, 0.01, 0.02], "action": "drop", "weight": 0.0}, index=[7, 8, 9])
    screened = screen(verdict, np.ones(3, dtype=int), max_dropped=0.4)
    assert screened.index[screened["action"] == "drop"].tolist() == [8]
    assert (verdict["action"] == "drop").all(), "the verdict itself stays"


@pytest.mark.parametrize("noise", [BELOW, UNKNOWN])
@pytest.mark.parametrize("policy", ["weights", "fail", "ignore"])
def test_noise_that_is_not_shown_to_be_above_the_limit_changes_nothing(noise, policy):
    assert fallback(noise, Labels(on_noise=policy), Gates()) is None


def test_too_much_noise_is_said():
    said = fallback(ABOVE, Labels(), Gates())
    assert "5.0% [4.0%, 6.0%] of the labels are suspect" in said
    assert "gates.label_noise_rate of 2.0%" in said
    assert fallback(ABOVE, Labels(), Gates(label_noise_rate=0.05)) is None


def test_too_much_noise_can_be_ignored_or_be_the_end():
    assert fallback(ABOVE, Labels(on_noise="ignore"), Gates()) is None
    with pytest.raises(DataError, match=r"rarecall labels export.*set it to weights") as refusal:
        fallback(ABOVE, Labels(on_noise="fail"), Gates())
    assert "\n" not in str(refusal.value)
