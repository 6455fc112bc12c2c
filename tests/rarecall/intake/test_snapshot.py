"""A snapshot holds a source's rows as they came, with settled types, or says in one sentence why it cannot."""

from datetime import date, datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from rarecall import digest
from rarecall.errors import DataError
from rarecall.intake import snapshot, source
from rarecall.project import Project
from rarecall.sections import Source

N = 20


def about(**changes) -> Project:
    plain = {"name": "p", "source": {"path": "t.csv"}, "label": {"column": "y", "positive": "yes"}}
    return Project.model_validate(plain | {"augmentation": {"sampler": "none"}} | changes)


def frame(**columns) -> pd.DataFrame:
    return pd.DataFrame({"y": ["yes", "no"] * (N // 2), "x": np.arange(N) * 1.5} | columns)


def taken(table: pd.DataFrame, **changes) -> tuple[pd.DataFrame, dict]:
    return snapshot.take(table, about(**changes))


def settled(column, **changes) -> tuple[list, str, str]:
    """Return what one column becomes: its values, its type, and its kind or the reason why it is skipped."""
    rows, facts = taken(frame(c=column), **changes)
    return rows["c"].tolist(), str(rows["c"].dtype), facts["features"].get("c") or facts["skipped"]["c"]


def refusal(table: pd.DataFrame, **changes) -> str:
    with pytest.raises(DataError) as error:
        taken(table, **changes)
    assert "\n" not in str(error.value)
    return str(error.value)


# What is added


def test_rows_stay_in_their_order_with_their_offset_and_a_moment():
    table = frame().sample(frac=1, random_state=0)
    rows, facts = taken(table)
    assert rows["row_id"].tolist() == list(range(N))
    assert rows["x"].tolist() == table["x"].tolist()
    assert list(rows.columns) == ["row_id", "event_timestamp", "y", "x"]
    assert (facts["rows"], facts["columns"], facts["positives"], facts["prevalence"]) == (N, 2, N // 2, 0.5)


def test_the_table_that_was_given_is_not_changed():
    table = frame(c=[3.0, None] * 10).rename(columns={"x": 7})
    before = table.copy()
    taken(table, features={"kinds": {"c": "categorical"}})
    pd.testing.assert_frame_equal(table, before)


def test_a_table_without_time_stands_at_one_moment():
    rows, facts = taken(frame())
    assert rows["event_timestamp"].unique().tolist() == [snapshot.UNTIMED]
    assert (facts["first"], facts["last"]) == (None, None)


# Kinds


@pytest.mark.parametrize(
    ("column", "values", "dtype", "kind"),
    [
        (range(N), [0, 1], "int64", "numeric"),
        (np.arange(N, dtype="int8"), [0, 1], "int64", "numeric"),
        (np.arange(N, dtype="uint16"), [0, 1], "float64", "numeric"),
        (np.arange(N, dtype="float32"), [0, 1], "float64", "numeric"),
        (pd.array([1, None, 3, 4] * 5, dtype="Int64"), [1, None], "float64", "numeric"),
        (pd.array(range(N), dtype="Int64"), [0, 1], "int64", "numeric"),
        (pd.Series([1, None, 3, 4] * 5, dtype=object), [1, None], "float64", "numeric"),
        ([Decimal("1.50"), None, Decimal(2), Decimal(3)] * 5, [1.5, None], "float64", "numeric"),
        ([True, False] * 10, ["true", "false"], "object", "categorical"),
        ([True, None, False, True] * 5, ["true", None], "object", "categorical"),
        (pd.array([True, None, False, True] * 5, dtype="boolean"), ["true", None], "object", "categorical"),
        (["a", None, "b", "c"] * 5, ["a", None], "object", "categorical"),
        (pd.array(["a", None, "b", "c"] * 5, dtype="string"), ["a", None], "object", "categorical"),
        (pd.Categorical(["a", None, "b", "c"] * 5), ["a", None], "object", "categorical"),
        ([1, "a", None, 2.5] * 5, ["1", "a"], "object", "categorical"),
        (["1", "a"] * 10, ["1", "a"], "object", "categorical"),
    ],
)
def test_a_column_is_what_its_values_are(column, values, dtype, kind):
    got, got_dtype, got_kind = settled(column)
    assert [None if pd.isna(value) else value for value in got[:2]] == values
    assert (got_dtype, got_kind) == (dtype, kind)


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        (pd.date_range("2026-01-01", periods=N), "a date"),
        ([date(2026, 1, day) for day in range(1, N + 1)], "a date"),
        ([datetime(2026, 1, day) for day in range(1, N + 1)], "a date"),  # noqa: DTZ001 - a table without zones
        (pd.to_timedelta(range(N), unit="h"), "a date"),
        ([[1, 2]] * N, "nested values"),
        ([{"a": 1}, None] * 10, "nested values"),
        ([np.array([1.0]), None] * 10, "nested values"),
        ([b"a", b"b"] * 10, "raw bytes"),
        (["same"] * N, "constant"),
        ([7, None] * 10, "constant"),
        ([None] * N, "constant"),
    ],
)
def test_a_column_that_cannot_teach_is_passed_over_with_its_reason(column, reason):
    assert settled(column)[2].startswith(reason)


def test_a_column_of_many_texts_looks_like_an_id():
    table = pd.concat([frame()] * 5, ignore_index=True).assign(c=[f"c{i}" for i in range(5 * N)])
    assert taken(table)[1]["skipped"]["c"] == "100 distinct texts look like an id"


def test_what_is_passed_over_still_stands_in_the_snapshot(tmp_path):
    columns = {"list": [[1]] * N, "day": [date(2026, 1, 1)] * N, "b": [b"x"] * N, "d": [Decimal("1.5")] * N}
    rows, _ = taken(frame(**columns))
    rows.to_parquet(tmp_path / "rows.parquet", index=False)
    assert set(columns) <= set(pd.read_parquet(tmp_path / "rows.parquet"))


def test_numbers_beside_texts_can_be_written_where_they_are_no_feature(tmp_path):
    """Such a column comes from SQLite; Parquet holds one type a column."""
    rows, _ = taken(frame(c=[1, "a"] * 10), features={"exclude": ["c"]})
    rows.to_parquet(tmp_path / "rows.parquet", index=False)
    assert pd.read_parquet(tmp_path / "rows.parquet")["c"].tolist()[:2] == ["1", "a"]


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ([3.0, None] * 10, "3"),
        ([3, 4] * 10, "3"),
        ([3.5, 4.0] * 10, "3.5"),
        ([1e300, None] * 10, "1e+300"),
        ([np.inf, 3.0] * 10, "inf"),
        ([Decimal(3), Decimal(4)] * 10, "3"),
    ],
)
def test_a_code_is_read_as_it_is_written(column, text):
    values, _, kind = settled(column, features={"kinds": {"c": "categorical"}})
    assert (values[0], kind) == (text, "categorical")


def test_a_code_reads_the_same_whether_or_not_others_are_missing():
    kinds = {"kinds": {"c": "categorical"}}
    whole, holed = settled([3, 4] * 10, features=kinds), settled([3, None] * 10, features=kinds)
    assert whole[0][0] == holed[0][0] == "3"


@pytest.mark.parametrize(
    ("column", "kind", "value"),
    [
        (["1", "2.5"] * 10, "numeric", 1.0),
        ([True, False] * 10, "numeric", 1.0),
        (["Yes", "NO"] * 10, "boolean", "yes"),
        ([1.0, 0.0] * 10, "boolean", "1"),
        ([date(2026, 1, 1), date(2026, 1, 2)] * 10, "categorical", "2026-01-01"),
    ],
)
def test_a_declared_kind_wins(column, kind, value):
    assert settled(column, features={"kinds": {"c": kind}})[0][0] == value


@pytest.mark.parametrize(
    ("column", "kind", "expected"),
    [
        (["1"] * 19 + ["n/a"], "numeric", "'c' is declared numeric, but row 19 holds 'n/a'; declare it categorical or"),
        (["1"] * 19 + ["long\nand " * 99], "numeric", "row 19 holds 'long\\nand long"),
        (pd.date_range("2026-01-01", periods=N), "numeric", "is declared numeric, but holds a date"),
        ([[1]] * N, "categorical", "is declared categorical, but holds nested values"),
        ([b"a"] * N, "numeric", "is declared numeric, but holds raw bytes"),
    ],
)
def test_a_declared_kind_that_does_not_hold_is_refused(column, kind, expected):
    assert expected in refusal(frame(c=column), features={"kinds": {"c": kind}})


def test_include_and_exclude_choose():
    table = frame(a=["u", "v"] * 10, b=["w", "z"] * 10)
    assert set(taken(table)[1]["features"]) == {"x", "a", "b"}
    assert set(taken(table, features={"exclude": ["a"]})[1]["features"]) == {"x", "b"}
    assert set(taken(table, features={"include": ["b"]})[1]["features"]) == {"b"}


def test_label_time_and_entity_are_no_features():
    table = frame(t=pd.date_range("2026-01-01", periods=N).astype(str), who=range(N))
    assert set(taken(table, timestamp="t", entity="who")[1]["features"]) == {"x"}


def test_an_included_column_is_a_feature_though_it_looks_like_an_id():
    table = pd.concat([frame()] * 5, ignore_index=True).assign(c=[f"c{i}" for i in range(5 * N)])
    assert taken(table, features={"include": ["c"]})[1]["features"] == {"c": "categorical"}


@pytest.mark.parametrize(
    ("table", "features"),
    [
        (frame(), {"exclude": ["x"]}),
        (frame(x=5), {}),
        (frame(x=pd.date_range("2026-01-01", periods=N)), {}),
        (frame(x=[[1]] * N), {"include": ["x"]}),
        (frame(), {"include": ["x"], "exclude": ["x"]}),
        (frame()[["y"]], {}),
        (frame(), {"include": []}),
    ],
)
def test_no_usable_feature_is_refused(table, features):
    assert refusal(table, features=features).startswith("features: no usable column is left")


# The label


@pytest.mark.parametrize(
    ("values", "positive"),
    [
        (["yes", "no"], "yes"),
        ([" yes", "no "], "yes"),
        ([1, 0], 1),
        ([1, 0], "1"),
        ([1, 0], True),
        ([1.0, 0.0], 1),
        (["1", "0"], 1),
        ([True, False], True),
        ([True, False], "TRUE"),
        ([True, False], "true"),
        ([Decimal("1.00"), Decimal(0)], 1),
        ([">50K", "<=50K"], ">50K"),
        ([2.5, 1], 2.5),
    ],
)
@pytest.mark.parametrize("missing", [False, True])
def test_the_rare_class_is_found_whatever_type_holds_it(values, positive, missing):
    """With and without missing labels, which change the type that pandas gives a column."""
    column = pd.Series([*values, None] if missing else values)
    found = snapshot.positives(column, about(label={"column": "y", "positive": positive}))
    assert found.tolist() == ([True, False, pd.NA] if missing else [True, False])


@pytest.mark.parametrize("dtype", ["category", "string", "object"])
def test_the_rare_class_is_found_in_every_text_type(dtype):
    column = pd.Series(["yes", "no", None], dtype=dtype)
    assert snapshot.positives(column, about()).tolist() == [True, False, pd.NA]


def test_missing_labels_are_neither():
    _, facts = taken(frame(y=["yes", "no", None, "no"] * 5))
    assert (facts["rows"], facts["positives"]) == (N, 5)
    assert facts["prevalence"] == pytest.approx(1 / 3, abs=1e-6)


@pytest.mark.parametrize(
    ("y", "changes", "expected"),
    [
        ([None] * N, {}, "label.column: every value of 'y' is missing"),
        (["no"] * N, {}, "label.positive: 'yes' never occurs in 'y'; it has no"),
        (["YES", "no"] * 10, {}, "'yes' never occurs in 'y'; did you mean 'YES'?"),
        (["yes", "no"] * 10, {"label": {"column": "y", "positive": True}},
         "True never occurs in 'y' (YAML reads yes and no without quotes as booleans: quote it)"),
        ([1, 0] * 10, {}, "'yes' never occurs in 'y'; it has 0, 1"),
        ([1, 0] * 10, {"label": {"column": "y", "positive": 2}}, "2 never occurs"),
        (["yes"] * N, {}, "label.column: 'y' is constant: every known value is 'yes'"),
        (["yes", None] * 10, {}, "label.column: 'y' is constant"),
        (["yes"] + ["no"] * (N - 1), {}, "label.column: 'y' has one positive row"),
        (["yes"] * 5 + ["no"] * 15, {"augmentation": {"k": 5}},
         "augmentation.k: 5 neighbours need more than 5 positive rows, got 5; lower augmentation.k"),
        (["line\nbreak", "other"] * 10, {}, "it has line break, other"),
    ],
)  # fmt: skip
def test_a_label_that_cannot_be_learned_is_refused(y, changes, expected):
    assert expected in refusal(frame(y=y), **changes)


def test_k_matters_only_where_neighbours_are_asked():
    few = frame(y=["yes"] * 2 + ["no"] * 18)
    assert taken(few)[1]["positives"] == 2
    assert "augmentation.k" in refusal(few, augmentation={"sampler": "adasyn"})


# Names


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"label": {"column": "Y", "positive": "yes"}}, "label.column"),
        ({"timestamp": "when"}, "timestamp"),
        ({"entity": ["who"]}, "entity"),
        ({"features": {"include": ["z"]}}, "features.include"),
        ({"features": {"exclude": ["z"]}}, "features.exclude"),
        ({"features": {"kinds": {"z": "numeric"}}}, "features.kinds"),
        ({"cohorts": ["z"]}, "cohorts"),
    ],
)
def test_a_column_that_is_named_and_not_there_is_refused(changes, key):
    assert refusal(frame(), **changes).startswith(f"{key}: the table has no column")


def test_the_nearest_column_is_pointed_at():
    assert "did you mean 'is_fraud'?" in refusal(
        frame().rename(columns={"y": "is_fraud"}), label={"column": "is_fraudd", "positive": "yes"}
    )


@pytest.mark.parametrize(
    "name", ["row_id", "event_timestamp", "created", "is_synthetic", "parent_id", "step", "ROW_ID"]
)
def test_a_name_that_the_product_adds_is_refused(name):
    assert f"the column {name!r} has a name that the product adds itself" in refusal(frame(**{name: 1}))


@pytest.mark.parametrize("name", ["label", "Label"])
def test_another_column_named_label_is_refused(name):
    assert f"the column {name!r} is not label.column" in refusal(frame(**{name: 1}))


def test_the_label_itself_may_be_named_label():
    assert taken(frame().rename(columns={"y": "label"}), label={"column": "label", "positive": "yes"})[1]["positives"]


@pytest.mark.parametrize("names", [["y", "x", "x"], ["y", "x", "X"], ["y", 7, "7"]])
def test_two_columns_of_one_name_are_refused(names):
    """The feature store's SQL would read the first for the second, and say nothing."""
    table = frame(c=1).set_axis(names, axis=1)
    assert "have one name in SQL; rename one in the source" in refusal(table)


def test_names_that_are_no_text_become_text():
    rows, facts = taken(frame().rename(columns={"x": 2026}), cohorts=["2026"])
    assert facts["features"] == {"2026": "numeric"}
    assert "2026" in rows


# Time


def moments(values, **changes) -> list[str]:
    rows, _ = taken(frame(t=values), timestamp="t", **changes)
    assert str(rows["event_timestamp"].dtype) == "datetime64[us, UTC]"
    return [moment.isoformat() for moment in rows["event_timestamp"]]


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2026-03-01", "2026-03-01T00:00:00+00:00"),
        ("2026-03-01T12:00:00Z", "2026-03-01T12:00:00+00:00"),
        ("2026-03-01 12:00", "2026-03-01T12:00:00+00:00"),
        ("2026-03-01T12:00:00+02:00", "2026-03-01T10:00:00+00:00"),
        ("2026-03-01T12:00:00.123456789", "2026-03-01T12:00:00.123456+00:00"),
        (date(2026, 3, 1), "2026-03-01T00:00:00+00:00"),
        (pd.Timestamp("2026-03-01", tz="Europe/Berlin"), "2026-02-28T23:00:00+00:00"),
        (pd.Timestamp("2026-03-01 12:00"), "2026-03-01T12:00:00+00:00"),
    ],
)
def test_a_moment_is_in_utc_and_microseconds(value, moment):
    assert moments([value] * N)[0] == moment


def test_zones_may_be_mixed():
    assert moments(["2026-03-01T00:00:00+01:00", "2026-03-01"] * 10)[:2] == [
        "2026-02-28T23:00:00+00:00",
        "2026-03-01T00:00:00+00:00",
    ]


def test_first_and_last_are_facts():
    _, facts = taken(frame(t=pd.date_range("2026-01-01", periods=N).astype(str)), timestamp="t")
    assert (facts["first"], facts["last"]) == ("2026-01-01T00:00:00+00:00", "2026-01-20T00:00:00+00:00")


def test_a_missing_moment_is_the_checks_to_judge():
    rows, _ = taken(frame(t=["2026-01-01"] * 19 + [None]), timestamp="t")
    assert rows["event_timestamp"].isna().sum() == 1


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["2026-01-01"] * 3 + ["soon"] * 17,
         "timestamp: row 3 of 't' holds 'soon' (17 of 20 rows are like it); expected ISO 8601"),
        (["2026-01-01"] * 19 + ["01.03.2026"], "row 19 of 't' holds '01.03.2026'"),
        (["2026-01-01"] * 19 + ["2026-02-30"], "row 19 of 't' holds '2026-02-30'"),
        (["2026-01-01"] * 19 + ["9999-12-31"], "expected ISO 8601 from 1678 to 2261"),
        (["2026-01-01"] * 19 + ["x\n" * 99], "row 19 of 't' holds 'x\\nx"),
        (range(N), "timestamp: 't' holds numbers such as 0; expected dates"),
        ([20260301] * N, "holds numbers such as 20260301"),
        ([1.7e9] * N, "holds numbers such as 1700000000.0"),
        ([True] * N, "holds numbers such as True"),
        ([None] * N, "timestamp: every value of 't' is missing; expected dates"),
        ([np.nan] * N, "timestamp: every value of 't' is missing; expected dates"),
    ],
)  # fmt: skip
def test_a_time_that_does_not_parse_is_refused(values, expected):
    assert expected in refusal(frame(t=values), timestamp="t")


# What training may read


def test_learnable_rows_hold_the_label_as_numbers_and_nothing_that_is_not_asked_for():
    project = about(entity="who", cohorts=["region", {"column": "x", "edges": [5]}])
    rows, facts = snapshot.take(frame(who=range(N), region=["n", "s"] * 10, leak=1, note="t"), project)
    kept = snapshot.learnable(rows, facts["features"], project)
    assert list(kept.columns) == ["row_id", "event_timestamp", "label", "who", "x", "region"]
    assert kept["label"].tolist() == [1, 0] * 10
    assert str(kept["label"].dtype) == "int8"


@pytest.mark.parametrize(
    ("who", "kept"),
    [([1.0, 2.0] * 10, [1, 2]), (["a", "b"] * 10, ["a", "b"]), ([1.5, 2.0] * 10, ["1.5", "2.0"])],
)
def test_an_entity_is_a_whole_number_or_a_text(who, kept):
    project = about(entity="who")
    rows, facts = snapshot.take(frame(who=who), project)
    assert snapshot.learnable(rows, facts["features"], project)["who"].tolist()[:2] == kept


def test_a_cohort_that_is_no_feature_is_kept_in_a_type_that_files_hold(tmp_path):
    project = about(cohorts=["flag", "code"], features={"exclude": ["flag", "code"]})
    rows, facts = snapshot.take(frame(flag=[True, False] * 10, code=[1, 2] * 10), project)
    kept = snapshot.learnable(rows, facts["features"], project)
    kept.to_parquet(tmp_path / "rows.parquet")
    assert kept["flag"].tolist()[:2] == ["True", "False"]
    assert kept["code"].tolist()[:2] == [1, 2]


# The file


def test_the_same_table_gives_the_same_bytes_in_any_folder(tmp_path):
    digests = set()
    for folder in ("a", "b"):
        path = tmp_path / folder
        path.mkdir()
        frame(c=["u", None] * 10, t="2026-03-01").to_csv(path / "t.csv.gz", index=False)
        project = about(timestamp="t", source={"path": str(path / "t.csv.gz")})
        rows, _ = snapshot.take(source.read(Source(path=project.source.path), ["?"]), project)
        rows.to_parquet(path / "rows.parquet", index=False)
        digests.add(digest.of_file(path / "rows.parquet"))
    assert len(digests) == 1


def test_what_is_written_is_read_back(tmp_path):
    columns = {"c": ["u", None] * 10, "n": [1, None] * 10, "b": [True, False] * 10, "t": ["2026-03-01T10:00Z"] * N}
    rows, _ = taken(frame(**columns), timestamp="t")
    rows.to_parquet(tmp_path / "rows.parquet", index=False)
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "rows.parquet"), rows)
