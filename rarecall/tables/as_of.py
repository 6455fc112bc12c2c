"""Each row of a spine with the features that were known at its moment: an as-of join over Parquet, by DuckDB.

Feast's own join writes every spine row beside every feature row that is not later and sorts them; here the wide columns
are read once, for the rows that won. See docs/features.md for what is known when, docs/adr/0032 for the measurements.
"""

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from rarecall.errors import DataError, StoreError, nearest

MEMORY = "2GB"
"""What DuckDB may hold; beyond it, it spills beside the target."""

_OWN = {"file_index", "file_row_number"}  # DuckDB's names for where in the files a row stands
_AT = "(file_index::BIGINT << 40) | file_row_number"  # one number joins in half the time of two
# Tables, not one statement: DuckDB would meet each row of a spine whose length it does not know with all others.
_STEPS = (
    "CREATE TEMP TABLE spine AS SELECT * FROM given",
    # Whose word counts most: the later event, of one event the later word on it, of one moment the last row.
    """
    CREATE TEMP TABLE said AS
    SELECT {keys}, greatest({moment}, {created}) AS seen, {at} AS number,
        row_number() OVER (ORDER BY {moment}, {created} NULLS FIRST, {at}) AS place
    FROM read_parquet($rows)
    WHERE {moment} IS NOT NULL
    """,
    # A late word about an old event is seen after words about newer events, and must not win over them.
    """
    CREATE TEMP TABLE known AS
    SELECT {key_names}, seen, max(place) OVER (
        PARTITION BY {key_names} ORDER BY seen RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS place
    FROM said
    """,
    """
    CREATE TEMP TABLE met AS
    SELECT spine.*, said.number AS {number}
    FROM spine
    ASOF LEFT JOIN known ON {equal} AND spine.{moment} >= known.seen
    LEFT JOIN said ON said.place = known.place
    """,
    """
    COPY (
        SELECT met.* EXCLUDE ({number}, {order}), {features}
        FROM met
        LEFT JOIN read_parquet($rows) AS wide ON {at} = met.{number}
        ORDER BY met.{order}
    ) TO $target (FORMAT parquet)
    """,
)
_ORDER, _NUMBER = "rarecall order", "rarecall number"


def join(
    spine: pd.DataFrame,
    rows: Path,
    target: Path,
    *,
    keys: Sequence[str],
    features: Sequence[str],
    moment: str = "event_timestamp",
    created: str | None = None,
    memory: str = MEMORY,
) -> int:
    """Write a spine with the features of each of its rows as they were known at its moment.

    Known at a moment is a feature row of the same keys whose event is not later, and which was not created later
    either. Of several the one with the latest event is taken; of one event the one created last, and of these the one
    that stands last in the files. Where none was known, the features are missing.

    Parameters
    ----------
    spine : DataFrame of shape (n_rows, ...)
        The keys, `moment`, and whatever else belongs to a row.
    rows : Path
        A Parquet file with the feature rows, or a folder of Parquet files with one schema.
    target : Path
        The Parquet file to write: the spine's columns, then the features; all of the spine's rows in their order.
    keys, features : sequence of str
    moment : str
        The column, of the spine and of the rows, that says when each was true.
    created : str, optional
        The rows' column that says when each became known; none, or missing in a row: at its own moment.
    memory : str
        What DuckDB may hold, such as `2GB`.

    Returns
    -------
    int
        The number of rows written.

    Raises
    ------
    DataError
        A column that is asked for is not there.
    StoreError
        The rows cannot be read, or the target cannot be written.

    >>> day = pd.to_datetime(["2026-01-01", "2026-01-03"], utc=True)
    >>> said = pd.DataFrame({"id": [7, 7], "event_timestamp": day, "age": [30, 31]})
    >>> spine = pd.DataFrame({"id": [7, 7, 8], "event_timestamp": [day[1], day[0] + pd.Timedelta("36h"), day[0]]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     rows, target = Path(folder) / "rows.parquet", Path(folder) / "joined.parquet"
    ...     said.to_parquet(rows)
    ...     join(spine, rows, target, keys=["id"], features=["age"]), pd.read_parquet(target)["age"].tolist()
    (3, [31.0, 30.0, nan])
    """
    files = sorted(map(str, rows.glob("*.parquet"))) if rows.is_dir() else [str(rows)]
    _check(files, rows, [*keys, *features, moment, *([created] if created else [])])
    parts = {
        "keys": _listed(f"{_quoted(name)} AS k{at}" for at, name in enumerate(keys)),
        "key_names": _listed(f"k{at}" for at in range(len(keys))),
        "equal": " AND ".join(f"spine.{_quoted(name)} = known.k{at}" for at, name in enumerate(keys)),
        "features": _listed(f"wide.{_quoted(name)}" for name in features),
        "moment": _quoted(moment),
        "created": _quoted(created) if created else "NULL::TIMESTAMPTZ",
        "at": _AT,
        "order": _quoted(_ORDER),
        "number": _quoted(_NUMBER),
    }
    given = pa.Table.from_pandas(spine, preserve_index=False)
    given = given.append_column(_ORDER, pa.array(np.arange(len(spine))))
    bound = {"rows": files, "target": str(target)}
    with tempfile.TemporaryDirectory(dir=target.parent) as spill:
        config: dict[str, Any] = {
            "memory_limit": memory,
            "temp_directory": spill,
            "autoinstall_known_extensions": "false",
        }
        try:
            with duckdb.connect(config=config) as connection:
                connection.execute("SET TimeZone = 'UTC'")
                connection.register("given", given)
                for step in _STEPS:
                    asked = {name: value for name, value in bound.items() if f"${name}" in step}
                    connection.execute(step.format(**parts), asked)
                [written] = connection.fetchone() or (0,)
        except duckdb.OutOfMemoryException as error:
            raise StoreError(
                f"joining {len(spine)} rows with {rows} needs more than {memory} of memory, or more room in "
                f"{target.parent} than there is; free some: {_first(error)}"
            ) from error
        except duckdb.Error as error:
            raise StoreError(f"the features in {rows} could not be joined: {_first(error)}") from error
    return int(written)


def _check(files: Sequence[str], rows: Path, wanted: Sequence[str]) -> None:
    """Raise unless the rows can be read and hold what is asked for, under names that DuckDB keeps apart."""
    if not files:
        raise StoreError(f"{rows} holds no Parquet file; expected the features' rows")
    try:
        there = pq.read_schema(files[0]).names
    except (OSError, pa.ArrowInvalid) as error:
        raise StoreError(f"{files[0]} cannot be read as Parquet: {_first(error)}; restore it from a copy") from error
    if lacking := [name for name in wanted if name not in there]:
        raise DataError(f"{rows} has no column {lacking[0]!r}{nearest(lacking[0], there)}")
    if taken := [name for name in there if name.lower() in _OWN]:
        raise DataError(f"the column {taken[0]!r} has a name that DuckDB gives itself; rename it in the source")


def _listed(parts: Iterable[str]) -> str:
    return ", ".join(parts)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _first(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
