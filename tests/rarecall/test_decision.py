"""Decisions: a better candidate never gets a worse verdict, and what is not known never promotes."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rarecall.comparison import compare
from rarecall.decision import decide
from rarecall.errors import DataError
from rarecall.sections import Gates
from rarecall.sli import measure

GATES = Gates()
RANK = {"reject": 0, "not_enough_evidence": 1, "promote": 2}
FIGURES = ("minority_recall", "minority_precision", "f1_minority", "train_test_gap")
NEGATIVES = 2000


def flags(hits, misses, false_alarms):
    """Rows with so many true positives, false negatives and false positives: their truth and their scores."""
    score = np.repeat([1.0, 0.0, 1.0, 0.0], [hits, misses, false_alarms, NEGATIVES - false_alarms])
    return np.repeat([True, False], [hits + misses, NEGATIVES]), score


def judged(hits, misses, false_alarms, *, noise=0.004, train_recall=0.95, **options):
    y, score = flags(hits, misses, false_alarms)
    train = (
        np.repeat([True], 1000),
        np.repeat([1.0, 0.0], [round(1000 * train_recall), 1000 - round(1000 * train_recall)]),
    )
    sli = measure(y, score, threshold=0.5, train=train) | {"label_noise_rate": noise, "synthetic_ratio": 0.2}
    return decide(sli, options.pop("gates", GATES), **({"champion": None, "augmented": True} | options))


@st.composite
def intervals_of(draw, lowest=0.0):
    low, value, high = sorted(draw(st.tuples(*[st.floats(lowest, 1.0)] * 3)))
    return {"value": value, "bounds": [low, high]}


def as_sli(figures, *, positives, noise=0.004, share=0.2):
    values = {name: figure["value"] for name, figure in figures.items()}
    bounds = {name: figure["bounds"] for name, figure in figures.items()}
    return values | {
        "positives": positives,
        "intervals": bounds,
        "label_noise_rate": noise,
        "synthetic_ratio": share,
    }


SLI = st.fixed_dictionaries({name: intervals_of(-1.0 if name == "train_test_gap" else 0.0) for name in FIGURES})


def test_a_good_model_is_promoted_and_told_why():
    decision = judged(460, 40, 60)
    assert decision.verdict == "promote"
    assert [gate.state for gate in decision.gates] == ["good"] * 6
    assert decision.reasons[0] == "minority recall 0.92 [0.89, 0.94] holds the floor 0.80 (500 positives)"
    assert decision.reasons[-1] == "there is no champion yet to be compared with"
    assert len(decision.reasons) == 7


def test_a_person_has_the_last_word_only_where_every_gate_holds():
    asked = Gates(approval="required")
    decision = judged(460, 40, 60, gates=asked)
    assert decision.verdict == "needs_approval"
    assert decision.reasons[0] == "every gate holds, and a person has the last word, for gates.approval is required"
    assert decision.reasons[1:] == judged(460, 40, 60).reasons
    assert judged(300, 200, 60, gates=asked).as_dict() == judged(300, 200, 60).as_dict()
    assert judged(29, 0, 0, gates=asked).verdict == "not_enough_evidence"


def test_a_poor_model_is_rejected_by_what_failed():
    decision = judged(300, 200, 60)
    assert decision.verdict == "reject"
    assert decision.reasons[0] == "minority recall 0.60 [0.56, 0.64] is below the floor 0.80 (500 positives)"
    assert decision.reasons[-1].startswith("train-test recall gap 0.35 [0.31, 0.40] is not below the limit 0.10")


def test_an_interval_across_the_floor_is_not_evidence():
    decision = judged(249, 51, 20, train_recall=0.83)
    assert decision.verdict == "not_enough_evidence"
    assert decision.reasons == (
        "minority recall 0.83 [0.78, 0.87] may be below the floor 0.80: not enough evidence (300 positives)",
    )


def test_few_positives_judge_nothing():
    """Perfect on 29 and hopeless on 29 are the same: not enough evidence."""
    for hits in (29, 0):
        decision = judged(hits, 29 - hits, 0)
        assert decision.verdict == "not_enough_evidence"
        assert all(gate.state == "not enough evidence" for gate in decision.gates if gate.name in FIGURES)
    assert "rests on 29 positives where 30 are needed" in judged(29, 0, 0).reasons[0]


def test_figures_that_are_not_known_are_not_evidence():
    y = np.zeros(50, dtype=bool)
    sli = measure(y, np.zeros(50), threshold=0.5)
    decision = decide(sli, GATES, champion=None, augmented=True)
    assert decision.verdict == "not_enough_evidence"
    assert decision.reasons[0] == "minority recall is not known: not enough evidence (0 positives)"
    assert len(decision.reasons) == 6


@pytest.mark.parametrize(("noise", "state"), [(0.0199, "good"), (0.02, "bad"), (None, "not enough evidence")])
def test_label_noise_is_read_as_a_value(noise, state):
    gate = judged(460, 40, 60, noise=noise).gates[4]
    assert (gate.name, gate.state) == ("label_noise_rate", state)


def test_label_noise_is_read_on_its_interval_where_there_is_one():
    y, score = flags(460, 40, 60)
    sli = measure(y, score, threshold=0.5, train=(y, score)) | {"label_noise_rate": 0.015}
    sli["intervals"]["label_noise_rate"] = [0.01, 0.025]
    decision = decide(sli, GATES, champion=None, augmented=False)
    assert decision.verdict == "not_enough_evidence"
    assert decision.reasons == ("label-noise rate 0.015 [0.010, 0.025] may reach the limit 0.02: not enough evidence",)


@pytest.mark.parametrize(
    ("share", "state"), [(0.1, "good"), (0.5, "good"), (0.5002, "good"), (0.09, "bad"), (0.51, "bad")]
)
def test_the_synthetic_share_is_within_bounds_and_skipped_where_nothing_is(share, state):
    y, score = flags(460, 40, 60)
    sli = measure(y, score, threshold=0.5, train=(y, score)) | {"label_noise_rate": 0.0, "synthetic_ratio": share}
    assert decide(sli, GATES, champion=None, augmented=True).gates[-1].state == state
    alone = decide(sli, GATES, champion=None, augmented=False)
    assert "synthetic_share" not in [gate.name for gate in alone.gates]
    assert alone.verdict == "promote"


@settings(deadline=None)  # a busy machine is not a fault
@given(figures=SLI, positives=st.integers(30, 1000), name=st.sampled_from(FIGURES), lift=st.floats(0.0, 1.0))
def test_a_better_figure_never_makes_a_worse_verdict(figures, positives, name, lift):
    """Moving any figure and its interval to the better side lifts the verdict or leaves it."""
    before = decide(as_sli(figures, positives=positives), GATES, champion=None, augmented=True)
    toward = -lift if name == "train_test_gap" else lift
    better = {"value": figures[name]["value"] + toward, "bounds": [bound + toward for bound in figures[name]["bounds"]]}
    after = decide(as_sli(figures | {name: better}, positives=positives), GATES, champion=None, augmented=True)
    assert RANK[after.verdict] >= RANK[before.verdict]


@settings(deadline=None)  # a busy machine is not a fault
@given(
    positives=st.integers(1, 400),
    recall=st.floats(0, 1),
    champion_recall=st.floats(0, 1),
    false_alarms=st.integers(0, 300),
    data=st.data(),
)
def test_a_better_candidate_never_gets_a_worse_verdict(positives, recall, champion_recall, false_alarms, data):
    """One more positive found, or one false alarm fewer, on the same rows and beside the same champion."""
    hits = round(recall * positives)
    champion = np.random.default_rng(0).random(positives + NEGATIVES) < champion_recall

    def verdict(hits, false_alarms):
        y, score = flags(hits, positives - hits, false_alarms)
        cohorts = pd.DataFrame({"half": np.where(np.arange(y.size) % 2, "odd", "even")})
        seen = compare(y, score > 0.5, champion, version="1", gates=GATES, cohorts=cohorts)
        return RANK[judged(hits, positives - hits, false_alarms, champion=seen).verdict]

    if hits < positives and data.draw(st.booleans()):
        assert verdict(hits + 1, false_alarms) >= verdict(hits, false_alarms)
    elif false_alarms:
        assert verdict(hits, false_alarms - 1) >= verdict(hits, false_alarms)


@settings(deadline=None)  # a busy machine is not a fault
@given(figures=SLI, positives=st.integers(0, 1000), noise=st.none() | st.floats(0, 0.04))
def test_the_third_state_never_promotes(figures, positives, noise):
    decision = decide(as_sli(figures, positives=positives, noise=noise), GATES, champion=None, augmented=True)
    states = {gate.state for gate in decision.gates}
    assert (decision.verdict == "promote") == (states == {"good"})
    assert (decision.verdict == "reject") == ("bad" in states)
    assert len(decision.reasons) > 0


def beside(candidate_finds, champion_finds, *, cohorts=None, gates=GATES):
    y = np.ones(len(candidate_finds), dtype=bool)
    return compare(y, candidate_finds, champion_finds, version="7", gates=gates, cohorts=cohorts)


def test_worse_than_the_champion_is_rejected():
    seen = beside(np.arange(500) < 460, np.arange(500) < 490)
    decision = judged(460, 40, 60, champion=seen)
    assert decision.verdict == "reject"
    assert len(decision.reasons) == 1
    assert decision.reasons[0].startswith("recall 0.92 is worse than 0.98 of champion version 7: -0.06 [")
    within = judged(460, 40, 60, champion=seen, gates=Gates(champion_margin=0.1))
    assert within.verdict == "promote"
    assert "not shown to be worse than champion version 7's" in within.reasons[-1]


def test_worse_in_one_cohort_is_rejected_though_better_overall():
    cohorts = pd.DataFrame({"region": np.repeat(["north", "south"], [440, 60])})
    candidate = np.concatenate([np.ones(440), np.zeros(40), np.ones(20)]).astype(bool)
    champion = np.concatenate([np.zeros(60), np.ones(380), np.ones(60)]).astype(bool)
    seen = beside(candidate, champion, cohorts=cohorts)
    assert seen.overall.recall_difference == pytest.approx(0.04)
    decision = judged(460, 40, 60, champion=seen)
    assert decision.verdict == "reject"
    assert decision.reasons[0].startswith("recall where region is south 0.33 is worse than 1.00 of champion version 7")


def test_a_cohort_with_few_positives_judges_nothing():
    cohorts = pd.DataFrame({"region": np.repeat(["north", "south"], [475, 25])})
    seen = beside(np.arange(500) < 475, np.ones(500, dtype=bool), cohorts=cohorts)
    assert seen.by_cohort["region"]["south"].recall_difference == -1.0
    assert not seen.by_cohort["region"]["south"].worse(GATES)


def test_many_cohorts_do_not_make_equal_models_worse():
    """Twenty cohort values, 300 comparisons of equally good models: some cohort is called worse in under 4%."""
    rng = np.random.default_rng(9)
    y = np.ones(1200, dtype=bool)
    cohorts = pd.DataFrame({"c": np.repeat([f"c{number}" for number in range(20)], 60)})
    worse = []
    for _ in range(300):
        ours, theirs = rng.random((2, 1200)) < 0.85
        seen = compare(y, ours, theirs, version="1", gates=GATES, cohorts=cohorts)
        worse.append(any(difference.worse(GATES) for difference in seen.by_cohort["c"].values()))
    assert np.mean(worse) < 0.04


def test_only_positives_are_compared():
    y = np.repeat([True, False], [100, 900])
    seen = compare(y, y, np.ones(1000, dtype=bool), version="1", gates=GATES)
    assert (seen.overall.positives, seen.overall.candidate, seen.overall.champion) == (100, 1.0, 1.0)


def test_other_rows_are_refused():
    with pytest.raises(DataError, match=r"on the same 3 rows, got \[2, 3\]"):
        compare([True] * 3, [True] * 3, [True] * 2, version="1", gates=GATES)
    with pytest.raises(DataError, match="expected the champion on the candidate's holdout of 500 positives, got 499"):
        judged(460, 40, 60, champion=beside([True] * 499, [True] * 499))


def test_the_record_is_json():
    cohorts = pd.DataFrame({"region": np.repeat(["north", "south"], 250)})
    seen = beside(np.arange(500) < 460, np.arange(500) < 455, cohorts=cohorts)
    record = json.loads(json.dumps(judged(460, 40, 60, champion=seen).as_dict(), allow_nan=False))
    assert set(record) == {"verdict", "reasons", "gates", "champion"}
    assert set(record["gates"][0]) == {"name", "needs", "value", "low", "high", "state", "reason"}
    assert [gate["needs"] for gate in record["gates"]] == [
        "≥ 0.80",
        "≥ 0.70",
        "≥ 0.75",
        "< 0.10",
        "< 0.02",
        "0.10 to 0.50",
    ]
    assert set(record["champion"]) >= {"version", "recall", "recall_difference", "low", "high", "by_cohort"}
    assert record["champion"]["recall"] == 0.91
    assert record["champion"]["by_cohort"]["region"]["north"]["recall_difference"] == 0.0


def test_a_figure_is_shown_on_the_side_of_the_limit_where_it_lies():
    """0.7996 is not printed as 0.80 beside a floor of 0.80."""
    gate = judged(79_960, 20_040, 60).gates[0]
    assert gate.reason.startswith("minority recall 0.7996 [0.7971, 0.8021] may be below the floor 0.80")


def made(value, low=None, high=None, rows=400):
    return {"value": value, "low": low, "high": high, "rows": rows}


def on_synthetic(figures, *, augmented=True, **limits):
    decision = judged(460, 40, 60, gates=Gates(**limits), synthetic=figures, augmented=augmented)
    return decision.verdict, [gate for gate in decision.gates if gate.name in figures]


@pytest.mark.parametrize(
    ("figure", "state", "verdict"),
    [
        (made(0.70, 0.66, 0.74), "good", "promote"),
        (made(0.79, 0.75, 0.83), "not enough evidence", "not_enough_evidence"),
        (made(0.92, 0.90, 0.94), "bad", "reject"),
        (made(0.92, 0.90, 0.94, rows=29), "not enough evidence", "not_enough_evidence"),
        (made(None, rows=4), "not enough evidence", "not_enough_evidence"),
        (made(0.80), "good", "promote"),
    ],
)
def test_a_limit_on_synthetic_rows_is_a_gate_of_three_states(figure, state, verdict):
    found, gates = on_synthetic({"detectability": figure}, detectability_max=0.8)
    assert (found, [gate.state for gate in gates]) == (verdict, [state])
    assert gates[0].needs == "≤ 0.80"


def test_a_gate_on_synthetic_rows_says_why():
    _, [gate] = on_synthetic({"reconstruction_recall": made(0.55, 0.52, 0.59)}, reconstruction_recall_max=0.2)
    assert gate.reason == (
        "recall of real rows rebuilt from the synthetic ones 0.55 [0.52, 0.59] is above the limit 0.20 (400 rows)"
    )


def test_a_floor_under_distinct_rows_is_counted():
    assert on_synthetic({"distinct_share": made(0.95)}, distinct_share_min=0.9)[0] == "promote"
    assert on_synthetic({"distinct_share": made(0.85)}, distinct_share_min=0.9)[0] == "reject"


def test_without_a_limit_a_figure_is_no_gate():
    assert on_synthetic({"detectability": made(1.0, 1.0, 1.0)}) == ("promote", [])


def test_without_synthetic_rows_their_limits_are_no_gates():
    assert on_synthetic({"detectability": made(None, rows=0)}, augmented=False, detectability_max=0.8)[1] == []


def test_a_figure_that_was_not_measured_cannot_hold_its_limit():
    assert judged(460, 40, 60, gates=Gates(outside_share_max=0.9)).verdict == "not_enough_evidence"


COHORTS = pd.DataFrame({"region": np.resize(["north", "south"], 500 + NEGATIVES)})


def limited(**limits):
    """Return the gates beyond the first six, by name, of a good model with calibrated probabilities."""
    y, score = flags(460, 40, 60)
    p = np.where(score > 0.5, 460 / 520, 40 / 1980)
    sli = measure(y, p, threshold=0.5, cohorts=COHORTS, train=(y, p)) | {"label_noise_rate": 0.004}
    latency = {"p99": 8.0, "p99_low": 7.0, "p99_high": 9.5, "repeats": 400}
    made = decide(sli, Gates(**limits), champion=None, augmented=False, latency=latency)
    return made, {gate.name: gate for gate in made.gates[5:]}


def test_what_has_no_limit_is_no_gate():
    assert limited()[1] == {}


@pytest.mark.parametrize(
    ("limit", "name", "good", "unsure", "bad"),
    [
        ("latency_ms_max", "latency_ms", 10, 8.5, 6),
        ("cohort_recall_difference_max", "recall_difference_by_region", 0.2, 0.02, None),
        ("ece_max", "ece", 0.05, 0.0005, None),
    ],
)
def test_a_limit_makes_a_gate_that_reads_the_interval(limit, name, good, unsure, bad):
    for state, value in {"good": good, "not enough evidence": unsure, "bad": bad}.items():
        if value is not None:
            made, gates = limited(**{limit: value})
            assert {one: gate.state for one, gate in gates.items()} == {name: state}
            expected = {"good": "promote", "bad": "reject", "not enough evidence": "not_enough_evidence"}[state]
            assert made.verdict == expected


def test_a_limit_on_latency_is_said_in_milliseconds():
    made, _ = limited(latency_ms_max=6)
    assert made.reasons[0] == (
        "99th percentile of latency, ms, 8.00 [7.00, 9.50] is above the limit 6.00 (400 repeats)"
    )


def test_a_limit_on_what_was_not_measured_is_not_evidence():
    y, score = flags(460, 40, 60)
    sli = measure(y, score * 2, threshold=0.5, train=(y, score), cohorts=COHORTS.assign(region="all"))
    sli |= {"label_noise_rate": 0.004}
    limits = {"ece_max": 0.1, "latency_ms_max": 10, "cohort_recall_difference_max": 0.1}
    made = decide(sli, Gates(**limits), champion=None, augmented=False)
    assert made.verdict == "not_enough_evidence"
    assert [gate.state for gate in made.gates[5:]] == ["not enough evidence"] * 3
    assert "largest difference of recall by region is not known" in made.reasons[1]
