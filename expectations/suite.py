"""The suite: what a snapshot must hold, generated from the project file, its features' kinds and the last accepted one.

Every expectation tells the check that runs it its `scope` (which rows are asked, and when) and its sentence: the
`description` says what is expected, `meta["came"]` how an observed value reads, `meta["next"]` what to do.
"""

from collections.abc import Iterator, Mapping
from math import inf

import great_expectations as gx
import great_expectations.expectations as gxe
from great_expectations.expectations.expectation import Expectation

from expectations.bounds import from_project, from_reference
from expectations.expect import NUMBERS, expect
from expectations.reference import Reference
from rarecall.project import Project

SCOPES = ("columns", "types", "rows", "masks", "share", "table", "cohorts", "measures")
"""In the order they are asked, for each needs what the one before it settled.

columns, types : the whole snapshot; a table of another shape is judged no further.
rows : each row by itself; a row that fails is quarantined.
masks : the same, of what is not one column: whether a row satisfies a rule, and whether its texts are readable.
share, table : the accepted rows together, for they are what will be learned from.
cohorts : the accepted rows' cohort values, as `rarecall.cohorts.assign` names them.
measures : one row of figures of the accepted rows: prevalence, distances from the last accepted snapshot.
"""

MAJORITY, TWO_ROWS, POSITIVE_LABELS = "majority", "two_rows", "positive_labels"
"""Parameters that only the rows can tell: half of the rows read, the share of the rows that two of them are, and the
label's values that stand for the rare class."""

_KNOWN_FEATURE = 0.01  # a feature that is known for fewer rows says next to nothing
_KNOWN_COHORT = 0.5  # below, a cohort's recall speaks for the minority of the rows


def suite(project: Project, kinds: Mapping[str, str], reference: Reference | None = None) -> gx.ExpectationSuite:
    """Write down what the project's snapshot must hold.

    Parameters
    ----------
    project : Project
    kinds : mapping of str to {"numeric", "categorical"}
        The features and their kinds.
    reference : Reference, optional
        What the last accepted snapshot was; without it nothing is compared.

    Returns
    -------
    great_expectations.ExpectationSuite
        A critical expectation that fails refuses the run. A warning of the scopes `rows` and `masks` sends rows to
        quarantine; every other warning is reported. The suite may be edited before it is checked: an
        expectation without a scope
        is asked of the accepted rows.

    Examples
    --------
    >>> project = Project.model_validate(
    ...     {"name": "p", "source": {"path": "a.csv"}, "label": {"column": "y", "positive": "yes"}})
    >>> for expectation in suite(project, {"age": "numeric"}).expectations:
    ...     print(expectation.meta["scope"], expectation.severity.value, expectation.description, sep=" | ")
    columns | critical | at least 1 row
    columns | critical | the label column 'y'
    columns | critical | the feature column 'age'
    types | critical | 'age' to be numeric
    rows | warning | 'y' to be known in every row
    rows | warning | 'age' to be finite in every row
    share | critical | at least half of the rows to be accepted
    table | critical | at least 2 rows whose 'y' is 'yes'
    table | critical | at least 2 rows whose 'y' is not 'yes'
    table | warning | 'age' to be known in at least 1% of the rows
    table | warning | 'age' to take at least 2 values
    """
    numeric = [name for name, kind in kinds.items() if kind == "numeric"]
    return gx.ExpectationSuite(
        name=project.name,
        expectations=[
            *_columns(project, kinds),
            *_types(numeric),
            *_rows(project, numeric),
            *_table(project),
            *_features(project, kinds),
            *_cohorts(project),
            *from_project(project, kinds),
            *(from_reference(project, kinds, reference) if reference else ()),
        ],
    )


def learnable_values(number: int) -> str:
    """Name the parameter that holds the values of the project's cohort `number` in which a positive occurs.

    By number, because Great Expectations reads the name of a parameter as an expression: a column `a-b` is none.
    """
    return f"learnable_values_{number}"


def _columns(project: Project, kinds: Mapping[str, str]) -> Iterator[Expectation]:
    yield expect(
        gxe.ExpectTableRowCountToBeBetween,
        {"min_value": 1},
        scope="columns",
        that="at least 1 row",
        then="look at what the source delivers",
    )
    roles = [
        *((cohort.column, "cohort") for cohort in project.cohorts),
        *((name, "feature") for name in kinds),
        *((name, "entity") for name in project.entity),
        *([(project.timestamp, "timestamp")] if project.timestamp else []),
        (project.label.column, "label"),
    ]
    # A column of two roles is expected once, in the later of them.
    for name, role in reversed(dict(roles).items()):
        yield expect(gxe.ExpectColumnToExist, {"column": name}, scope="columns", that=f"the {role} column {name!r}")


def _types(numeric: list[str]) -> Iterator[Expectation]:
    for name in numeric:
        yield expect(
            gxe.ExpectColumnValuesToBeInTypeList,
            {"column": name, "type_list": NUMBERS},
            scope="types",
            that=f"{name!r} to be numeric",
            came="a column of {}",
            then="declare it categorical under features.kinds, or add what is no number to missing.markers",
        )


def _rows(project: Project, numeric: list[str]) -> Iterator[Expectation]:
    moment = {"event_timestamp": project.timestamp} if project.timestamp else {}
    label = [] if project.label.table else [project.label.column]  # a table's labels come later than the rows
    shown = {**{name: name for name in (*label, *project.entity)}, **moment}
    for column, name in shown.items():
        yield expect(
            gxe.ExpectColumnValuesToNotBeNull,
            {"column": column},
            scope="rows",
            severity="warning",
            that=f"{name!r} to be known in every row",
            then="look at the quarantined rows",
        )
    for name in numeric:
        yield expect(
            gxe.ExpectColumnValuesToNotBeInSet,
            {"column": name, "value_set": [inf, -inf]},
            scope="rows",
            severity="warning",
            that=f"{name!r} to be finite in every row",
            then="look at the quarantined rows",
        )


def _table(project: Project) -> Iterator[Expectation]:
    yield expect(
        gxe.ExpectTableRowCountToBeBetween,
        {"min_value": {"$PARAMETER": MAJORITY}},
        scope="share",
        that="at least half of the rows to be accepted",
        then="mend the source, or correct the columns that the project file names",
    )
    if project.entity:
        moment = [project.timestamp] if project.timestamp else []
        yield expect(
            gxe.ExpectCompoundColumnsToBeUnique,
            {"column_list": [*project.entity, "event_timestamp"], "ignore_row_if": "any_value_is_missing"},
            scope="table",
            that=f"one row for each {' and '.join([*project.entity, *moment])}",
            then="remove the repeated rows, or name in entity and timestamp what tells them apart",
        )
    label, positive = project.label.column, project.label.positive
    for expectation, is_or_not in (
        (gxe.ExpectColumnValuesToBeInSet, "is"),
        (gxe.ExpectColumnValuesToNotBeInSet, "is not"),
    ):
        # Two, because a single row of a class is either learned from or judged on, never both.
        yield expect(
            expectation,
            {"column": label, "value_set": {"$PARAMETER": POSITIVE_LABELS}, "mostly": {"$PARAMETER": TWO_ROWS}},
            scope="table",
            that=f"at least 2 rows whose {label!r} {is_or_not} {positive!r}",
            then="correct label.column and label.positive, or deliver rows of both classes",
        )


def _features(project: Project, kinds: Mapping[str, str]) -> Iterator[Expectation]:
    off = {name for name, bounds in project.expectations.columns.items() if bounds.severity == "off"}
    for name in kinds:
        if name in off:
            continue
        yield expect(
            gxe.ExpectColumnValuesToNotBeNull,
            {"column": name, "mostly": _KNOWN_FEATURE},
            scope="table",
            severity="warning",
            that=f"{name!r} to be known in at least {_KNOWN_FEATURE:.0%} of the rows",
            then="exclude it under features.exclude, or look at missing.markers",
        )
        yield expect(
            gxe.ExpectColumnUniqueValueCountToBeBetween,
            {"column": name, "min_value": 2},
            scope="table",
            severity="warning",
            that=f"{name!r} to take at least 2 values",
            then="exclude it under features.exclude",
        )


def _cohorts(project: Project) -> Iterator[Expectation]:
    for number, cohort in enumerate(project.cohorts):
        yield expect(
            gxe.ExpectColumnValuesToNotBeNull,
            {"column": cohort.column, "mostly": _KNOWN_COHORT},
            scope="table",
            severity="warning",
            that=f"{cohort.column!r} to be known in at least {_KNOWN_COHORT:.0%} of the rows",
            then="watch another cohort: this one's recall speaks for few rows",
        )
        yield expect(
            gxe.ExpectColumnValuesToBeInSet,
            {"column": cohort.column, "value_set": {"$PARAMETER": learnable_values(number)}},
            scope="cohorts",
            severity="warning",
            that=f"every cohort of {cohort.column!r} to hold a positive",
            then="join those cohorts to others: their recall cannot be told",
        )
