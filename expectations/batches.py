"""Great Expectations asked of frames: each frame becomes a batch once, and only what failed is asked at length."""

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import great_expectations as gx
import pandas as pd
from great_expectations.core import ExpectationValidationResult
from great_expectations.data_context.types.base import ProgressBarsConfig
from great_expectations.expectations.expectation import Expectation

from rarecall.errors import RarecallError
from rarecall.tables.scan import Scan

_WITH_ROW_IDS = {
    "result_format": "COMPLETE",
    "unexpected_index_column_names": ["row_id"],
    "return_unexpected_index_query": False,  # a text as long as the table
}


_SMALL = 50_000  # rows: below, a frame is handed over whole, which then costs less than several batches do
_TOGETHER = 4  # columns a batch: Great Expectations copies all of a batch's rows for each column that it looks at
_CELLS = 16_000_000  # a batch, but for one column: of more rows fewer columns are handed over together
_FEW = 500  # levels among 1,000 rows: above, to find the levels costs more than to look at each row
_OF_COLUMNS = {"column", "column_list", "value_set", "min_value", "max_value", "mostly", "type_list", "ignore_row_if"}
"""Arguments that concern the named columns only."""

_OF_THE_NAMES = {"expect_column_to_exist", "expect_table_columns_to_match_set"}


class Batches:
    """Frames handed to Great Expectations, each of a few columns only where there are many rows.

    It hashes whatever it is handed and copies all of it for each question about a column; texts it compares one by one,
    unless they are categories. Asked so, 60 expectations of a million rows take a third of the time, and say the same.
    """

    def __init__(self) -> None:
        self._context = gx.get_context(mode="ephemeral")
        self._context.enable_analytics(enable=False)
        self._context.variables.progress_bars = ProgressBarsConfig(globally=False)

    def ask(
        self,
        frame: pd.DataFrame | Scan,
        expectations: Sequence[Expectation],
        parameters: Mapping[str, Any],
        *,
        with_row_ids: bool,
    ) -> list[ExpectationValidationResult]:
        """Return an answer to each expectation, in order; those that failed with examples, and row ids if asked for.

        Raises
        ------
        RarecallError
            An expectation erred: a fault of the suite.
        """
        answers: dict[int, ExpectationValidationResult] = {}
        for part, places in _parts(frame, expectations, ["row_id"] if with_row_ids else []):
            these = [expectations[place] for place in places]
            answers |= zip(places, self._answers(part, these, parameters, with_row_ids=with_row_ids), strict=True)
            if isinstance(frame, Scan):
                gc.collect()  # what was asked and its source hold each other, so that it would stay beside the next
        return [answers[place] for place in range(len(expectations))]

    def _answers(
        self,
        part: pd.DataFrame,
        expectations: Sequence[Expectation],
        parameters: Mapping[str, Any],
        *,
        with_row_ids: bool,
    ) -> list[ExpectationValidationResult]:
        # A source anew: its engine keeps, for as long as it lives, a mask of all rows for each question ever asked.
        asset = self._context.data_sources.add_or_update_pandas("rarecall").add_dataframe_asset("rows")
        batch = asset.add_batch_definition_whole_dataframe("whole").get_batch(batch_parameters={"dataframe": part})
        # For yes or no first: on a sound table the long answer is never computed.
        answers = _validate(batch, expectations, "BOOLEAN_ONLY", parameters)
        failed = [place for place, answer in enumerate(answers) if not answer.success]
        if not failed:
            return answers
        again = [answers[place].expectation_config.to_domain_obj() for place in failed]
        explained = _validate(batch, again, _WITH_ROW_IDS if with_row_ids else "SUMMARY", parameters)
        for place, answer in zip(failed, explained, strict=True):
            if answer.success:
                raise RarecallError(
                    f"asked twice of the same rows, {name_of(answer)} failed only once; please report it"
                )
            answers[place] = answer
        return answers


def name_of(result: ExpectationValidationResult) -> str:
    """Return what an expectation is called in a verdict."""
    meta = result.expectation_config.meta or {}
    column = column_of(result)
    type_and_column = f"{result.expectation_config.type}: {column}" if column else result.expectation_config.type
    return str(meta.get("name", type_and_column))


def column_of(result: ExpectationValidationResult) -> str:
    """Return the source's column or columns that an expectation is about, or nothing."""
    config = result.expectation_config
    meta, arguments = config.meta or {}, config.kwargs
    if "about" in meta or "name" in meta:
        return str(meta.get("about", ""))
    return str(arguments["column"]) if "column" in arguments else ", ".join(arguments.get("column_list", []))


def _parts(
    frame: pd.DataFrame | Scan, expectations: Sequence[Expectation], always: list[str]
) -> Iterator[tuple[pd.DataFrame, list[int]]]:
    """Yield what is handed over at once, and the places of the expectations that are asked of it."""
    if len(frame) < _SMALL:
        yield _held(frame), list(range(len(expectations)))
        return
    needed = [_needed(expectation, frame) for expectation in expectations]
    names = list(dict.fromkeys(columns for columns in needed if isinstance(columns, tuple)))
    together_most = max(1, min(_TOGETHER, _CELLS // len(frame)))
    for first in range(0, len(names), together_most):
        together = names[first : first + together_most]
        columns = dict.fromkeys([*(name for columns in together for name in columns), *always])
        yield _categorised(frame[list(columns)]), [place for place, asked in enumerate(needed) if asked in together]
    others: dict[str, Callable[[], pd.DataFrame]] = {
        "names": lambda: frame.head(0),  # for what asks only which columns there are
        "rows": lambda: frame[[frame.columns[0]]],
        "everything": lambda: _held(frame),
    }
    for what, part in others.items():
        if places := [place for place, asked in enumerate(needed) if asked == what]:
            yield part(), places


def _held(frame: pd.DataFrame | Scan) -> pd.DataFrame:
    return frame if isinstance(frame, pd.DataFrame) else frame[list(frame.columns)]


def _needed(expectation: Expectation, frame: pd.DataFrame | Scan) -> tuple[str, ...] | str:
    """Return the columns that an expectation reads, or which frame; all of it where that cannot be told."""
    config = expectation.configuration
    arguments = {name: value for name, value in config.kwargs.items() if value is not None}
    if config.type in _OF_THE_NAMES:
        return "names"
    if config.type == "expect_table_row_count_to_be_between":
        return "rows"
    columns = tuple(arguments.get("column_list") or [arguments.get("column")])
    return columns if set(arguments) <= _OF_COLUMNS and set(columns) <= set(frame.columns) else "everything"


def _categorised(part: pd.DataFrame) -> pd.DataFrame:
    """Return a frame with its texts of few levels as categories."""
    some = part.head(1000)
    texts = [
        name
        for name in part.columns
        if part[name].dtype == object
        and some[name].map(type).isin([str, type(None), float]).all()
        and some[name].nunique() <= _FEW
        and pd.api.types.infer_dtype(part[name], skipna=True) == "string"
    ]
    return part.astype(dict.fromkeys(texts, "category")) if texts else part


def _validate(
    batch: Any, expectations: Sequence[Expectation], result_format: Any, parameters: Mapping[str, Any]
) -> list[ExpectationValidationResult]:
    asked = gx.ExpectationSuite(name="asked", expectations=list(expectations))
    answer = batch.validate(asked, result_format=result_format, expectation_parameters=dict(parameters))
    for result in answer.results:
        _raise_if_erred(result)
    return _in_order(expectations, list(answer.results))


def _in_order(
    expectations: Sequence[Expectation], results: list[ExpectationValidationResult]
) -> list[ExpectationValidationResult]:
    """Return the results in the order of the questions; Great Expectations sorts them by column."""
    places: dict[str, list[ExpectationValidationResult]] = {}
    for result in results:
        places.setdefault(str(result.expectation_config.description), []).append(result)
    found = [places[str(expectation.description)].pop(0) for expectation in expectations]
    if len(found) != len(results):
        raise RarecallError("Great Expectations answered what was not asked; please report it")
    return found


def _raise_if_erred(result: ExpectationValidationResult) -> None:
    """Tell an expectation that erred from one that failed: Great Expectations says `success=False` to both."""
    info = result.exception_info or {}
    # One error, or one for each metric that the expectation needs.
    errors = [error for error in (info, *info.values()) if isinstance(error, Mapping)]
    for error in errors:
        if error.get("raised_exception"):
            raise RarecallError(
                f"the expectation {name_of(result)} could not be evaluated: {error.get('exception_message')}; the "
                "fault is the suite's, not the data's: please report it, or correct the expectation if it is yours"
            )
