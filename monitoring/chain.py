"""The chain of a ledger: an entry's hash covers all its fields and the hash of the entry before it.

So whoever changes, removes or puts in an entry has to change every later one too, and the last hash with them. Who has
noted that hash elsewhere can tell.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

GENESIS = "0" * 64
"""What the first entry names as the hash before it."""

CHAINED = "ledger.chained"
"""The kind of the entry that begins the chain of a ledger whose earlier entries were written without one."""

FIELDS = ("number", "at", "kind", "subject", "payload", "who", "why")


def hash_of(row: Mapping[str, Any], previous: str) -> str:
    """Return the hash of an entry: SHA-256 over its fields and the hash before it as canonical JSON.

    Parameters
    ----------
    row : mapping
        The fields as they stand in the table: the time and the payload as text.
    previous : str

    Returns
    -------
    str
        64 hexadecimal digits. The JSON has sorted keys, no spaces, and nothing but ASCII, so any language can say
        whether it is right.

    Examples
    --------
    >>> row = dict(number=1, at="2026-03-03T12:00:00+00:00", kind="x", subject="a", payload="{}", who="ann", why="told")
    >>> hash_of(row, GENESIS)[:16]
    '9ab4a543be4b7f6b'
    >>> hash_of(row | {"who": "eve"}, GENESIS) == hash_of(row, GENESIS)
    False
    """
    covered = {name: row[name] for name in FIELDS} | {"previous": previous}
    text = json.dumps(covered, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def linked(rows: Iterable[Mapping[str, Any]], previous: str) -> list[dict[str, Any]]:
    """Return entries with `previous` and `hash`, each linked to the one before it and the first to `previous`."""
    found = []
    for row in rows:
        found.append({**row, "previous": previous, "hash": hash_of(row, previous)})
        previous = found[-1]["hash"]
    return found


def end_of(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return the hash at the end of entries that were written without one, as if each had been linked."""
    previous = GENESIS
    for row in rows:
        previous = hash_of(row, previous)
    return previous


def faults(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield what is wrong with a chain: a clause for each entry that is not what was written.

    Parameters
    ----------
    rows : iterable of mapping
        All entries in the order of their numbers, with `previous` and `hash`; these are None in entries that were
        written without a chain, which the first linked one answers for.
    """
    expected, before, begun = GENESIS, 0, False
    for row in rows:
        number = row["number"]
        if row["hash"] is None or row["previous"] is None:
            if begun:
                yield f"entry {number} has no hash, though the entries before it have"
            expected, before = hash_of(row, expected), number
            continue
        if row["previous"] != expected:
            yield _broken(row, before, begun=begun)
        if hash_of(row, row["previous"]) != row["hash"]:
            yield f"entry {number} was changed after it was written: its fields do not have the hash that it names"
        # The next one is held against what this one says, so that each fault is told once.
        expected, before, begun = row["hash"], number, True


def _broken(row: Mapping[str, Any], before: int, *, begun: bool) -> str:
    number = row["number"]
    if not begun and row["kind"] == CHAINED:
        return f"one of the entries before entry {number}, which had no hash of their own, was changed or removed"
    if number > before + 1:
        gone = f"entry {before + 1} is" if number == before + 2 else f"entries {before + 1} to {number - 1} are"
        return f"{gone} gone: entry {number} does not follow entry {before}"
    return f"entry {number} does not follow entry {before}: one of the two was replaced"
