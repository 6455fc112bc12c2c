"""A delivery beside the last accepted snapshot: what is broken is caught by name, and what is sound passes."""

import numpy as np
import pandas as pd
import pytest
from payments_snapshot import KINDS, project, rows

from expectations.check import check
from expectations.docs import page
from expectations.reference import Reference, refer
from rarecall.errors import DataError
from rarecall.project import Project

N = 3000


def table(seed, n=N):
    """Return a snapshot whose numbers and texts differ from one seed to the next as two samples do."""
    rng = np.random.default_rng(seed)
    return rows(
        n,
        client=np.arange(n),
        amount=rng.lognormal(3, 1, n),
        balance=rng.normal(500, 50, n),
        job=rng.choice(np.array(["nurse", "clerk", "cook"], dtype=object), n, p=[0.5, 0.3, 0.2]),
        colour=rng.choice(np.array(["red", "green"], dtype=object), n, p=[0.9, 0.1]),
    )


ABOUT = KINDS | {"balance": "numeric", "colour": "categorical"}


@pytest.fixture(scope="module")
def reference():
    return refer(table(0), project(), ABOUT)


def found(frame, reference, about=None, kinds=ABOUT):
    verdict = check(frame, about or project(), kinds, reference=reference)
    return verdict, {(finding.severity, finding.column or finding.expectation) for finding in verdict.findings}


def critical(frame, reference, kinds=ABOUT):
    verdict, _ = found(frame, reference, kinds=kinds)
    return " | ".join(finding.sentence for finding in verdict.findings if finding.severity == "critical")


def test_another_sample_of_the_same_table_passes_in_silence(reference):
    verdict, _ = found(table(1), reference)
    assert verdict.findings == ()
    assert verdict.accepted.all()


def test_twice_as_many_rows_pass_in_silence(reference):
    assert found(table(1, 2 * N), reference)[0].findings == ()


def half(n=N):
    return np.arange(n) < 0.3 * n


CORRUPTED = {
    "30% of a column is missing": (lambda t: t.assign(job=t["job"].mask(half())), "'job' to be missing"),
    "a unit of another size": (lambda t: t.assign(amount=t["amount"] * 100), "'amount'"),
    "pounds for kilograms": (lambda t: t.assign(amount=t["amount"] * 0.45), "times what it held"),
    "two columns of numbers changed places": (
        lambda t: t.rename(columns={"amount": "balance", "balance": "amount"}),
        "'amount' from",
    ),
    "two columns of texts changed places": (
        lambda t: t.rename(columns={"job": "colour", "colour": "job"}),
        "'job' to hold what it held in the last accepted snapshot, got what 'colour' held",
    ),
    "the file ends early": (lambda t: t.head(N // 5), "25% of the last accepted snapshot's 3000 rows, got 600"),
    "the label is inverted": (
        lambda t: t.assign(fraud=np.where(t["fraud"] == "yes", "no", "yes")),
        "of the rare class",
    ),
    "a feature is gone": (lambda t: t.drop(columns="colour"), "the feature column 'colour'"),
}


@pytest.mark.parametrize("case", CORRUPTED)
def test_a_corrupted_delivery_is_refused_by_the_check_it_breaks(case, reference):
    spoil, sentence = CORRUPTED[case]
    frame = spoil(table(1))
    assert sentence in critical(frame, reference, {name: kind for name, kind in ABOUT.items() if name in frame})


def test_a_number_that_is_a_text_by_now_is_refused(reference):
    frame = table(1).assign(amount=table(1)["amount"].round(2).astype(str).str.replace(".", ","))
    assert "'amount' to hold numbers" in critical(frame, reference, ABOUT | {"amount": "categorical"})


def test_a_text_that_is_a_number_by_now_is_refused(reference):
    sentence = critical(table(1).assign(job=np.arange(N) % 5), reference, ABOUT | {"job": "numeric"})
    assert "'job' to hold what it held in the last accepted snapshot, got numbers" in sentence


def test_a_large_table_is_judged_in_parts_and_told_the_same(reference, monkeypatch):
    garbled = "café".encode().decode("latin-1")
    frame = table(1).assign(extra=1)
    frame["job"] = frame["job"].mask(np.arange(N) < 60, "pilot").mask(np.arange(N) == 99, garbled)
    frame["amount"] = frame["amount"].mask(np.arange(N) == 7, np.inf)
    about = edited(columns={"colour": {"values": ["red"]}}, rules={"cheap": "amount < 200"})
    whole = check(frame, about, ABOUT, reference=reference)
    monkeypatch.setattr("expectations.batches._SMALL", 0)
    parts = check(frame, about, ABOUT, reference=reference)
    assert whole.findings == parts.findings
    assert whole.reasons == parts.reasons
    assert whole.expectations == parts.expectations


def test_a_category_never_seen_is_reported_and_its_rows_stay(reference):
    verdict, told = found(table(1).assign(job=table(1)["job"].mask(np.arange(N) < 60, "pilot")), reference)
    assert ("warning", "job") in told
    assert verdict.refusal() is None
    assert verdict.accepted.all()


def test_garbled_texts_go_to_quarantine(reference):
    garbled = "café".encode().decode("latin-1")
    verdict, _ = found(table(1).assign(job=table(1)["job"].mask(np.arange(N) < 60, garbled)), reference)
    assert list(verdict.reasons) == list(range(60))
    assert verdict.reasons[0] == ("readable text: job",)


def test_sound_letters_of_other_languages_are_readable(reference):
    sound = table(1).assign(job=table(1)["job"].mask(np.arange(N) < 9, "Çelik Müller-Ångström â Ã"))
    assert found(sound, reference)[0].reasons == {}


def test_a_table_with_a_new_column_or_an_older_newest_row_is_reported(reference):
    older = table(1).assign(extra=1, event_timestamp=table(1)["event_timestamp"] - pd.Timedelta("1d"))
    verdict, _ = found(older, reference)
    told = " | ".join(finding.sentence for finding in verdict.findings)
    assert "besides 'extra'" in told
    assert "as new as the last accepted snapshot's newest" in told
    assert verdict.refusal() is None


def test_the_profile_survives_json(reference):
    assert Reference.from_dict(reference.as_dict()) == reference


def edited(**expectations) -> Project:
    return project(expectations=expectations)


def test_a_column_is_switched_off_demoted_and_made_critical(reference):
    broken = table(1).assign(amount=table(1)["amount"] * 100)
    about = {how: edited(columns={"amount": {"severity": how}}) for how in ("off", "warning", "critical")}
    assert found(broken, reference, about["off"])[1] == set()
    verdict, told = found(broken, reference, about["warning"])
    assert verdict.refusal() is None
    assert told == {("warning", "amount")}
    assert {severity for severity, _ in found(broken, reference, about["critical"])[1]} == {"critical"}


def test_a_column_that_is_gone_can_be_let_go(reference):
    frame, kinds = table(1).drop(columns="colour"), {name: kind for name, kind in ABOUT.items() if name != "colour"}
    verdict, _ = found(frame, reference, edited(columns={"colour": {"severity": "off"}}), kinds)
    assert verdict.refusal() is None


def test_a_column_of_ones_own_bounds_sends_rows_to_quarantine(reference):
    about = edited(columns={"job": {"values": ["nurse", "clerk"]}, "balance": {"min": 0, "max": 650}})
    frame = table(1)
    verdict, _ = found(frame, reference, about)
    wrong = (frame["job"] == "cook") | (frame["balance"] > 650)
    assert list(verdict.reasons) == frame.loc[wrong, "row_id"].tolist()


def test_a_rule_judges_rows_and_a_critical_one_the_run(reference):
    frame = table(1)
    verdict, _ = found(frame, reference, edited(rules={"cheap": "amount < 200 or job == 'nurse'"}))
    broken = (frame["amount"] >= 200) & (frame["job"] != "nurse")
    assert list(verdict.reasons) == frame.loc[broken, "row_id"].tolist()
    assert set(verdict.reasons.values()) == {("rule cheap",)}
    strict = edited(rules={"cheap": {"that": "amount < 200", "severity": "critical"}})
    assert "every row to satisfy cheap" in found(frame, reference, strict)[0].refusal()


def test_a_stale_table_is_refused_where_freshness_is_asked():
    verdict = check(rows(), edited(freshness="2d"), KINDS, stale=True)
    assert "to be at most 2 days, 0:00:00 old, got a table whose newest row is of 2026-01-20" in verdict.refusal()
    assert check(rows(), edited(freshness="2d"), KINDS).findings == ()


def test_a_column_that_there_is_not_is_named():
    with pytest.raises(DataError, match=r"expectations.columns.amout: the table has no column 'amout'; did you mean"):
        check(rows(), edited(columns={"amout": {"min": 0}}), KINDS)
    with pytest.raises(DataError, match=r"expectations.rules.order: the table has no column 'ammount'"):
        check(rows(), edited(rules={"order": "ammount > 0"}), KINDS)


def test_data_docs_read_offline_and_are_the_same_for_the_same_verdict(reference):
    pages = {page(found(table(1).assign(extra=1), reference)[0], "payments", "key") for _ in range(2)}
    [html] = pages
    assert "<script src=" not in html
    assert "stylesheet" not in html
    assert "amount" in html
