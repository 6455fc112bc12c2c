"""Augmentation by rule: one parent each, no row whose predicate does not hold, and every row can be made again."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from imblearn.utils.estimator_checks import check_param_validation
from plugin import install
from sklearn.datasets import load_digits

from rarecall.lineage import descendants
from rarecall.resampling.by_rule import ByRule, again
from rarecall.resampling.refusal import SamplingError
from rarecall.transformations import Transformation

RISE = Transformation(
    change=lambda rows, draws: rows.assign(amount=rows["amount"] + 10 * draws[:, 0]),
    safe=lambda before, after: (after["amount"] < 60).to_numpy(),
    says="a little more",
)
MOVE = Transformation(
    change=lambda rows, draws: rows.assign(town=np.where(draws[:, 1] < 0.5, "york", "bath")),
    safe=lambda before, after: (before["town"] != after["town"]).to_numpy(),
    says="the same elsewhere",
)
WAYS = {"rise": RISE, "move": MOVE}


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"amount": rng.uniform(0, 55, 80), "items": rng.integers(1, 9, 80).astype(float)})
    return frame.assign(town=rng.choice(["york", "bath", "hull"], 80)), np.repeat([0, 1], [60, 20])


def made(X, y, **how):
    sampler = ByRule(**({"transformations": WAYS, "random_state": 0} | how))
    rows, labels = sampler.fit_resample(X, y)
    return sampler, rows.iloc[len(X) :].reset_index(drop=True), labels


def test_every_row_has_one_parent_from_which_its_rule_leads(table):
    X, y = table
    sampler, rows, labels = made(X, y)
    lineage = sampler.lineage_.to_pandas()
    assert len(rows) == len(lineage) == 40
    assert labels.tolist() == [0] * 60 + [1] * 60
    assert (lineage["parent_id"] == lineage["neighbor_id"]).all()
    assert (y[lineage["parent_id"]] == 1).all()
    parents = X.iloc[lineage["parent_id"]].reset_index(drop=True)
    moved = lineage["rule"] == "move"
    assert (rows["amount"][moved] == parents["amount"][moved]).all()
    assert (rows["town"][~moved] == parents["town"][~moved]).all()
    assert (rows["items"] == parents["items"]).all()
    assert (sampler.sample_indices_ == [*range(80), *lineage["parent_id"]]).all()


def test_parents_give_in_turn(table):
    sampler, _, _ = made(*table)
    assert np.bincount(sampler.lineage_["parent_id"].to_numpy())[60:].tolist() == [2] * 20


def test_no_row_stands_whose_predicate_does_not_hold_and_refusals_are_counted(table):
    X, y = table
    calls = []

    def safe(before, after):
        calls.append((before, after))
        return RISE.safe(before, after)

    only = Transformation(change=RISE.change, safe=safe, says="watched")
    sampler, rows, _ = made(X, y, transformations={"rise": only}, sampling_strategy={1: 400})
    assert (rows["amount"] < 60).all()
    seen = pd.concat([after for _, after in calls])
    assert sampler.facts_["refused"] == {"rise": int((seen["amount"] >= 60).sum())}
    assert sampler.facts_["refused"]["rise"] > 0
    assert len(seen) == len(rows) + sampler.facts_["refused"]["rise"], "each row made was asked about once"


def test_a_nine_turned_into_a_six_is_refused():
    """A digit turned half round is safe for an 8 or a 0; of a 9 it makes a 6, which its writer knows."""
    digits = load_digits()
    nine = digits.target == 9
    X, y = digits.data, nine.astype(int)
    half = Transformation(
        change=lambda rows, draws: pd.DataFrame(rows.to_numpy()[:, ::-1], columns=rows.columns),
        safe=lambda before, after: after.to_numpy()[:, 32:].sum(1) <= after.to_numpy()[:, :32].sum(1),
        says="turned half round",
    )
    dim = Transformation(
        change=lambda rows, draws: np.floor(rows * (0.7 + 0.3 * draws[:, :1])),
        safe=lambda before, after: np.ones(len(after), dtype=bool),
        says="fainter",
    )
    sampler = ByRule(transformations={"half": half, "dim": dim}, random_state=0, sampling_strategy={1: 400})
    rows, _ = sampler.fit_resample(X, y)
    drawn, rules = rows[len(X) :], sampler.lineage_["rule"].to_pylist()
    turned = drawn[[rule == "half" for rule in rules]]
    assert (turned[:, 32:].sum(1) <= turned[:, :32].sum(1)).all()
    assert sampler.facts_["refused"]["half"] > sampler.facts_["refused"]["dim"] == 0
    assert (again(sampler.lineage_, X, transformations={"half": half, "dim": dim}) == drawn).all()


@pytest.mark.filterwarnings("ignore:class 1")  # where more are wanted than the parents may give
@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31 - 1), st.integers(20, 120), st.sampled_from([None, 1, 3]))
def test_any_rows_of_a_lineage_are_made_again_bit_for_bit(table, seed, wanted, most):
    X, y = table
    sampler, rows, _ = made(X, y, random_state=seed, sampling_strategy={1: max(20, wanted)}, max_per_parent=most)
    if most:
        assert np.bincount(sampler.lineage_["parent_id"].to_numpy(), minlength=1).max(initial=0) <= most
    pd.testing.assert_frame_equal(again(sampler.lineage_, X, transformations=WAYS), rows, check_exact=True)
    some = np.random.default_rng(seed).permutation(len(rows))[:7]
    few = again(sampler.lineage_.take(pa.array(some)), X, transformations=WAYS)
    pd.testing.assert_frame_equal(few, rows.iloc[some].reset_index(drop=True), check_exact=True)


def test_suspect_rows_are_no_parents_and_ids_are_the_tables(table):
    X, y = table
    eligible, ids = np.arange(80) % 2 == 0, np.arange(80) + 1000
    sampler = ByRule(transformations=WAYS, random_state=0)
    sampler.fit_resample(X, y, ids=ids, eligible=eligible)
    assert set(sampler.lineage_["parent_id"].to_pylist()) == set(range(1060, 1080, 2))
    assert len(descendants(sampler.lineage_, [1060])) == sampler.lineage_["parent_id"].to_pylist().count(1060) > 0


def test_the_projects_rules_hold_too_and_are_counted_apart(table):
    sampler, rows, _ = made(*table, rules={"no bath": "town != 'bath'"})
    assert (rows["town"] != "bath").all()
    assert sampler.facts_["rejected"]["no bath"] > 0


def test_numbers_keep_their_steps_before_they_are_judged(table):
    seen = []
    odd = Transformation(
        change=lambda rows, draws: rows.assign(items=rows["items"] + draws[:, 0]),
        safe=lambda before, after: seen.append(after) or np.ones(len(after), dtype=bool),
        says="a part more",
    )
    _, rows, _ = made(*table, transformations={"odd": odd}, steps={"items": 1}, bounds={"items": (None, 8)})
    assert (rows["items"] % 1 == 0).all()
    assert rows["items"].max() == 8
    assert all((one["items"] % 1 == 0).all() for one in seen)


def test_rows_that_stay_refused_are_left_out_and_told(table):
    never = Transformation(
        change=RISE.change, safe=lambda before, after: np.zeros(len(after), dtype=bool), says="never"
    )
    with pytest.warns(UserWarning, match="40 of 40 rows were still refused after 3 redraws: left out"):
        sampler, rows, _ = made(*table, transformations={"never": never}, max_redraws=3)
    assert (len(rows), sampler.facts_["refused"], sampler.lineage_.num_rows) == (0, {"never": 160}, 0)


@pytest.mark.parametrize(
    ("change", "safe", "said"),
    [
        (lambda rows, draws: rows.head(3), RISE.safe, "expected 40 rows with the columns it was given, got 3 rows"),
        (lambda rows, draws: rows.drop(columns="town"), RISE.safe, "no column more or less"),
        (lambda rows, draws: rows.assign(amount="much"), RISE.safe, "cannot hold"),
        (lambda rows, draws: rows["nothing"], RISE.safe, "'odd' failed: KeyError"),
        (lambda rows, draws: rows.assign(amount=rows["amount"].mean()), RISE.safe, "by itself something else"),
        (RISE.change, lambda before, after: True, "expected one true or false a row, got bool of shape"),
        (RISE.change, lambda before, after: after["amount"] / 9, "expected one true or false a row, got float64"),
        (RISE.change, lambda before, after: after["nothing"], "safety predicate of 'odd' failed: KeyError"),
    ],
)
def test_what_a_writer_got_wrong_is_said_in_one_sentence(table, change, safe, said):
    odd = Transformation(change=change, safe=safe, says="odd")
    with pytest.raises(SamplingError, match=said):
        made(*table, transformations={"odd": odd})


def test_without_a_transformation_nothing_is_made(table):
    with pytest.raises(SamplingError, match="expected the name of a transformation at least"):
        ByRule().fit_resample(*table)


def test_an_installed_one_is_named_by_its_package(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(install(tmp_path, "later=LATER"))
    X = pd.DataFrame({"hour": np.arange(24.0) - 8})
    sampler = ByRule(transformations=["later"], random_state=0)
    rows, _ = sampler.fit_resample(X, np.repeat([0, 1], [16, 8]))
    assert sampler.facts_["origin"] == {"later": "acme-changes 1.2"}
    assert 15 < rows["hour"].max() < 24
    pd.testing.assert_frame_equal(again(sampler.lineage_, X), rows.iloc[24:].reset_index(drop=True))


def test_every_parameter_is_checked():
    check_param_validation("ByRule", ByRule())
    assert set(ByRule._parameter_constraints) == set(ByRule().get_params())
