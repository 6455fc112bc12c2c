"""The schema of a table that grows: which types hold both what is there and what came."""

import base64

import pyarrow as pa

from rarecall.errors import DataError, nearest
from rarecall.warehouse import Version


def of(version: Version) -> pa.Schema:
    """Return the schema of a version's partitions, from its manifest: a damaged partition does not hide it."""
    return pa.ipc.read_schema(pa.py_buffer(base64.b64decode(version.facts["arrow_schema"])))


def cast(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return the rows in a schema: columns that they lack are empty. DataError where a value does not fit."""
    columns = []
    for field in schema:
        if field.name not in rows.column_names:
            columns.append(pa.nulls(rows.num_rows, field.type))
            continue
        try:
            columns.append(rows[field.name].cast(field.type))
        except pa.ArrowInvalid as error:
            said = str(error).splitlines()[0]
            raise DataError(
                f"the column {field.name!r} cannot be held as {field.type}: {said}; nothing was changed"
            ) from None
    return pa.table(columns, schema=schema)


def fitted(head: Version | None, rows: pa.Table) -> pa.Schema:
    """Return the schema that holds the rows of a table's newest version and the new ones.

    Parameters
    ----------
    head : Version or None
    rows : pyarrow.Table
        As `untyped` gives them.

    Raises
    ------
    DataError
        A column is gone, differs from another in its case alone, or holds what the table's cannot hold.
    """
    names = rows.column_names
    if head is None:
        return rows.schema
    held = of(head)
    if lost := [name for name in held.names if name not in names]:
        raise DataError(
            f"the delivery has no column {lost[0]!r}, which {head.kind} has{nearest(lost[0], names)}; nothing was "
            "changed: deliver it with that column, empty where its values are not known"
        )
    by_lower = {name.lower(): name for name in held.names}
    if twice := [name for name in names if by_lower.get(name.lower(), name) != name]:
        raise DataError(
            f"the delivery's new column {twice[0]!r} and {by_lower[twice[0].lower()]!r} have one name in SQL; "
            "nothing was changed: rename it"
        )
    common = [_common(head.kind, field, rows.schema.field(field.name).type) for field in held]
    return pa.schema([*common, *(rows.schema.field(name) for name in names if name not in held.names)])


def _common(kind: str, held: pa.Field, came: pa.DataType) -> pa.Field:
    """Return a field that holds both types without a loss; a whole number beside a fraction becomes one."""
    try:
        both = [pa.schema([held]), pa.schema([pa.field(held.name, came)])]
        return pa.unify_schemas(both, promote_options="permissive").field(0)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        raise DataError(
            f"the delivery's column {held.name!r} holds {came}, where {kind} holds {held.type}; nothing was "
            "changed: deliver it as it was before"
        ) from None


def plain(rows: pa.Table) -> pa.Table:
    """Return the rows without what only their writer needed: metadata, dictionaries, 64-bit offsets."""
    kinds = {pa.large_string(): pa.string(), pa.string_view(): pa.string(), pa.large_binary(): pa.binary()}
    fields = []
    for field in rows.schema:
        kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        fields.append(pa.field(field.name, kinds.get(kind, kind)))
    return rows.cast(pa.schema(fields))


def untyped(rows: pa.Table) -> pa.Table:
    """Return the rows with no type for columns that hold no value: the first delivery that has one brings it."""
    for place, name in enumerate(rows.column_names):
        if rows[name].null_count == rows.num_rows:
            rows = rows.set_column(place, name, pa.nulls(rows.num_rows))
    return rows
