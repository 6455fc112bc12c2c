"""The check, asked with the real Great Expectations on small snapshots and one real table."""

import os
from pathlib import Path

import great_expectations as gx
import great_expectations.expectations as gxe
import numpy as np
import pytest
from payments_snapshot import KINDS, project, rows, without

from expectations.check import check
from expectations.suite import suite
from rarecall import project as project_file
from rarecall.errors import DataError, RarecallError
from rarecall.intake import snapshot, source

DATA = Path(os.environ.get("RARECALL_DATA", Path(__file__).parents[3] / "shared" / "data"))
EXAMPLES = Path(__file__).parents[2] / "examples"


def test_a_sound_snapshot_is_accepted_whole():
    verdict = check(rows(), project(), KINDS)
    assert verdict.findings == ()
    assert verdict.refusal() is None
    assert verdict.accepted.all()
    assert verdict.reasons == {}
    assert verdict.expectations == len(suite(project(), KINDS).expectations)


def test_a_table_without_time_or_entity_needs_neither():
    about = project(entity=[], timestamp=None)
    frame = rows(event_timestamp=snapshot.UNTIMED).drop(columns=["client", "paid_on"])
    assert check(frame, about, KINDS).findings == ()


WARNINGS = {
    "a feature that is almost never known": (
        rows(200, amount=[1.0, 2.0] + [np.nan] * 198)[1:],  # 1 of 199 rows
        ["'amount' to be known in at least 1% of the rows", "'amount' to take at least 2 values"],
    ),
    "a feature that never varies": (rows(job="clerk"), ["'job' to take at least 2 values, got 1;"]),
    "a cohort that is mostly unknown": (
        rows(region=without("region", range(11))),
        ["'region' to be known in at least 50% of the rows, got 11 of 20 rows otherwise"],
    ),
    "a cohort without a positive": (
        rows(region=["east"] * 2 + ["north"] * 18, fraud=["no", "no"] + ["yes", "no"] * 9),
        ["every cohort of 'region' to hold a positive, got 2 of 20 rows otherwise, such as 'east'"],
    ),
    "a cohort that looks like a date": (
        rows(region=["2026-01-01"] * 2 + ["2026-01-02"] * 18, fraud=["no", "no"] + ["yes", "no"] * 9),
        ["every cohort of 'region' to hold a positive, got 2 of 20 rows otherwise, such as '2026-01-01'"],
    ),
    "a band without a positive": (
        rows(age=[75.0] * 2 + [35.0] * 18, fraud=["no", "no"] + ["yes", "no"] * 9),
        ["every cohort of 'age' to hold a positive, got 2 of 20 rows otherwise, such as '>=60'"],
    ),
}


@pytest.mark.parametrize("case", WARNINGS)
def test_a_warning_is_reported_and_rejects_no_row(case):
    frame, beginnings = WARNINGS[case]
    verdict = check(frame, project(), KINDS)
    assert verdict.refusal() is None
    assert verdict.accepted.all()
    assert len(verdict.findings) == len(beginnings)
    for finding, beginning in zip(verdict.findings, beginnings, strict=True):
        assert finding.severity == "warning"
        assert finding.sentence.startswith(f"expected {beginning}")


def test_a_cohort_with_edges_must_hold_numbers():
    with pytest.raises(DataError, match="cohort age: expected numbers between its edges, got 'old'"):
        check(rows(age=["old"] * 20), project(), KINDS)


@pytest.mark.parametrize("name", ["a b", "it's", "#1", 'a"b', "a`b", "a\\b", "from", "é", "$PARAMETER"])
def test_a_column_may_have_any_name(name):
    """Great Expectations evaluates row conditions and parameter names as code, so the suite uses neither with one."""
    about = project(entity=name, cohorts=[name], label={"column": f"{name}!", "positive": "yes"})
    frame = rows().rename(columns={"client": name, "fraud": f"{name}!"})
    frame[f"{name}?"] = frame["amount"]
    verdict = check(frame, about, {f"{name}?": "numeric"})
    assert verdict.refusal() is None
    assert {finding.expectation for finding in verdict.findings} <= {"expect_column_values_to_be_in_set"}


@pytest.mark.parametrize(
    "erring",
    [
        gxe.ExpectColumnMaxToBeBetween(column="job", max_value=3),  # a text has no maximum among numbers
        gxe.ExpectColumnValuesToNotBeNull(column="nowhere"),  # errs in its metrics, which is told another way
    ],
)
def test_an_expectation_that_errs_is_our_fault_and_not_the_datas(erring):
    edited = suite(project(), KINDS)
    edited.add_expectation(erring)
    column = erring.column
    with pytest.raises(RarecallError, match=f"{erring.expectation_type}: {column} could not be evaluated") as caught:
        check(rows(), project(), KINDS, edited)
    assert not isinstance(caught.value, DataError)


def test_an_expectation_of_the_users_own_is_asked_of_the_accepted_rows():
    edited = suite(project(), KINDS)
    edited.add_expectation(gxe.ExpectColumnMaxToBeBetween(column="amount", max_value=10, severity="warning"))
    verdict = check(rows(), project(), KINDS, edited)
    assert [finding.sentence for finding in verdict.findings] == [
        "expected expect_column_max_to_be_between: amount, got 28.5"
    ]


def test_rows_without_an_entity_are_not_repetitions_of_each_other():
    """Even in a suite that lets them through to where uniqueness is asked."""
    lenient = gx.ExpectationSuite(
        name="lenient",
        expectations=[
            expectation
            for expectation in suite(project(), KINDS).expectations
            if expectation.configuration.kwargs.get("column") != "client"
        ],
    )
    frame = rows(
        client=without("client", [3, 4]),
        event_timestamp=[*rows()["event_timestamp"][:4], *rows()["event_timestamp"][3:19]],
    )
    assert check(frame, project(), KINDS, lenient).refusal() is None


def test_an_unknown_scope_is_not_passed_over():
    edited = gx.ExpectationSuite(name="e", expectations=[gxe.ExpectColumnToExist(column="y", meta={"scope": "row"})])
    with pytest.raises(RarecallError, match="has the scope 'row'; did you mean 'rows'"):
        check(rows(), project(), KINDS, edited)


def test_nothing_is_printed(capfd):
    check(rows(fraud=without("fraud", [3])), project(), KINDS)
    assert capfd.readouterr() == ("", "")


def test_the_same_rows_get_the_same_findings():
    """A finding is a fact of a version, so it may hold nothing that differs between two runs."""
    frame = rows(job="clerk", fraud=without("fraud", [3]))
    first, second = (check(frame, project(), KINDS) for _ in range(2))
    assert [f.as_dict() for f in first.findings] == [f.as_dict() for f in second.findings]
    assert first.reasons == second.reasons


@pytest.mark.skipif(not DATA.is_dir(), reason="the real tables are not here")
def test_bank_marketing_passes():
    """A real table: nothing is critical, no row is rejected, and the thin cohorts of the real table are named."""
    about = project_file.load(EXAMPLES / "bank-marketing", {"RARECALL_DATA": str(DATA)})
    taken, facts = snapshot.take(source.read(about.source, about.missing.markers), about)
    verdict = check(taken, about, facts["features"])
    assert verdict.refusal() is None
    assert verdict.accepted.sum() == len(taken) == 45_211
