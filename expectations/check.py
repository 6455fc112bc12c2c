"""The check: a snapshot against its suite, every judgement Great Expectations' own."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import great_expectations as gx
import pandas as pd
from great_expectations.core import ExpectationValidationResult
from great_expectations.core.batch_definition import BatchDefinition
from great_expectations.data_context.types.base import ProgressBarsConfig
from great_expectations.expectations.expectation import Expectation
from great_expectations.expectations.metadata_types import FailureSeverity

from expectations.suite import MAJORITY, POSITIVE_LABELS, SCOPES, TWO_ROWS, learnable_values, suite
from expectations.verdict import CRITICAL, Finding, Verdict
from rarecall import cohorts, snapshot
from rarecall.errors import RarecallError, nearest
from rarecall.project import Project

_EXAMPLES = 3
_NOTHING = {"None", "nan", "NaT", "<NA>"}  # how a missing value shows; a text of that name has quotes
_WITH_ROW_IDS = {
    "result_format": "COMPLETE",
    "unexpected_index_column_names": ["row_id"],
    "return_unexpected_index_query": False,  # a text as long as the table
}


def check(
    frame: pd.DataFrame,
    project: Project,
    kinds: Mapping[str, str],
    expectations: gx.ExpectationSuite | None = None,
) -> Verdict:
    """Judge a snapshot.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
        A snapshot's rows, as `rarecall.snapshot.take` gives them: the source's columns, `row_id` and
        `event_timestamp`.
    project : Project
    kinds : mapping of str to {"numeric", "categorical"}
        The features and their kinds.
    expectations : ExpectationSuite, optional
        An edited suite; by default the one that is generated from the project and the kinds.

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
        A cohort with edges holds what is not a number.

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
    rows = frame.reset_index(drop=True)
    batches = _batch_definition()
    asked = _by_scope(expectations or suite(project, kinds))
    findings: list[Finding] = []
    reasons: dict[int, list[str]] = defaultdict(list)
    evaluated = 0
    for scope, of_scope in asked.items():
        subject, parameters = _subject(scope, rows, ~rows["row_id"].isin(list(reasons)), project)
        for result in _failures(batches, subject, of_scope, parameters, with_row_ids=scope == "rows"):
            findings.append(_finding(result, list(rows.columns)))
            for row in result.result.get("unexpected_index_list", []) if scope == "rows" else []:
                reasons[int(row["row_id"])].append(_name(result))
        evaluated += len(of_scope)
        if any(finding.severity == CRITICAL for finding in findings):
            break
    return Verdict(
        findings=tuple(findings),
        expectations=evaluated,
        accepted=~rows["row_id"].isin(list(reasons)).to_numpy(),
        reasons={row: tuple(failed) for row, failed in sorted(reasons.items())},
    )


def _batch_definition() -> BatchDefinition[Any]:
    context = gx.get_context(mode="ephemeral")
    context.enable_analytics(enable=False)
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas("snapshot").add_dataframe_asset("rows")
    return asset.add_batch_definition_whole_dataframe("whole")


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


def _subject(
    scope: str, rows: pd.DataFrame, accepted: "pd.Series[bool]", project: Project
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return the rows that a scope is asked about, and the parameters that they give."""
    if scope in {"columns", "types", "rows"}:
        return rows, {}
    kept = rows[accepted]
    if scope == "share":
        return kept, {MAJORITY: (len(rows) + 1) // 2}
    label = kept[project.label.column]
    positive = snapshot.positives(label, project).fillna(value=False).astype(bool)
    if scope == "table":
        return kept, {TWO_ROWS: 2 / max(2, len(kept)), POSITIVE_LABELS: label[positive].unique().tolist()}
    values = cohorts.assign(kept, project.cohorts)
    return values, {
        learnable_values(number): values.loc[positive, cohort.column].unique().tolist()
        for number, cohort in enumerate(project.cohorts)
    }


def _failures(
    batches: BatchDefinition[Any],
    subject: pd.DataFrame,
    expectations: Sequence[Expectation],
    parameters: dict[str, Any],
    *,
    with_row_ids: bool,
) -> list[ExpectationValidationResult]:
    """Ask everything briefly, and only what failed at length: on a sound table the long answer is never computed."""
    batch = batches.get_batch(batch_parameters={"dataframe": subject})

    def ask(expectations: Sequence[Expectation], result_format: Any) -> list[ExpectationValidationResult]:
        asked = gx.ExpectationSuite(name="asked", expectations=list(expectations))
        answer = batch.validate(asked, result_format=result_format, expectation_parameters=parameters)
        failed = [result for result in answer.results if not result.success]
        for result in failed:
            _raise_if_erred(result)
        return failed

    failed = ask(expectations, "BOOLEAN_ONLY")
    if not failed:
        return []
    again = [result.expectation_config.to_domain_obj() for result in failed]
    explained = ask(again, _WITH_ROW_IDS if with_row_ids else "SUMMARY")
    if len(explained) != len(failed):
        names = ", ".join(_name(result) for result in failed)
        raise RarecallError(f"asked twice of the same rows, one of these failed only once: {names}; please report it")
    return explained


def _raise_if_erred(result: ExpectationValidationResult) -> None:
    """Tell an expectation that erred from one that failed: Great Expectations says `success=False` to both."""
    info = result.exception_info or {}
    # One error, or one for each metric that the expectation needs.
    errors = [error for error in (info, *info.values()) if isinstance(error, Mapping)]
    for error in errors:
        if error.get("raised_exception"):
            raise RarecallError(
                f"the expectation {_name(result)} could not be evaluated: {error.get('exception_message')}; the fault "
                "is the suite's, not the data's: please report it, or correct the expectation if it is yours"
            )


def _finding(result: ExpectationValidationResult, columns: list[str]) -> Finding:
    config = result.expectation_config
    unexpected, asked = result.result.get("unexpected_count"), result.result.get("element_count")
    return Finding(
        expectation=config.type,
        column=_column(result),
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
    elif "unexpected_count" in answer:
        came = f"{answer['unexpected_count']} of {answer['element_count']} rows otherwise{_such_as(answer)}"
    else:
        came = meta["came"].format(answer.get("observed_value", "something else"))
    return f"expected {config.description or _name(result)}, got {came}" + (f"; {meta['next']}" if meta["next"] else "")


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


def _name(result: ExpectationValidationResult) -> str:
    column = _column(result)
    return f"{result.expectation_config.type}: {column}" if column else result.expectation_config.type


def _column(result: ExpectationValidationResult) -> str:
    arguments = result.expectation_config.kwargs
    return str(arguments["column"]) if "column" in arguments else ", ".join(arguments.get("column_list", []))
