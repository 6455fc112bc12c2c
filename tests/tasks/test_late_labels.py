"""A delivery of labels comes in whole or not at all, once, and what it says otherwise is a revision."""

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from payments_snapshot import KINDS
from payments_snapshot import project as payments_project
from payments_snapshot import rows as payments_rows

from rarecall.errors import DataError, ProjectError, StoreError
from rarecall.intake import quarantine, snapshot
from rarecall.project import Project, load
from rarecall.tables import late_labels as pure
from rarecall.tables import revisions
from rarecall.warehouse import Warehouse
from tasks import late_labels
from tasks.forget import forget
from tasks.preflight import preflight


@pytest.fixture
def project(tmp_path):
    return made(tmp_path)


def made(folder, **changes):
    values = {
        "name": "p",
        "source": {"path": "a.csv"},
        "entity": ["customer", "shop"],
        "timestamp": "at",
        "label": {"column": "fraud", "positive": 1, "table": True},
        "missing": {"markers": ["?"]},
        "stores": {"home": str(folder / "home")},
    }
    return Project.model_validate(values | changes)


@pytest.fixture
def file(tmp_path):
    """Write rows (customer, shop, at, fraud[, label_time]) to a CSV file and return its path."""

    def write(*rows, columns=("customer", "shop", "at", "fraud", "label_time"), name="labels.csv"):
        width = len(rows[0])
        pd.DataFrame(rows, columns=columns[:width]).to_csv(tmp_path / name, index=False)
        return str(tmp_path / name)

    return write


ANN, BOB = ("ann", "1", "2020-01-01"), ("bob", "1", "2020-01-02T12:00:00Z")


def counts(added):
    return {
        name: added[name] for name in ("new", "corrected", "known", "late", "confirmed", "unlabelled") if added[name]
    }


def labels_of(project):
    rows = late_labels.known(project).labels
    return dict(zip(rows["customer"], rows["label"], strict=True))


def test_a_delivery_is_counted_and_its_corrections_are_turned(project, file):
    first = late_labels.add(project, file((*ANN, 1), (*BOB, 0), ("cid", "1", "2020-01-03", "?")))
    assert counts(first) == {"new": 2, "unlabelled": 1}
    second = late_labels.add(project, file((*ANN, 0), (*BOB, 1), ("cid", "1", "2020-01-03", 0)))
    assert counts(second) == {"new": 1, "corrected": 2}
    assert (second["to_positive"], second["to_negative"]) == (1, 1)
    assert second["version"] != first["version"]
    assert labels_of(project) == {"ann": "0", "bob": "1", "cid": "0"}


def test_the_same_file_again_makes_no_version(project, file):
    said = file((*ANN, 1, "2020-02-01"), (*BOB, 0, "2020-02-01"))
    first = late_labels.add(project, said)
    again = late_labels.add(project, said)
    assert counts(again) == {"known": 2}
    assert (again["version"], again["recorded"]) == (first["version"], None)


def test_an_older_label_that_comes_late_displaces_nothing(project, file):
    late_labels.add(project, file((*ANN, 1, "2020-02-05")))
    assert counts(late_labels.add(project, file((*ANN, 0, "2020-02-01")))) == {"late": 1}
    assert labels_of(project) == {"ann": "1"}


def test_a_column_of_any_name_says_since_when(project, file, tmp_path):
    said = file((*ANN, 1, "2020-02-05"), columns=("customer", "shop", "at", "fraud", "told_on"))
    late_labels.add(project, said, label_time="told_on", label_source="bank")
    [event] = late_labels.history(project, ["customer=ann", "shop=1"])["events"]
    assert event["event_timestamp"] == "2020-01-01T00:00:00.000000Z"
    [told] = event["revisions"]
    assert (told["label_time"], told["source"], told["revision"]) == ("2020-02-05T00:00:00.000000Z", "bank", 1)


def test_history_shows_every_revision_in_the_order_in_which_it_was_told(project, file):
    for label in (1, 0, 1):
        late_labels.add(project, file((*ANN, label), (*BOB, 0)))
    found = late_labels.history(project, ["customer=ann", "shop=1"])
    assert found["entity"] == {"customer": "ann", "shop": "1"}
    told = found["events"][0]["revisions"]
    assert [(one["revision"], one["label"], one["source"]) for one in told] == [
        (1, "1", "labels.csv"), (2, "0", "labels.csv"), (3, "1", "labels.csv"),
    ]  # fmt: skip
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    with pytest.raises(DataError, match="says nothing of this customer and shop"):
        late_labels.history(project, ["customer=ann", "shop=2"])


@pytest.mark.parametrize(
    ("rows", "columns", "said"),
    [
        (
            [(*ANN, 1), (*ANN, 0)],
            None,
            "expected one label of customer=ann, shop=1 at 2020-01-01.*row 0 and '0' in row 1",
        ),
        ([("ann", "1", "soon", 1)], None, r"row 0 of 'at' holds 'soon' \(1 of 1 rows are like it\); expected ISO 8601"),
        ([(*BOB, 1), ("ann", "1", None, 1)], None, "labels.csv: expected 'at' beside every label, got none in row 1"),
        ([(*BOB, 1), (None, "1", "2020-01-01", 1)], None, "expected 'customer' beside every label, got none in row 1"),
        (
            [(*ANN, 1, "2020-02-01"), (*BOB, 1, None)],
            None,
            "expected 'label_time' beside every label, got none in row 1",
        ),
        (
            [(*ANN, 1, "2120-02-01")],
            None,
            r"expected labels of moments before .*, got 2120-02-01T00:00:00\+00:00 in row 0",
        ),
        ([(*ANN, 1, "never")], None, "row 0 of 'label_time' holds 'never'"),
        (
            [(*ANN, 1)],
            ("customr", "shop", "at", "fraud"),
            "the entity column 'customer', got no such column; did you mean",
        ),
        ([(*ANN, 1)], ("customer", "shop", "at", "frauds"), "the label column 'fraud', got no such column"),
        ([(*ANN, 1)], ("customer", "shop", "moment", "fraud"), "the timestamp column 'at', got no such column"),
    ],
)
def test_what_cannot_be_read_is_refused_and_nothing_is_added(project, file, rows, columns, said):
    late_labels.add(project, file((*BOB, 0)))
    before = late_labels.open_table(project).head()
    with pytest.raises(DataError, match=said) as refusal:
        late_labels.add(project, file(*rows, **({"columns": columns} if columns else {})))
    assert "\n" not in str(refusal.value)
    assert late_labels.open_table(project).head() == before


def test_ids_that_are_no_ids_are_refused(project, tmp_path):
    nested = pd.DataFrame({"customer": [["ann"]], "shop": 1, "at": "2020-01-01", "fraud": 1})
    nested.to_parquet(tmp_path / "nested.parquet")
    with pytest.raises(DataError, match="expected texts, whole numbers or dates as ids in 'customer'"):
        late_labels.add(project, str(tmp_path / "nested.parquet"))
    assert late_labels.open_table(project).head() is None


def test_a_file_that_is_cut_off_is_refused(project, file, tmp_path):
    whole = tmp_path / "whole.parquet"
    pd.DataFrame([(*ANN, 1)], columns=["customer", "shop", "at", "fraud"]).to_parquet(whole)
    whole.write_bytes(whole.read_bytes()[:-40])
    with pytest.raises(DataError, match="cannot be read as a whole table"):
        late_labels.add(project, str(whole))
    assert late_labels.open_table(project).head() is None


def test_deliveries_of_other_types_are_about_the_same_rows(project, file, tmp_path):
    late_labels.add(project, file((7, "08", "2020-01-01", "1.0"), (8, "08", "2020-01-01", " 0 ")))
    other = pd.DataFrame(
        {"customer": [7.0, 8.0], "shop": ["08", "08"], "at": pd.Timestamp("2020-01-01"), "fraud": [1, 0]}
    )
    other.to_parquet(tmp_path / "other.parquet")
    assert counts(late_labels.add(project, str(tmp_path / "other.parquet"))) == {"known": 2}


def test_deliveries_at_once_are_revisions_one_after_another(project, file):
    said = [file((*ANN, label), ("bob", str(label), "2020-01-01", 0), name=f"{label}.csv") for label in range(6)]
    with ThreadPoolExecutor(4) as pool:
        added = list(pool.map(lambda one: late_labels.add(project, one), said))
    assert len({one["version"] for one in added}) == 6
    told = late_labels.history(project, ["customer=ann", "shop=1"])["events"][0]["revisions"]
    assert [one["revision"] for one in told] == [1, 2, 3, 4, 5, 6]
    assert {one["label"] for one in told} == set("012345")
    assert [one["recorded"] for one in told] == sorted({one["recorded"] for one in told})


def test_forgotten_people_are_left_out(project, file):
    with Warehouse(late_labels.warehouse(project).root).write("snapshots", "k", recipe={"inputs": []}) as draft:
        held = pd.DataFrame({"row_id": [0], "customer": ["ann"], "shop": ["1"]})
        held.to_parquet(draft.folder / "rows.parquet")
    forget(project, ["customer=ann", "shop=1"], who="w", why="y")
    added = late_labels.add(project, file((*ANN, 1), (*BOB, 0)))
    assert (added["labels"], added["new"], added["forgotten"]) == (2, 1, 1)
    assert labels_of(project) == {"bob": "0"}


def test_another_label_or_project_or_entity_is_another_table(project, file, tmp_path):
    late_labels.add(project, file((*ANN, 1)))
    others = [
        made(tmp_path, name="q"),
        made(tmp_path, entity="customer"),
        made(tmp_path, label={"column": "dispute", "positive": 1, "table": True}),
    ]
    for other in others:
        assert late_labels.open_table(other).head() is None
    assert labels_of(project) == {"ann": "1"}


def test_as_of_a_moment_knows_what_had_been_told_by_then(project, file):
    first = late_labels.add(project, file((*ANN, 1)))
    late_labels.add(project, file((*ANN, 0), (*BOB, 0)))
    then = project.model_copy(update={"label": project.label.model_copy(update={"as_of": first["recorded"]})})
    assert labels_of(then) == {"ann": "1"}
    assert late_labels.known(then).content != late_labels.known(project).content
    early = project.label.model_copy(update={"as_of": pd.Timestamp("2020-01-01", tz="UTC")})
    with pytest.raises(DataError, match=r"label.as_of: expected a moment at which labels were known, got 2020-01-01"):
        late_labels.known(project.model_copy(update={"label": early}))


def test_without_labels_a_run_does_not_begin(project, tmp_path):
    source = tmp_path / "a.csv"
    source.write_text("customer\n1\n")
    there = project.model_copy(update={"source": project.source.model_copy(update={"path": str(source)})})
    with pytest.raises(DataError, match=r"label.table: p has no labels of 'fraud' yet .* rarecall labels add FILE"):
        preflight(there)
    assert late_labels.known(made(tmp_path, label={"column": "fraud", "positive": 1})) is None


def test_a_table_that_was_cut_off_is_one_sentence_and_stays_as_it_is(project, file):
    late_labels.add(project, file((*ANN, 1)))
    [part] = late_labels.open_table(project).head().file(".").glob("*.parquet")
    part.chmod(0o600)
    part.write_bytes(part.read_bytes()[:-40])
    for ask in (late_labels.known, lambda it: late_labels.add(it, file((*BOB, 1)))):
        with pytest.raises(StoreError, match=r"expected [\d,]+ bytes, got [\d,]+; restore it from a copy of the home"):
            ask(project)
    assert len(late_labels.open_table(project).versions()) == 1


def test_a_home_that_cannot_be_written_is_one_sentence(file, tmp_path):
    (tmp_path / "home").write_text("a file")
    with pytest.raises(StoreError, match=r"nothing was added|cannot be"):
        late_labels.add(made(tmp_path), file((*ANN, 1)))
    assert (tmp_path / "home").read_text() == "a file"


@pytest.mark.parametrize(
    ("positive", "said", "expected"),
    [
        (1, ["1", "0", None], [True, False, pd.NA]),
        (1.0, ["1", "unknown", None], [True, False, pd.NA]),
        (True, ["true", "false", None], [True, False, pd.NA]),
        (True, ["true", "perhaps", None], [True, False, pd.NA]),
        ("yes", ["yes", "no", None], [True, False, pd.NA]),
    ],
)
def test_labels_stand_in_the_rows_as_the_project_compares_them(tmp_path, positive, said, expected):
    project = made(tmp_path, entity="customer", label={"column": "fraud", "positive": positive, "table": True})
    moment = pd.Timestamp("2020-01-01", tz="UTC")
    known = pd.DataFrame({"customer": list("abc"), "event_timestamp": moment, "label": said})
    known = known.assign(label_time=moment, source="s", revision=1, recorded=moment).dropna()
    rows = pd.DataFrame({"customer": list("abc"), "at": "2020-01-01", "fraud": "what the source says"})
    found = pure.put(rows, known, project)
    assert snapshot.positives(found["fraud"], project).tolist() == expected
    assert list(found.columns) == ["customer", "at", "fraud"]


def test_labels_about_other_rows_are_an_error_that_shows_both(tmp_path):
    project = made(tmp_path, entity="customer")
    moment = pd.Timestamp("2020-01-01", tz="UTC")
    known = pd.DataFrame({"customer": ["a"], "event_timestamp": moment, "label": "1"})
    known = known.assign(label_time=moment, source="s", revision=1, recorded=moment)
    rows = pd.DataFrame({"customer": ["a"], "at": ["2020-01-01T00:00:01"]})
    with pytest.raises(DataError, match=r"none of 1 labels .* customer=a at 2020-01-01T00:00:00\+00:00; the first row"):
        pure.put(rows, known, project)
    assert revisions.entity_of(known) == ["customer"]


@pytest.fixture
def waiting():
    """Return a project and a snapshot of 60 days in which the last 20 wait: half for a label, half for the delay."""
    sound = payments_rows(60)
    fraud = sound["fraud"].where(sound.index < 50, np.where(sound.index % 2 == 0, "yes", None))
    label = {"column": "fraud", "positive": "yes", "delay": "10d", "table": True}
    return payments_project(label=label), sound.assign(fraud=fraud)


def test_rows_without_a_label_are_accepted_and_only_old_ones_are_judged(waiting):
    """The young rows' labels are all frauds, for nobody knows yet which of them are none."""
    from expectations.check import check  # Great Expectations, which the other tests need not wait for
    from expectations.reference import refer

    project, rows = waiting
    verdict = check(rows, project, KINDS, reference=refer(payments_rows(50), project, KINDS))
    assert verdict.accepted.all()
    assert verdict.refusal() is None
    assert not [finding for finding in verdict.findings if "prevalence" in finding.expectation]
    found = refer(rows, project, KINDS)
    assert (found.rows, found.labelled) == (60, 50)
    assert found.positives == int((rows["fraud"][:50] == "yes").sum())
    assert quarantine.unlearnable(rows, project, {}) == {}


def test_learnable_rows_hold_a_missing_label_only_where_one_is(waiting):
    project, rows = waiting
    kept = snapshot.learnable(rows, KINDS, project)
    assert (str(kept["label"].dtype), int(kept["label"].isna().sum())) == ("Int8", 5)
    assert str(snapshot.learnable(payments_rows(50), KINDS, project)["label"].dtype) == "int8"


def test_labels_of_young_rows_only_are_not_enough(waiting):
    project, rows = waiting
    young = rows.assign(fraud=rows["fraud"].where(rows.index > 54))
    with pytest.raises(DataError, match=r"expected labels of rows older than 10 days, got 2 labels, all of younger"):
        pure.counted(young, project)
    assert pure.counted(rows, project) == {"known": 55, "waiting": 5}


@pytest.mark.parametrize(
    ("label", "said"),
    [
        ({"as_of": "2026-03-01"}, "label: expected as_of beside table: true"),
        ({"table": True, "as_of": "soon"}, "label.as_of: expected a moment such as 2026-03-01T12:00:00Z, got 'soon'"),
        ({"table": True, "as_of": 20260301}, "label.as_of: expected a moment such as"),
        ({"table": True}, "label.table: expected an entity"),
    ],
)
def test_a_project_that_cannot_mean_it_is_refused(tmp_path, label, said):
    text = json.dumps({"name": "p", "source": {"path": "a"}, "label": {"column": "y", "positive": 1} | label})
    (tmp_path / "rarecall.yaml").write_text(text)
    with pytest.raises(ProjectError) as refusal:
        load(tmp_path, {})
    assert said in str(refusal.value)


def test_a_day_and_a_moment_without_a_zone_are_of_utc(tmp_path):
    for text, moment in [
        ("2026-03-01", "2026-03-01T00:00:00+00:00"),
        ("2026-03-01T12:00:00", "2026-03-01T12:00:00+00:00"),
        ("2026-03-01T12:00:00+02:00", "2026-03-01T10:00:00+00:00"),
    ]:
        (tmp_path / "rarecall.yaml").write_text(
            f"name: p\nentity: id\nsource: {{path: a}}\nlabel: {{column: y, positive: 1, table: true, as_of: {text}}}\n"
        )
        assert pd.Timestamp(load(tmp_path, {}).label.as_of) == pd.Timestamp(moment)
