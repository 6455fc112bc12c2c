"""The verdict: what is needed for each, and that not enough evidence never promotes."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rarecall.canary import Cells, Evidence, Pairs, Stream, Tallied, account, judge
from rarecall.canary.measure import WEIGHTS
from rarecall.sections import Canary

SETTINGS = Canary()
LAST = SETTINGS.ramp[-1]
ALIKE = np.array([[0.02, 0.02, 0, 0, 9500], [0.6, 0.62, 1, 1, 300], [0.4, 0.6, 0, 1, 20], [0.6, 0.4, 1, 0, 20]])
GOOD = Evidence(
    champion=Stream(answered=20_000, flagged=640, positives=400, hits=320, negatives=9000, alarms=100),
    canary=Stream(answered=2000, flagged=64, positives=40, hits=32, negatives=900, alarms=10),
    positives=Pairs(both=480, champion=12, canary=18, neither=90),
    negatives=Pairs(both=150, champion=20, canary=15, neither=40_000),
    cells=Cells(ALIKE.astype(float)),
    tallied=Tallied(answered=2000, slow=1, failed=0),
    at_step=500,
)


def test_what_is_shown_to_be_fine_is_promoted_from_the_last_step_only():
    assert judge(GOOD, SETTINGS, share=LAST).verdict == "promote"
    for share, to in ((0.01, 0.05), (0.05, 0.10)):
        judged = judge(GOOD, SETTINGS, share=share)
        assert (judged.verdict, judged.share) == ("ramp", to)


@pytest.mark.parametrize(
    ("lacking", "said"),
    [
        ({"positives": Pairs(both=40, champion=1, canary=1, neither=8)}, "recall is not shown to be fine yet: 0.000"),
        ({"negatives": Pairs(both=10, champion=2, canary=2, neither=4000)}, "false alarms is not shown to be fine yet"),
        ({"tallied": Tallied(answered=50)}, "errors is not shown to be fine yet: 0.000 on 50 rows"),
        ({"cells": Cells(ALIKE[:1] * [1, 1, 1, 1, 0.001])}, "estimated recall is not shown to be fine yet"),
        ({"at_step": 99}, "99 rows answered by the canary at this share, and 100 are asked for"),
    ],
)
def test_what_is_lacking_holds_and_is_said(lacking, said):
    few = Stream(positives=1, hits=1, negatives=9, alarms=1, answered=50, flagged=1)
    judged = judge(replace(GOOD, canary=few, champion=few, **lacking), SETTINGS, share=LAST)
    assert judged.verdict == "hold"
    assert any(reason.startswith(said) for reason in judged.reasons), judged.reasons


@pytest.mark.parametrize(
    ("name", "worse"),
    [
        ("recall", {"positives": Pairs(both=210, champion=40, canary=8, neither=42)}),
        ("recall", {"positives": Pairs(), "canary": Stream(positives=400, hits=240)}),
        ("false_alarms", {"negatives": Pairs(both=100, champion=5, canary=120, neither=9000)}),
        ("positive_rate", {"cells": Cells(np.array([[0.4, 0.4, 0, 1, 300.0], [0.4, 0.4, 1, 1, 40]]))}),
        ("positive_rate", {"cells": Cells(np.array([[0.4, 0.4, 1, 0, 300.0], [0.4, 0.4, 1, 1, 40]]))}),
        ("scores", {"cells": Cells(np.array([[0.02, 0.5, 0, 0, 500.0]]))}),
        ("scores", {"cells": Cells(np.array([[0.5, 0.0, 0, 0, 500.0]]))}),
        ("estimated_recall", {"cells": Cells(np.array([[0.8, 0.7, 1, 0, 200.0], [0.8, 0.7, 1, 1, 200]]))}),
        ("errors", {"tallied": Tallied(answered=400, failed=30)}),
        ("latency", {"tallied": Tallied(answered=400, slow=30)}),
    ],
)
@pytest.mark.parametrize("share", SETTINGS.ramp)
def test_each_measure_alone_rolls_back_from_every_step_and_names_itself(name, worse, share):
    judged = judge(replace(GOOD, **worse), SETTINGS, share=share)
    assert (judged.verdict, judged.share) == ("rollback", None)
    assert judged.measures[name].state == "worse"
    assert any(reason.startswith(f"{name.replace('_', ' ')} is worse") for reason in judged.reasons)


counts = st.integers(0, 400)
pairs = st.builds(Pairs, counts, counts, counts, counts)


@st.composite
def streams(draw):
    flagged, positives, negatives = draw(counts), draw(counts), draw(counts)
    hits, alarms = draw(st.integers(0, positives)), draw(st.integers(0, negatives))
    return Stream(flagged + positives + negatives, flagged, positives, hits, negatives, alarms)


found = st.builds(Evidence, streams(), streams(), pairs, pairs, at_step=counts)


@settings(deadline=None, max_examples=50)
@given(found, st.sampled_from(SETTINGS.ramp), st.booleans())
def test_nothing_is_promoted_without_evidence_that_it_is_fine(found, share, is_late):
    judged = judge(found, SETTINGS, share=share, is_late=is_late)
    if judged.verdict == "promote":
        assert share == LAST
        assert {judged.measures[name].state for name in ("recall", "false_alarms")} == {"not worse"}
        assert found.positives.total + found.canary.positives >= SETTINGS.min_positives
    if "worse" in {measure.state for measure in judged.measures.values()}:
        assert judged.verdict == "rollback"
    if is_late:
        assert judged.verdict != "hold"
    json.dumps(account(found, judged, SETTINGS), allow_nan=False)


@settings(deadline=None, max_examples=50)
@given(found)
def test_one_more_positive_that_only_the_canary_finds_never_makes_its_recall_worse(found):
    more = replace(found, positives=replace(found.positives, canary=found.positives.canary + 1))
    before, after = (judge(one, SETTINGS, share=LAST).measures["recall"] for one in (found, more))
    assert after.worse <= before.worse
    assert after.fine >= before.fine


def test_the_time_limit_rolls_back_or_waits_for_a_person():
    assert judge(Evidence(), SETTINGS, share=0.01).verdict == "hold"
    late = judge(Evidence(), SETTINGS, share=0.01, is_late=True)
    assert (late.verdict, late.reasons[0]) == ("rollback", "the time is over without enough evidence")
    waits = judge(Evidence(), Canary(on_time_limit="hold"), share=0.01, is_late=True)
    assert (waits.verdict, waits.is_late) == ("hold", True)
    assert judge(GOOD, SETTINGS, share=LAST, is_late=True).verdict == "promote", "what is shown is shown"


def test_intervals_say_what_the_states_say():
    for positives in (GOOD.positives, Pairs(both=210, champion=40, canary=8, neither=42), Pairs(both=30, neither=9)):
        recall = judge(replace(GOOD, positives=positives), SETTINGS, share=LAST, bounds=True).measures["recall"]
        assert recall.interval.low <= recall.value <= recall.interval.high
        assert (recall.interval.high < 0) == (recall.worse >= np.log(1 / recall.part))
        assert (recall.interval.low > -SETTINGS.margin) == (recall.fine >= np.log(1 / SETTINGS.alpha))


def test_the_parts_of_alpha_are_one_alpha():
    assert sum(WEIGHTS.values()) == pytest.approx(1)


@pytest.mark.parametrize("models", ["alike", "at the limits"])
def test_a_canary_as_good_as_the_champion_is_rolled_back_in_no_more_than_alpha_of_the_runs(models):
    """80 canaries, judged 12 times each: by labels, shadows, the split, errors and latency together."""
    rng = np.random.default_rng(5)
    chances = {"alike": (0.70, 0.10, 0.10, 0.10), "at the limits": (0.40, 0.25, 0.25, 0.10)}[models]
    share_of_errors = 0.002 if models == "alike" else 0.01
    gone = 0
    for _ in range(80):
        seen = np.zeros(4), np.zeros(4), np.zeros(3), np.zeros(3), np.zeros(3)
        for _ in range(12):
            for known, new in zip(
                seen,
                (
                    rng.multinomial(40, chances),
                    rng.multinomial(400, (0.01, 0.005, 0.005, 0.98)),
                    rng.multinomial(30, (share_of_errors, 0.01, 0.99 - share_of_errors)),
                    rng.multinomial(9, (0.8, 0.2, 0)),
                    rng.multinomial(1, (0.8, 0.2, 0)),
                ),
                strict=True,
            ):
                np.add(known, new, out=known)
            positives, negatives = (Pairs(*map(int, one)) for one in seen[:2])
            failed, slow, fine = map(int, seen[2])
            one, other = (Stream(positives=int(s.sum()), hits=int(s[0])) for s in seen[3:])
            known_now = Evidence(one, other, positives, negatives, tallied=Tallied(slow + fine, slow, failed))
            if judge(known_now, SETTINGS, share=0.01).verdict == "rollback":
                gone += 1
                break
    assert gone <= 4


@pytest.mark.parametrize(("found", "verdict"), [(0, "rollback"), (4, "hold"), (11, "promote")])
def test_a_loss_in_one_cohort_holds_a_promotion_back_and_once_shown_rolls_back(found, verdict):
    """North is a small part of all positives, so the whole still looks fine."""
    cohorts = {"region": {"north": {"champion": (129, 102), "canary": (14, found)}, "south": {"champion": (9, 9)}}}
    judged = judge(replace(GOOD, cohorts=cohorts), SETTINGS, share=LAST)
    assert judged.verdict == verdict
    if verdict == "hold":
        said = "recall in region north is lower: the canary found 4 of 14 positives, the champion 102 of 129"
        assert judged.reasons == (said,)
    if verdict == "rollback":
        assert judged.reasons[0].startswith("cohort recall in region north is worse: -0.791, limit -0.050 on 14 rows")


def test_a_loss_among_shadows_of_one_cohort_rolls_back_from_the_first_step():
    lost, fine = Pairs(both=30, champion=50, canary=2, neither=18), Pairs(both=400, champion=4, canary=40, neither=50)
    whole = Pairs(both=430, champion=54, canary=42, neither=68)
    found = replace(GOOD, positives=whole, cohort_pairs={"region": {"north": lost, "south": fine}})
    judged = judge(found, SETTINGS, share=SETTINGS.ramp[0])
    assert (judged.verdict, judged.measures["recall"].state) == ("rollback", "not enough evidence")
    assert judged.measures["cohort_recall"].where == "region north"
    alone = replace(found, cohort_pairs={"region": {"all": whole}})
    assert judge(alone, SETTINGS, share=SETTINGS.ramp[0]).measures["cohort_recall"].state != "worse"


def test_the_more_cohort_values_there_are_the_more_each_has_to_show():
    lost = Pairs(both=70, champion=18, canary=2, neither=10)
    shown = [
        judge(
            replace(GOOD, cohort_pairs={"region": {"north": lost} | {f"r{n}": Pairs(both=1) for n in range(others)}}),
            SETTINGS,
            share=LAST,
        ).measures["cohort_recall"].worse
        for others in (0, 1, 9)
    ]  # fmt: skip
    assert shown[0] - shown[1] == pytest.approx(np.log(3))
    assert shown[0] - shown[2] == pytest.approx(np.log(55))


@pytest.mark.parametrize(("slow", "state"), [(0, "worse"), (300, "not enough evidence"), (900, "not worse")])
def test_a_canary_is_slow_beside_its_champion_and_not_beside_a_clock(slow, state):
    """Where the machine makes answers wait, it makes those of both arms wait."""
    tallied = {"tallied": Tallied(2000, 200, 0), "champion_tallied": Tallied(3000, slow, 0)}
    assert judge(replace(GOOD, **tallied), SETTINGS, share=LAST).measures["latency"].state == state
