"""Every strategy that makes rows: exactly as many as asked for, of trusted rows alone, and made again bit for bit."""

import warnings

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from rarecall import lineage
from rarecall.augmentation import augment, together
from rarecall.errors import DataError
from rarecall.lineage import descendants, partners
from rarecall.resampling.crowd import Crowd
from rarecall.sections import Augmentation
from rarecall.strategies.known import KNOWN, MAKERS, of_kind

N, RARE = 300, 30
PARENTED = [name for name in of_kind("over") if KNOWN[name].parents]
CASES = [(name, table) for name in PARENTED for table in KNOWN[name].takes]


def drawn_from(table: str, n: int = N, rare: int = RARE) -> tuple[pd.DataFrame, dict[str, str]]:
    """Numbers whole and not, categories of one letter more, and gaps in both."""
    rng = np.random.default_rng(0)
    label = (np.arange(n) % (n // rare) == 0).astype(np.int8)
    rows = pd.DataFrame({"row_id": 1000 + np.arange(n), "event_timestamp": pd.Timestamp("2026-01-01", tz="UTC")})
    rows["event_timestamp"] += pd.to_timedelta(rng.permutation(n), "h")
    rows["label"] = label
    kinds: dict[str, str] = {}
    if table != "categorical":
        rows["sum"] = np.where(rng.random(n) < 0.1, np.nan, rng.integers(0, 90, n))
        rows["share"] = rng.random(n) + 0.3 * label
        kinds |= {"sum": "numeric", "share": "numeric"}
    if table != "numeric":
        rows["job"] = rng.choice(np.array(["cook", "nurse", None], dtype=object), n)
        rows["town"] = rng.choice(np.array(list("abcd"), dtype=object), n)
        kinds |= {"job": "categorical", "town": "categorical"}
    return rows, kinds


@pytest.fixture(scope="module", params=CASES, ids="-".join)
def made(request):
    """The rows of one strategy on one table, of which every third rare row is suspect."""
    name, table = request.param
    rows, kinds = drawn_from(table)
    eligible = np.ones(N, dtype=bool)
    eligible[np.flatnonzero(rows["label"] == 1)[::3]] = False
    asked = Augmentation(sampler=name, synthetic_share=0.3)
    return name, rows, kinds, eligible, augment(rows, kinds, eligible, asked, first_id=5000, seed=1)


def test_there_are_as_many_as_asked_for(made):
    _, _, _, _, found = made
    assert len(found.rows) == len(found.lineage) == 129
    assert found.facts["synthetic_share"] == pytest.approx(0.3, abs=0.001)


def test_the_lineage_makes_them_again_bit_for_bit(made):
    _, rows, kinds, _, found = made
    again = lineage.rebuild(found.lineage, rows[list(kinds)], ids=rows["row_id"].to_numpy())
    for name in kinds:
        pd.testing.assert_series_equal(again[name].reset_index(drop=True), found.rows[name], check_exact=True)
    some = found.lineage.take([100, 3])
    few = lineage.rebuild(some, rows[list(kinds)], ids=rows["row_id"].to_numpy())
    pd.testing.assert_frame_equal(
        few.reset_index(drop=True), found.rows[list(kinds)].iloc[[100, 3]].reset_index(drop=True)
    )


def test_no_suspect_row_has_a_part_in_any(made):
    name, rows, _, eligible, found = made
    trusted = set(rows.loc[eligible, "row_id"])
    rare = set(rows.loc[eligible & (rows["label"] == 1), "row_id"])
    assert set(found.lineage["parent_id"].to_pylist()) <= rare
    ends = {one for row in partners(found.lineage) for one in row}
    assert ends <= (trusted if KNOWN[name].crosses else rare)
    if "voter_ids" in found.lineage.column_names:
        assert {one for row in found.lineage["voter_ids"].to_pylist() for one in row} <= rare
    if crowd := Crowd.of(found.lineage):
        assert set(crowd.ids) == rare


def test_they_could_stand_in_the_table(made):
    _, rows, kinds, _, found = made
    for name, kind in kinds.items():
        values = found.rows[name].dropna()
        if kind == "categorical":
            assert set(values) <= set(rows[name].dropna())
        else:
            assert values.between(rows[name].min(), rows[name].max()).all()
    if "sum" in kinds:
        assert (found.rows["sum"].dropna() % 1 == 0).all()
    assert found.rows["row_id"].tolist() == list(range(5000, 5129))


def test_none_is_visible_before_any_row_it_was_made_of(made):
    _, rows, _, _, found = made
    moment = rows.set_index("row_id")["event_timestamp"]
    assert (found.rows["event_timestamp"].to_numpy() >= moment[found.lineage["parent_id"].to_pylist()].to_numpy()).all()
    if crowd := Crowd.of(found.lineage):
        assert (found.rows["event_timestamp"] == moment[list(crowd.ids)].max()).all()


@pytest.mark.parametrize(("name", "table"), CASES, ids=["-".join(case) for case in CASES])
@pytest.mark.parametrize("rare", [2, 6])
def test_few_rare_rows_are_enough(name, table, rare):
    """The sampler itself, which shrinks what it cannot have; the stage asks for more than `k`."""
    rows, kinds = drawn_from(table, n=60, rare=rare)
    y = rows["label"].to_numpy()
    sampler = KNOWN[name].sampler(
        {"random_state": 0, "sampling_strategy": {1: 20}, "scaling": "robust", "categorical_features": [
            column for column, kind in kinds.items() if kind == "categorical"
        ]}
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of what shrank, or fell back to SMOTE
        drawn, labels = sampler.fit_resample(rows[list(kinds)], y)
    assert (labels == 1).sum() == 20
    again = lineage.rebuild(sampler.lineage_, rows[list(kinds)])
    pd.testing.assert_frame_equal(again.reset_index(drop=True), drawn.iloc[60:].reset_index(drop=True))


@pytest.mark.parametrize("name", ["smote_nc", "prowsyn", "polynom_fit_smote", "random_over"])
def test_a_rule_and_a_cap_are_kept(name):
    rows, kinds = drawn_from("mixed")
    asked = Augmentation(sampler=name, synthetic_share=0.2, max_per_parent=4)
    found = augment(rows, kinds, np.ones(N, dtype=bool), asked, first_id=5000, seed=1, rules={"low": "share < 1.2"})
    assert (found.rows["share"] < 1.2).all()
    assert found.rows["parent_id"].value_counts().max() <= 4
    assert len(found.rows) == 75
    again = lineage.rebuild(found.lineage, rows[list(kinds)], ids=rows["row_id"].to_numpy())
    pd.testing.assert_frame_equal(again.reset_index(drop=True), found.rows[list(kinds)])


def test_what_cannot_be_had_is_left_out_and_said():
    rows, kinds = drawn_from("mixed")
    rules = {"never": "share > 9"}
    found = augment(
        rows, kinds, np.ones(N, dtype=bool), Augmentation(sampler="smote_nc"), first_id=1, seed=1, rules=rules
    )
    assert (len(found.rows), found.lineage) == (0, None)
    assert "34 of 34 rows still broke a rule" in found.facts["notes"][0]


def test_every_row_of_a_star_descends_from_every_rare_row():
    rows, kinds = drawn_from("numeric")
    found = augment(rows, kinds, np.ones(N, dtype=bool), Augmentation(sampler="polynom_fit_smote"), first_id=1, seed=1)
    rare, common = (int(rows.loc[rows["label"] == label, "row_id"].iloc[-1]) for label in (1, 0))
    assert len(descendants(found.lineage, [rare])) == len(found.rows)
    assert len(descendants(found.lineage, [common])) == 0
    assert found.rows["neighbor_id"].isna().all()
    assert found.facts["examples"][0]["neighbor"] is None
    whole = together(rows, found.rows)
    assert whole["neighbor_id"].dtype == "Int64"


def test_svm_smote_may_lead_away_from_its_neighbour():
    rows, kinds = drawn_from("numeric")
    found = augment(rows, kinds, np.ones(N, dtype=bool), Augmentation(sampler="svm_smote"), first_id=1, seed=2)
    assert found.lineage["step"].to_numpy().min() < 0


@pytest.mark.parametrize(
    ("name", "table", "said"),
    [
        ("smote", "mixed", "smote: expected numeric features, got numbers and categories; take smote_nc where"),
        ("smote_nc", "numeric", "smote_nc: expected mixed features, got numeric ones; take smote where"),
        ("smote_n", "mixed", "smote_n: expected categorical features, got numbers and categories; take smote_nc"),
        ("adasyn_nc", "categorical", "adasyn_nc: expected mixed features, got categorical ones; take adasyn"),
    ],
)
def test_a_table_it_is_not_meant_for_is_refused(name, table, said):
    rows, kinds = drawn_from(table)
    with pytest.raises(DataError) as refusal:
        augment(rows, kinds, np.ones(N, dtype=bool), Augmentation(sampler=name), first_id=1, seed=0)
    assert str(refusal.value).startswith(said)


def test_a_parameter_it_does_not_have_is_refused():
    rows, kinds = drawn_from("mixed")
    asked = Augmentation(sampler="prowsyn", parameters={"levels": 3})
    with pytest.raises(DataError, match=r"^augmentation\.parameters\.levels: prowsyn has no such parameter; did you"):
        augment(rows, kinds, np.ones(N, dtype=bool), asked, first_id=1, seed=0)


def test_a_parameter_of_its_own_is_given_and_told():
    rows, kinds = drawn_from("mixed")
    most = {}
    for theta in (0, 3):
        asked = Augmentation(sampler="prowsyn", synthetic_share=0.5, parameters={"theta": theta, "n_neighbors": 1})
        found = augment(rows, kinds, np.ones(N, dtype=bool), asked, first_id=1, seed=0)
        assert found.facts["parameters"]["theta"] == theta
        most[theta] = found.rows["parent_id"].value_counts().max()
    assert most[0] == 10
    assert most[3] > 10


def test_a_lineage_of_a_generator_names_those_that_taught_it(tmp_path):
    """What has no parents cannot be made again of them, and descends from all that its generator saw."""
    rows, kinds = drawn_from("numeric")
    found = augment(rows, kinds, np.ones(N, dtype=bool), Augmentation(sampler="polynom_fit_smote"), first_id=1, seed=1)
    crowd = Crowd.of(found.lineage)
    generated = Crowd(crowd.ids, "taught").on(found.lineage)
    pq.write_table(generated, tmp_path / "lineage.parquet")
    read = pq.read_table(tmp_path / "lineage.parquet")
    assert len(descendants(read, [crowd.ids[0]])) == len(read)
    with pytest.raises(DataError, match="expected rows with parents, got rows of a generator"):
        lineage.rebuild(read, rows[list(kinds)], ids=rows["row_id"].to_numpy())


def test_every_maker_is_a_sampler_of_ours():
    for name in of_kind(*MAKERS):
        assert hasattr(KNOWN[name].sampler({}), "fit_resample"), name
