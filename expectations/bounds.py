"""What a delivery must hold beside the last accepted snapshot, and what the project file says of single columns.

A limit stands twice where both make sense: a narrow one that is reported and a wide one that ends the run. Their
defaults and reasons are the keys of `rarecall.sections.Expectations`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import great_expectations.expectations as gxe
from great_expectations.expectations.expectation import Expectation
from great_expectations.expectations.metadata_types import FailureSeverity

from expectations.expect import NUMBERS, expect
from expectations.reference import Column, Reference
from rarecall.project import Project
from rarecall.sections import ColumnBounds, Expectations

_POSITIVES = 30  # a cohort of fewer rows comes and goes

Kinds = Mapping[str, str]


def from_reference(project: Project, kinds: Kinds, reference: Reference) -> Iterator[Expectation]:
    """Yield what the last accepted snapshot implies: schema, size, prevalence, cohorts, and each of its columns."""
    columns = {name: column for name, column in reference.columns.items() if _is_wanted(name, project)}
    yield from _schema(project, kinds, columns, reference)
    yield from _table(project, reference)
    for name, column in columns.items():
        severity = project.expectations.columns.get(name, ColumnBounds()).severity
        if severity == "off":
            continue
        for expectation in _column(name, column, project):
            if severity == "warning" and expectation.severity.value == "critical":
                continue  # the narrower limit is asked besides
            yield expectation.copy(update={"severity": FailureSeverity(severity)}) if severity else expectation
    yield from _cohorts(project, reference)


def from_project(project: Project, kinds: Kinds) -> Iterator[Expectation]:
    """Yield what the project file says of single columns and between them."""
    for name, bounds in project.expectations.columns.items():
        if bounds.severity != "off":
            yield from _own(name, bounds, numeric=kinds.get(name) == "numeric")
    for name, rule in project.expectations.rules.items():
        yield expect(
            gxe.ExpectColumnValuesToBeInSet,
            {"column": rule_mask(name), "value_set": [True]},
            scope="masks",
            severity=rule.severity,
            name=f"rule {name}",
            that=f"every row to satisfy {name}: {rule.that}",
            then="look at the quarantined rows, or correct expectations.rules",
        )
    for name, kind in kinds.items():
        if kind == "categorical":
            yield expect(
                gxe.ExpectColumnValuesToBeInSet,
                {"column": text_mask(name), "value_set": [True]},
                scope="masks",
                severity="warning",
                about=name,
                name=f"readable text: {name}",
                that=f"the texts of {name!r} to be readable in every row",
                then="deliver the table in one encoding, UTF-8",
            )
    if project.expectations.freshness is not None:
        yield expect(
            gxe.ExpectColumnValuesToBeInSet,
            {"column": "stale", "value_set": [""]},
            scope="measures",
            that=f"the newest row to be at most {project.expectations.freshness} old",
            such="{}",
            then="look at why the source stands still, or change expectations.freshness",
        )


def rule_mask(name: str) -> str:
    """Name the column of the scope `masks` that says of each row whether it satisfies a rule."""
    return f"rule {name}"


def text_mask(name: str) -> str:
    """Name the column of the scope `masks` that says of each row whether a column's text is readable."""
    return f"text {name}"


def _is_wanted(name: str, project: Project) -> bool:
    include = project.features.include
    return name not in project.features.exclude and (include is None or name in include)


def _schema(
    project: Project, kinds: Kinds, columns: Mapping[str, Column], reference: Reference
) -> Iterator[Expectation]:
    for name, column in columns.items():
        if project.expectations.columns.get(name, ColumnBounds()).severity == "off":
            continue
        if name not in kinds:  # those have been expected already
            yield expect(
                gxe.ExpectColumnToExist,
                {"column": name},
                scope="columns",
                that=f"the feature column {name!r}, as in the last accepted snapshot",
                then=f"deliver it, or let it go with expectations.columns.{name}.severity: off",
            )
        if column.kind == "numeric" and name not in project.features.kinds:
            yield expect(
                gxe.ExpectColumnValuesToBeInTypeList,
                {"column": name, "type_list": NUMBERS},
                scope="types",
                that=f"{name!r} to hold numbers, as in the last accepted snapshot",
                came="a column of {}",
                then="mend what the source delivers, or declare it under features.kinds",
            )
    yield expect(
        gxe.ExpectTableColumnsToMatchSet,
        {"column_set": [*reference.names, "row_id", "event_timestamp"], "exact_match": True},
        scope="columns",
        severity="warning",
        that="the columns of the last accepted snapshot",
        then="name under features.exclude what should not be learned from",
    )


def _table(project: Project, reference: Reference) -> Iterator[Expectation]:
    keys = project.expectations
    for share, severity in _both(keys.rows_warning, keys.rows_critical):
        if share > 0 and reference.rows:
            yield expect(
                gxe.ExpectTableRowCountToBeBetween,
                {"min_value": max(1, round(share * reference.rows))},
                scope="columns",
                severity=severity,
                that=f"at least {share:.0%} of the last accepted snapshot's {reference.rows} rows",
                then=f"look for a truncated delivery, or lower expectations.rows_{severity}",
            )
    if reference.positives and reference.positives < reference.labelled:
        prevalence = reference.positives / reference.labelled
        for ratio, severity in _both(keys.prevalence_warning, keys.prevalence_critical):
            odds = prevalence / (1 - prevalence)
            low, high = (one / (1 + one) for one in (odds / ratio, odds * ratio))
            yield expect(
                gxe.ExpectColumnMaxToBeBetween,
                {"column": "prevalence", "min_value": low, "max_value": high},
                scope="measures",
                severity=severity,
                about=project.label.column,
                name="prevalence",
                that=f"{low:.2%} to {high:.2%} of the rows to be of the rare class, which was {prevalence:.2%}",
                came="{:.2%}",
                then=f"look whether the label is still what it was, or raise expectations.prevalence_{severity}",
            )
    if reference.last:
        yield expect(
            gxe.ExpectColumnValuesToBeInSet,
            {"column": "older", "value_set": [""]},
            scope="measures",
            severity="warning",
            name="newest row",
            that=f"a row as new as the last accepted snapshot's newest, {reference.last}",
            such="{} as the newest",
            then="look whether an older delivery came again, or one without its end",
        )
    if reference.entity_unique and project.timestamp:  # without time the suite asks this of the key anyway
        yield expect(
            gxe.ExpectCompoundColumnsToBeUnique if len(project.entity) > 1 else gxe.ExpectColumnValuesToBeUnique,
            {"column_list": project.entity, "ignore_row_if": "any_value_is_missing"}
            if len(project.entity) > 1
            else {"column": project.entity[0]},
            scope="table",
            severity="warning",
            that=f"one row for each {' and '.join(project.entity)}, as in the last accepted snapshot",
            then="look for rows that were delivered twice",
        )


def _column(name: str, column: Column, project: Project) -> Iterator[Expectation]:
    keys, own = project.expectations, project.expectations.columns.get(name, ColumnBounds())
    again = f"look at what the source delivers; if it is right, say so under expectations.columns.{name}"
    if own.missing is None:
        yield from _missing(name, column, keys, again)
    if own.min is None and own.max is None and own.values is None:
        yield from _support(name, column, keys, again)
    # A season may bring texts that are all others, as the names of months are: the wide limit is for numbers.
    wide = keys.distance_critical if column.kind == "numeric" else None
    limits = [(own.distance, own.severity or "warning")] if own.distance is not None else None
    for most, severity in limits or _both(keys.distance_warning, wide):
        yield expect(
            gxe.ExpectColumnMaxToBeBetween,
            {"column": f"distance {name}", "max_value": most},
            scope="measures",
            severity=severity,
            about=name,
            name=f"distribution: {name}",
            that=f"the distribution of {name!r} within {most:g} of the last accepted snapshot's, above chance",
            came="a distance of {:.3f}",
            then=again,
        )
    yield expect(
        gxe.ExpectColumnValuesToBeInSet,
        {"column": f"likeness {name}", "value_set": [""]},
        scope="measures",
        about=name,
        name=f"likeness: {name}",
        that=f"{name!r} to hold what it held in the last accepted snapshot",
        such="{}",
        then=again,
    )


def _missing(name: str, column: Column, keys: Expectations, again: str) -> Iterator[Expectation]:
    for more, severity in _both(keys.missing_warning, keys.missing_critical):
        if (most := column.missing + more) < 1:
            yield expect(
                gxe.ExpectColumnValuesToNotBeNull,
                {"column": name, "mostly": 1 - most},
                scope="table",
                severity=severity,
                that=f"at most {most:.1%} of {name!r} to be missing, which were {column.missing:.1%}",
                then=again,
            )


def _support(name: str, column: Column, keys: Expectations, again: str) -> Iterator[Expectation]:
    """Yield the range of numbers, or the texts that were there."""
    if column.kind == "numeric" and column.edges:
        low, high = column.edges[0], column.edges[-1]
        for share, severity in _both(keys.outside_warning, keys.outside_critical):
            if share < 1:
                yield expect(
                    gxe.ExpectColumnValuesToBeBetween,
                    {"column": name, "min_value": low, "max_value": high, "mostly": 1 - share},
                    scope="table",
                    severity=severity,
                    that=f"{name!r} from {low:g} to {high:g}, as it was, in all but {share:.1%} of the rows",
                    then=again,
                )
    if column.shares:
        # Three standard deviations of a Poisson count above Turing's estimate.
        rare = (column.once + 3 * (column.once + 1) ** 0.5) / column.known
        for share, severity in _both(keys.unseen_warning, keys.unseen_critical):
            if (most := share + rare) < 1:
                yield expect(
                    gxe.ExpectColumnValuesToBeInSet,
                    {"column": name, "value_set": list(column.shares), "mostly": 1 - most},
                    scope="table",
                    severity=severity,
                    that=f"{name!r} to hold texts that it held before, in all but {most:.1%} of the rows",
                    then=again,
                )


def _own(name: str, bounds: ColumnBounds, *, numeric: bool) -> Iterator[Expectation]:
    severity = bounds.severity or "warning"
    rows: dict[str, Any] = {"scope": "rows", "severity": severity, "then": "look at the quarantined rows"}
    if bounds.min is not None or bounds.max is not None:
        words = [f"at least {bounds.min:g}"] if bounds.min is not None else []
        words += [f"at most {bounds.max:g}"] if bounds.max is not None else []
        yield expect(
            gxe.ExpectColumnValuesToBeBetween,
            {"column": name, "min_value": bounds.min, "max_value": bounds.max},
            that=f"{name!r} to be {' and '.join(words)} in every row",
            **rows,
        )
    if bounds.values is not None:
        # Texts, because that is what a snapshot's categories are.
        values = bounds.values if numeric else [str(value) for value in bounds.values]
        yield expect(
            gxe.ExpectColumnValuesToBeInSet,
            {"column": name, "value_set": values},
            that=f"{name!r} to be one of {', '.join(map(str, values[:5]))}{' ...' if len(values) > 5 else ''}",
            **rows,
        )
    if bounds.unique:
        yield expect(
            gxe.ExpectColumnValuesToBeUnique, {"column": name}, that=f"{name!r} to differ in every row", **rows
        )
    if bounds.missing is not None:
        yield expect(
            gxe.ExpectColumnValuesToNotBeNull,
            {"column": name, "mostly": 1 - bounds.missing},
            scope="table",
            severity=severity,
            that=f"at most {bounds.missing:.1%} of {name!r} to be missing",
            then=f"mend the source, or change expectations.columns.{name}",
        )


def _cohorts(project: Project, reference: Reference) -> Iterator[Expectation]:
    for cohort in project.cohorts:
        counts = reference.cohorts.get(cohort.column, {})
        there = [value for value, rows in counts.items() if rows >= _POSITIVES]
        if there:
            yield expect(
                gxe.ExpectColumnDistinctValuesToContainSet,
                {"column": cohort.column, "value_set": there},
                scope="cohorts",
                severity="warning",
                that=f"every cohort of {cohort.column!r} that had {_POSITIVES} rows in the last accepted snapshot",
                then="look for what the delivery leaves out",
            )


def _both(warning: float | None, critical: float | None) -> list[tuple[float, str]]:
    return [(one, name) for one, name in ((warning, "warning"), (critical, "critical")) if one is not None]
