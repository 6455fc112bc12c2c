"""The check: a snapshot against its suite, every judgement Great Expectations' own."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any

import great_expectations as gx
import pandas as pd
from great_expectations.core import ExpectationValidationResult
from great_expectations.expectations.expectation import Expectation
from great_expectations.expectations.metadata_types import FailureSeverity

from expectations.batches import Batches, column_of, name_of
from expectations.reference import Reference
from expectations.subjects import Subjects, check_names
from expectations.suite import SCOPES, suite
from expectations.verdict import CRITICAL, Finding, Verdict
from rarecall.errors import RarecallError, nearest
from rarecall.intake import snapshot
from rarecall.project import Project
from rarecall.tables.scan import Scan

_EXAMPLES = 3
_NOTHING = {"None", "nan", "NaT", "<NA>"}  # how a missing value shows; a text of that name has quotes


def check(
    frame: pd.DataFrame | Scan,
    project: Project,
    kinds: Mapping[str, str],
    expectations: gx.ExpectationSuite | None = None,
    *,
    reference: Reference | None = None,
    stale: bool = False,
    exempt: Mapping[int, Collection[str]] | None = None,
) -> Verdict:
    """Judge a snapshot.

    Parameters
    ----------
    frame : DataFrame or Scan of shape (n_rows, n_columns)
        A snapshot's rows, as `rarecall.intake.snapshot.take` gives them: the source's columns, `row_id` and
        `event_timestamp`.
    project : Project
    kinds : mapping of str to {"numeric", "categorical"}
        The features and their kinds.
    expectations : ExpectationSuite, optional
        An edited suite; by default the one that is generated from the project, the kinds and the reference.
    reference : Reference, optional
        What the last accepted snapshot was.
    stale : bool
        Whether the newest row was older than `expectations.freshness` when the run began: only the caller has a clock.
    exempt : mapping of int to collection of str, optional
        For the `row_id` of a row that a person released, the expectations about rows that it need not hold.

    Returns
    -------
    Verdict
        Ask its `refusal()` first: after a critical failure the scopes that follow have not been asked.

    Raises
    ------
    RarecallError
        An expectation could not be evaluated, or asks for a scope that there is not: a fault of the suite, which says
        nothing about the rows.
    DataError
        A cohort with edges holds what is not a number, or the project file names a column that there is not.

    Examples
    --------
    >>> project = Project.model_validate(
    ...     {"name": "p", "source": {"path": "a.csv"}, "label": {"column": "y", "positive": "yes"}})
    >>> rows = pd.DataFrame({"y": ["yes", "no", None, "yes", "no"], "age": [20, 30, 40, float("inf"), 60]})
    >>> rows = rows.assign(row_id=range(5), event_timestamp=snapshot.UNTIMED)
    >>> verdict = check(rows, project, {"age": "numeric"})
    >>> verdict.reasons
    {2: ('expect_column_values_to_not_be_null: y',), 3: ('expect_column_values_to_not_be_in_set: age',)}
    >>> print(verdict.refusal())
    expected at least 2 rows whose 'y' is 'yes', got 2 of 3 rows otherwise, such as 'no'; correct label.column and \
label.positive, or deliver rows of both classes; 2 of 5 rows were rejected: expect_column_values_to_not_be_null: y \
(1), expect_column_values_to_not_be_in_set: age (1)
    """
    check_names(frame, project)
    rows = frame.reset_index(drop=True) if isinstance(frame, pd.DataFrame) else frame
    batches = Batches()
    subjects = Subjects(rows, project, kinds, reference, stale=stale)
    asked = _by_scope(expectations or suite(project, kinds, reference))
    results: list[ExpectationValidationResult] = []
    findings: list[Finding] = []
    reasons: dict[int, list[str]] = defaultdict(list)
    for scope, of_scope in asked.items():
        subject, parameters = subjects.of(scope, reasons)
        by_row = scope in {"rows", "masks"}
        for result in batches.ask(subject, of_scope, parameters, with_row_ids=by_row):
            results.append(result)
            if result.success:
                continue
            findings.append(finding_of(result, list(rows.columns)))
            for row in result.result.get("unexpected_index_list", []) if by_row else []:
                if name_of(result) not in (exempt or {}).get(int(row["row_id"]), ()):
                    reasons[int(row["row_id"])].append(name_of(result))
        if any(finding.severity == CRITICAL for finding in findings):
            break
    return Verdict(
        findings=tuple(findings),
        expectations=len(results),
        accepted=~rows["row_id"].isin(list(reasons)).to_numpy(),
        reasons={row: tuple(failed) for row, failed in sorted(reasons.items())},
        results=tuple(results),
    )


def _by_scope(expectations: gx.ExpectationSuite) -> dict[str, list[Expectation]]:
    asked: dict[str, list[Expectation]] = {scope: [] for scope in SCOPES}
    for expectation in expectations.expectations:
        scope = (expectation.meta or {}).get("scope", "table")
        if scope not in asked:
            raise RarecallError(
                f"the expectation {expectation.expectation_type} has the scope {scope!r}{nearest(scope, SCOPES)}"
            )
        asked[scope].append(expectation)
    return {scope: of_scope for scope, of_scope in asked.items() if of_scope}


def finding_of(result: ExpectationValidationResult, columns: list[str]) -> Finding:
    """Return a failed expectation as a finding; `columns` are the table's, where a near name is looked for."""
    config = result.expectation_config
    unexpected, asked = result.result.get("unexpected_count"), result.result.get("element_count")
    return Finding(
        expectation=config.type,
        column=column_of(result),
        severity=FailureSeverity(config.severity).value,
        unexpected=None if unexpected is None else int(unexpected),
        share=round(unexpected / asked, 6) if unexpected is not None and asked else None,
        sentence=_sentence(result, columns),
    )


def _sentence(result: ExpectationValidationResult, columns: list[str]) -> str:
    config, answer = result.expectation_config, result.result
    meta = {"came": "{}", "next": "", **(config.meta or {})}
    if config.type == "expect_column_to_exist":
        came = f"a table without it{nearest(config.kwargs['column'], columns)}"
    elif config.type == "expect_table_columns_to_match_set":
        differing = answer["details"]["mismatched"]
        told = [
            (way, differing[key])
            for way, key in (("none of", "missing"), ("besides", "unexpected"))
            if key in differing
        ]
        came = " and ".join(f"{way} {', '.join(map(repr, sorted(names)[:_EXAMPLES]))}" for way, names in told)
    elif config.type == "expect_column_distinct_values_to_contain_set":
        # Great Expectations 1.24 leaves the observed value out.
        came = f"none of {', '.join(map(repr, sorted(answer['partial_missing_list'])[:_EXAMPLES]))}"
    elif "such" in meta:
        came = meta["such"].format(next(iter(answer["partial_unexpected_list"]), "something else"))
    elif "unexpected_count" in answer:
        came = f"{answer['unexpected_count']} of {answer['element_count']} rows otherwise"
        came += "" if meta.get("scope") == "masks" else _such_as(answer)  # a mask's values say nothing
    else:
        came = meta["came"].format(answer.get("observed_value", "something else"))
    return f"expected {config.description or name_of(result)}, got {came}" + (
        f"; {meta['next']}" if meta["next"] else ""
    )


def _such_as(answer: Mapping[str, Any]) -> str:
    shown = dict.fromkeys(_shown(value) for value in answer.get("partial_unexpected_list", []))
    examples = [example for example in shown if example not in _NOTHING][:_EXAMPLES]
    return f", such as {', '.join(examples)}" if examples else ""


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        # The moment is our column, not the source's; a table without time has one that says nothing.
        told = {"at" if name == "event_timestamp" else name: item for name, item in value.items()}
        return (
            "(" + ", ".join(f"{name}={_shown(item)}" for name, item in told.items() if item != snapshot.UNTIMED) + ")"
        )
    if isinstance(value, pd.Timestamp):
        return value.isoformat()
    return repr(value.item() if hasattr(value, "item") else value)
