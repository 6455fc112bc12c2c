"""Each section holds what its key can mean, and refuses the rest in one sentence."""

from datetime import timedelta

import pytest
from pydantic import BaseModel, ValidationError

from rarecall.sections import (
    Augmentation,
    Canary,
    Cohort,
    Costs,
    Features,
    Gates,
    Label,
    Labels,
    Missing,
    Monitoring,
    Privacy,
    Section,
    Source,
    Split,
    Stores,
    ThresholdPolicy,
    Training,
)


def faults(section: type[BaseModel], **values) -> list[str]:
    with pytest.raises(ValidationError) as refusal:
        section.model_validate(values)
    return [fault["msg"] for fault in refusal.value.errors()]


def test_the_defaults_are_the_measures_of_the_product():
    gates, augmentation = Gates(), Augmentation()
    assert (gates.minority_recall, gates.minority_precision, gates.f1_minority) == (0.80, 0.70, 0.75)
    assert (gates.train_test_gap, gates.label_noise_rate) == (0.10, 0.02)
    assert (gates.synthetic_share_min, gates.synthetic_share_max) == (0.10, 0.50)
    assert (augmentation.k, augmentation.sampler) == (5, "adasyn")
    assert gates.synthetic_share_min <= augmentation.synthetic_share <= gates.synthetic_share_max
    assert Canary().share == 0.05


@pytest.mark.parametrize("section", Section.__subclasses__(), ids=lambda section: section.__name__)
def test_every_field_says_what_it_is(section):
    assert [name for name, field in section.model_fields.items() if not field.description] == []


@pytest.mark.parametrize("section", [Source, Label, Features, Missing, Cohort, Split, Labels, Training, Gates, Stores])
def test_a_key_that_nobody_reads_is_refused(section):
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        section.model_validate({"nobody_reads_this": 1})


def test_a_section_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        Gates().minority_recall = 0.1


@pytest.mark.parametrize("values", [{}, {"path": "a.csv", "query": "SELECT 1", "url": "sqlite://"}])
def test_a_source_is_one_way_in(values):
    assert faults(Source, **values) == ["Value error, expected one of a path, a query and deliveries: true"]


@pytest.mark.parametrize("values", [{"query": "SELECT 1"}, {"path": "a.csv", "url": "sqlite://"}])
def test_a_query_and_its_url_go_together(values):
    assert faults(Source, **values) == ["Value error, expected a query and its url together"]


def test_a_password_is_not_in_a_sources_repr():
    assert "s3cret" not in repr(Source(query="SELECT 1", url="postgresql://ann:s3cret@db/x"))


@pytest.mark.parametrize("positive", ["yes", 1, 1.5, True, 0, "50000+"])
def test_the_positive_value_keeps_its_type(positive):
    kept = Label(column="y", positive=positive).positive
    assert (kept, type(kept)) == (positive, type(positive))


@pytest.mark.parametrize("positive", [None, [1], {"a": 1}])
def test_a_positive_value_that_no_cell_holds_is_one_fault(positive):
    (fault,) = faults(Label, column="y", positive=positive)
    assert "expected one value" in fault


@pytest.mark.parametrize(
    ("text", "delay"),
    [
        ("14d", timedelta(days=14)),
        ("1.5 days", timedelta(hours=36)),
        ("36h", timedelta(hours=36)),
        ("90m", timedelta(minutes=90)),
        ("P14D", timedelta(days=14)),
        ("1 day", timedelta(days=1)),
    ],
)
def test_a_delay_reads_as_a_person_writes_it(text, delay):
    assert Label(column="y", positive=1, delay=text).delay == delay


@pytest.mark.parametrize("delay", [14, 14.0, True])
def test_a_delay_without_a_unit_is_not_taken_for_seconds(delay):
    (fault,) = faults(Label, column="y", positive=1, delay=delay)
    assert "expected a duration with its unit" in fault


@pytest.mark.parametrize("delay", ["-3d", "soon", "99999999999999d", ""])
def test_a_delay_that_is_none_is_one_fault(delay):
    assert len(faults(Label, column="y", positive=1, delay=delay)) == 1


def test_a_label_survives_its_json():
    label = Label(column="y", positive="yes", delay="14d")
    assert Label.model_validate(label.model_dump(mode="json")) == label


def test_markers_may_be_numbers_and_one_stands_for_a_list():
    assert Missing(markers=[-999, "?", 0.5]).markers == ["-999", "?", "0.5"]
    assert Missing(markers="unknown").markers == ["unknown"]


@pytest.mark.parametrize("marker", [False, None, ["?"]])
def test_a_marker_is_text_or_a_number(marker):
    assert faults(Missing, markers=[marker]) == ["Input should be a valid string"]


@pytest.mark.parametrize("edges", [[], [2, 1], [1, 1], [float("nan")], [1, float("inf")]])
def test_edges_ascend(edges):
    assert len(faults(Cohort, column="age", edges=edges)) == 1


@pytest.mark.parametrize(
    "shares", [{"train": 0.5}, {"train": 0.8, "validation": 0.2, "holdout": 0.0}, {"train": 0.4, "holdout": 0.3}]
)
def test_a_split_is_whole_and_leaves_no_part_empty(shares):
    assert len(faults(Split, **shares)) == 1


def test_tenths_that_do_not_add_up_in_binary_are_whole():
    assert Split(train=0.7, validation=0.1, holdout=0.2).train == 0.7


@pytest.mark.parametrize(
    ("section", "values"),
    [
        (Canary, {"share": 0.005}),
        (Canary, {"share": 0.2}),
        (Augmentation, {"k": 0}),
        (Augmentation, {"synthetic_share": 1.0}),
        (Augmentation, {"sampler": "smite"}),
        (Labels, {"folds": 1}),
        (Monitoring, {"report_rows": 1}),
        (Gates, {"confidence": 0.5}),
        (Gates, {"minority_recall": 1.1}),
        (Gates, {"minority_recall": float("nan")}),
        (Gates, {"synthetic_share_min": 0.6}),
        (Gates, {"min_positives": 0}),
        (Gates, {"approval": "asked"}),
        (Gates, {"approval_timeout": 3}),
        (Gates, {"approval_timeout": "0d"}),
        (Training, {"learner": "catboost"}),
        (Features, {"kinds": {"age": "number"}}),
    ],
)
def test_what_is_out_of_bounds_is_one_fault(section, values):
    assert len(faults(section, **values)) == 1


def test_a_home_is_a_folder():
    assert faults(Stores, home="s3://bucket/home") == ["Value error, expected a folder, got a URI"]


def test_a_tracking_uri_is_not_in_a_repr():
    assert "s3cret" not in repr(Stores(mlflow="https://u:s3cret@h", feast_registry="postgresql://u:s3cret@h/x"))
    assert "s3cret" not in repr(Stores(online="redis://:s3cret@h:6379/0"))


def test_synthetic_rows_stray_and_stay_at_home_unless_said_otherwise():
    assert Augmentation().off_segment == "auto"
    assert (Privacy().attack, Privacy().export) == (True, False)


@pytest.mark.parametrize("value", [-0.1, "far", True, None, float("inf")])
def test_a_straying_that_is_none_is_refused_in_one_sentence(value):
    assert faults(Augmentation, off_segment=value) == [f"Value error, expected a number from 0 or auto, got {value}"]


@pytest.mark.parametrize("url", ["localhost:6379", "http://u:s3cret@h/0"])
def test_online_features_are_in_a_redis_by_its_url(url):
    (fault,) = faults(Stores, online=url)
    assert "expected redis://host:port/db (rediss:// with TLS), got" in fault
    assert "s3cret" not in fault
    assert Stores(online="rediss://h:6380/1").online == "rediss://h:6380/1"


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"policy": "budget", "alerts_per_day": 50},
        {"policy": "cost", "costs": {"false_negative": 100, "false_positive": 1, "true_positive": -20}},
    ],
)
def test_a_threshold_has_what_its_policy_reads(values):
    assert ThresholdPolicy.model_validate(values).policy == values.get("policy", "precision_floor")


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"policy": "cost"}, "costs"),
        ({"policy": "budget"}, "alerts_per_day"),
        ({"alerts_per_day": 50}, "alerts_per_day"),
        ({"policy": "cost", "alerts_per_day": 50}, "costs"),
    ],
)
def test_a_threshold_without_what_its_policy_reads_is_refused(values, key):
    policy = {"costs": "cost", "alerts_per_day": "budget"}[key]
    assert f"expected {key} with policy: {policy} and only there" in faults(ThresholdPolicy, **values)[0]


def test_a_mistake_costs_more_than_the_right_answer():
    told = faults(Costs, false_negative=1, false_positive=1, true_positive=2)
    assert "expected a mistake to cost more than the right answer" in told[0]
