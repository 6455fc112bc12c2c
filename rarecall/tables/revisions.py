"""Labels as a table of their own: what was said of an entity's event, of which moment, and when we were told.

A row is never changed. A label that is corrected gets another row, its next revision, so that both what is known and
what was known on any day can be read.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from rarecall.errors import DataError
from rarecall.intake.pseudonym import is_entity, texts

EVENT, LABEL, LABEL_TIME, SOURCE = "event_timestamp", "label", "label_time", "source"
REVISION, RECORDED = "revision", "recorded"

_MOMENT = pa.timestamp("us", tz="UTC")
_FIELDS = (
    (EVENT, _MOMENT),
    (LABEL, pa.string()),
    (LABEL_TIME, _MOMENT),
    (SOURCE, pa.string()),
    (REVISION, pa.int32()),
    (RECORDED, _MOMENT),
)
COLUMNS = tuple(name for name, _ in _FIELDS)
"""What stands beside the entity's columns."""

CHANGES = ("new", "corrected", "confirmed", "late")
"""What a recorded label is: the first of its event; another value than the one that stood; the same value as of a later
moment; of an earlier moment than what is known, so that it displaces nothing."""


def schema(entity: Sequence[str]) -> pa.Schema:
    """Return the table's columns.

    The entity's columns are texts, as `rarecall.intake.pseudonym.texts` writes ids, so that deliveries of other types
    meet. `label` is the value as it was delivered, as a text. `label_time` is when it became the truth, `recorded` when
    we were told; `revision` counts the rows about one entity and event from 1, in the order in which we were told.

    >>> schema(["payment_id"]).names
    ['payment_id', 'event_timestamp', 'label', 'label_time', 'source', 'revision', 'recorded']
    """
    return pa.schema([*((name, pa.string()) for name in entity), *_FIELDS])


def revise(
    known: pd.DataFrame, delivered: pd.DataFrame, *, recorded: pd.Timestamp
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return the rows that a delivery adds to the table.

    Parameters
    ----------
    known : DataFrame of shape (n_rows, n_columns)
        The table, or at least its rows about the entities that were delivered.
    delivered : DataFrame of shape (n_labels, n_columns)
        The entity's columns as texts, `event_timestamp`, `label` (a text; missing where it is not known yet), `source`,
        and `label_time`, or no such column where the labels are said to hold now. An error names a row by its index.
    recorded : Timestamp
        When we were told: after everything that is known was recorded.

    Returns
    -------
    rows : DataFrame
        With the columns of `schema`. Nothing for a label that is known of this very moment or, where the delivery names
        no moments, for one that stands already.
    facts : dict
        `labels` (rows delivered), how many of them are each of `CHANGES`, `known` and `unlabelled`, which together are
        all; `turned`: how many of the corrected went from one value to another, as (before, after, rows).

    Raises
    ------
    DataError
        One delivery says two things of an entity's event as of one moment, or a label is of a moment to come.

    Examples
    --------
    >>> day = [pd.Timestamp(f"2026-01-0{n}", tz="UTC") for n in range(1, 10)]
    >>> said = pd.DataFrame({"id": ["a", "b"], "event_timestamp": day[0], "label": ["1", "0"], "label_time": day[2]})
    >>> table, facts = revise(empty(["id"]), said.assign(source="bank"), recorded=day[3])
    >>> table[["id", "label", "revision"]].to_numpy().tolist(), facts["new"]
    ([['a', '1', 1], ['b', '0', 1]], 2)
    >>> more, facts = revise(table, said.assign(source="bank", label="0", label_time=day[4]), recorded=day[5])
    >>> more[["id", "label", "revision"]].to_numpy().tolist(), facts["turned"]
    ([['a', '0', 2], ['b', '0', 2]], [('1', '0', 1)])
    >>> revise(table, said.assign(source="bank", id="a", label_time=day[4]), recorded=day[5])
    Traceback (most recent call last):
        ...
    rarecall.errors.DataError: expected one label of id=a at 2026-01-01T00:00:00+00:00 as of \
2026-01-05T00:00:00+00:00, got '1' in row 0 and '0' in row 1; deliver the one that is right
    """
    keys, recorded = [*entity_of(known), EVENT], recorded.as_unit("us")
    said = delivered[delivered[LABEL].notna()]
    timed = LABEL_TIME in said
    said = said if timed else said.assign(**{LABEL_TIME: recorded})
    _check(said, keys, recorded)
    told = said.drop_duplicates([*keys, LABEL_TIME])
    told = told.assign(place=told.index).sort_values([*keys, LABEL_TIME], kind="stable")
    about = known.merge(told[keys].drop_duplicates(), on=keys)
    standing = as_of(about)
    told = told.merge(
        standing[[*keys, LABEL, LABEL_TIME]], on=keys, how="left", suffixes=("", "_standing"), validate="m:1"
    )
    if timed:
        last = about.sort_values(REVISION).drop_duplicates([*keys, LABEL_TIME], keep="last").assign(held=True)
        held = told.merge(last[[*keys, LABEL_TIME, LABEL, "held"]], on=[*keys, LABEL_TIME, LABEL], how="left")["held"]
        held = held.notna()
    else:
        held = told[LABEL] == told[f"{LABEL}_standing"]
    fresh = told[~held.to_numpy()].reset_index(drop=True)
    before = _before(fresh, keys)
    late = fresh[LABEL_TIME] < fresh[f"{LABEL_TIME}_standing"]
    change = pd.Series("corrected", index=fresh.index, dtype=object)
    change = change.mask(before == fresh[LABEL], "confirmed").mask(before.isna(), "new").mask(late, "late")
    count = about.groupby(keys, sort=False).size().rename("count").reset_index()
    earlier = fresh.merge(count, on=keys, how="left")["count"].fillna(0).to_numpy()
    fresh[REVISION] = (earlier + fresh.groupby(keys, sort=False).cumcount().to_numpy() + 1).astype("int32")
    pairs = pd.DataFrame({"before": before, "after": fresh[LABEL]})[change == "corrected"]
    turned = pairs.value_counts(sort=False).reset_index(name="rows").itertuples(index=False)
    facts = {
        "labels": len(delivered),
        **{one: int((change == one).sum()) for one in CHANGES},
        "known": len(said) - len(fresh),
        "unlabelled": len(delivered) - len(said),
        "turned": sorted((str(one), str(other), int(rows)) for one, other, rows in turned),
    }
    return fresh.assign(**{RECORDED: recorded})[schema(keys[:-1]).names], facts


def as_of(
    labels: pd.DataFrame, moment: pd.Timestamp | None = None, *, recorded: pd.Timestamp | None = None
) -> pd.DataFrame:
    """Return the label of each entity and event: the last one of all that is known.

    Parameters
    ----------
    labels : DataFrame
        Rows of the table.
    moment : Timestamp, optional
        Only what was the truth by then. None: by now.
    recorded : Timestamp, optional
        Only what we had been told by then; with the same `moment`, what was known on that day. None: by now.

    Returns
    -------
    DataFrame
        One row for each entity and event that has a label, in the order of the table: of the latest `label_time`, and
        among several of one moment the highest revision.

    Examples
    --------
    >>> day = [pd.Timestamp(f"2026-01-0{n}", tz="UTC") for n in range(1, 10)]
    >>> table = pd.DataFrame({"id": "a", "event_timestamp": day[0], "label": ["1", "0"], "source": "bank",
    ...     "label_time": [day[2], day[4]], "revision": [1, 2], "recorded": [day[3], day[8]]})
    >>> [as_of(table, moment)["label"].tolist() for moment in (day[1], day[3], day[5])]
    [[], ['1'], ['0']]
    >>> as_of(table, day[5], recorded=day[5])["label"].tolist()
    ['1']
    """
    keys = [*entity_of(labels), EVENT]
    if moment is not None:
        labels = labels[labels[LABEL_TIME] <= moment]
    if recorded is not None:
        labels = labels[labels[RECORDED] <= recorded]
    return _last(labels, keys).reset_index(drop=True)


def joined(rows: pd.DataFrame, labels: pd.DataFrame) -> pd.DataFrame:
    """Return each row's label, by its entity and event time.

    Parameters
    ----------
    rows : DataFrame of shape (n_rows, n_columns)
        With the entity's columns, of any type, and `event_timestamp`.
    labels : DataFrame
        As `as_of` gives them.

    Returns
    -------
    DataFrame of shape (n_rows, 4)
        `label`, `label_time`, `source` and `revision`, indexed like the rows; missing where a row has no label yet.

    Examples
    --------
    >>> day = pd.Timestamp("2026-01-01", tz="UTC")
    >>> said = pd.DataFrame({"id": ["07"], "event_timestamp": day, "label": "1", "source": "bank"})
    >>> said = said.assign(label_time=day, revision=1, recorded=day)
    >>> joined(pd.DataFrame({"id": [7, 8], "event_timestamp": day}), said)["label"].tolist()
    ['1', nan]
    """
    entity = entity_of(labels)
    keys, said = [*entity, EVENT], [LABEL, LABEL_TIME, SOURCE, REVISION]
    ids = {name: _comparable(rows[name], labels[name]) for name in entity}
    wanted = rows[keys].assign(**{name: one for name, (one, _) in ids.items()})
    found = _last(labels.assign(**{name: other for name, (_, other) in ids.items()}), keys)
    answer = wanted.merge(found[[*keys, *said]], on=keys, how="left", validate="m:1")[said]
    return answer.set_axis(rows.index)


def history(labels: pd.DataFrame, entity: Mapping[str, str]) -> pd.DataFrame:
    """Return all that was ever said of an entity, event by event, in the order in which we were told.

    Parameters
    ----------
    labels : DataFrame
        Rows of the table.
    entity : mapping of str to str
        Its columns and their values, as `rarecall.intake.pseudonym.texts` writes them.
    """
    about = labels[is_entity(labels, entity)]
    return about.sort_values([EVENT, REVISION], ignore_index=True)


def content(labels: pd.DataFrame) -> str:
    """Return 16 hexadecimal digits that name what labels say: of whom, of which event, which label.

    When they became known and by how many revisions does not matter, so that what was known on a day has one name,
    however and on whichever machine it is read again.

    Parameters
    ----------
    labels : DataFrame
        As `as_of` gives them.
    """
    keys = [*entity_of(labels), EVENT]
    said = np.sort(pd.util.hash_pandas_object(labels[[*keys, LABEL]], index=False).to_numpy())
    return hashlib.sha256(",".join(keys).encode() + b"\0" + said.tobytes()).hexdigest()[:16]


def empty(entity: Sequence[str]) -> pd.DataFrame:
    """Return the table before anything was said."""
    frame: pd.DataFrame = schema(entity).empty_table().to_pandas()
    return frame


def entity_of(labels: pd.DataFrame) -> list[str]:
    """Return the columns of a label table that name the entity."""
    return [str(name) for name in labels.columns if name not in COLUMNS]


def _last(labels: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Return the row that counts of each key, in the order in which the rows stand."""
    several = labels.duplicated(keys, keep=False)
    ordered = labels[several].sort_values([LABEL_TIME, RECORDED, REVISION], kind="stable")
    return labels.drop(index=ordered.index[ordered.duplicated(keys, keep="last")])


def _comparable(held: "pd.Series[Any]", said: "pd.Series[Any]") -> tuple[Any, Any]:
    """Return the ids of a table's rows, of any type, and those of labels, which are texts, as what can be compared.

    A table of numbers has lost its leading zeros, a delivery of labels that is read as texts has not.
    """
    if not pd.api.types.is_numeric_dtype(held) or pd.api.types.is_bool_dtype(held):
        return texts(held), said
    numbers = pd.to_numeric(said, errors="coerce")
    if pd.api.types.is_integer_dtype(held) and pd.api.types.is_signed_integer_dtype(numbers):
        kind: Any = "Int64" if held.isna().any() else "int64"
        return held.astype(kind), numbers.astype(kind)
    return texts(held), said.str.replace(r"^0+(?=\d)|\.0+$", "", regex=True)


def _check(said: pd.DataFrame, keys: list[str], recorded: pd.Timestamp) -> None:
    ahead = said[said[LABEL_TIME] > recorded]
    if not ahead.empty:
        raise DataError(
            f"expected labels of moments before {recorded.isoformat()}, when they were delivered, got "
            f"{ahead[LABEL_TIME].iloc[0].isoformat()} in row {ahead.index[0]} ({len(ahead)} rows are like it); mend "
            "the label times, or leave their column out: the labels then hold from now on"
        )
    distinct = said.drop_duplicates([*keys, LABEL_TIME, LABEL])
    twice = distinct[distinct.duplicated([*keys, LABEL_TIME], keep=False)]
    if twice.empty:
        return
    first = twice.iloc[0]
    same = twice[(twice[[*keys, LABEL_TIME]] == first[[*keys, LABEL_TIME]]).all(axis=1)]
    named = ", ".join(f"{name}={first[name]}" for name in keys[:-1])
    raise DataError(
        f"expected one label of {named} at {first[EVENT].isoformat()} as of {first[LABEL_TIME].isoformat()}, got "
        f"{same[LABEL].iloc[0]!r} in row {same.index[0]} and {same[LABEL].iloc[1]!r} in row {same.index[1]}; deliver "
        "the one that is right"
    )


def _before(fresh: pd.DataFrame, keys: list[str]) -> "pd.Series[Any]":
    """Return the label that stood when each was told: of the row before it, where that displaced what was known."""
    grouped = fresh.groupby(keys, sort=False)
    label, moment = grouped[LABEL].shift(), grouped[LABEL_TIME].shift()
    standing, since = fresh[f"{LABEL}_standing"], fresh[f"{LABEL_TIME}_standing"]
    counts = moment.notna() & ~(moment < since)
    return label.where(counts, standing)
