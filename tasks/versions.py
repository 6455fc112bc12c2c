"""A version by the beginning of its key, as a person types it."""

from difflib import get_close_matches

from rarecall.errors import DataError, StoreError, nearest
from rarecall.project import Project
from rarecall.warehouse import Version
from tasks.shelf import warehouse


def resolve(project: Project, kind: str, prefix: str) -> Version:
    """Return the one version of a kind whose key begins so; a whole key is its own.

    Raises
    ------
    DataError
        None begins so, or more than one.
    StoreError
        Its manifest cannot be read.
    """
    there = warehouse(project).keys(kind)
    hits = [prefix] if prefix in there else [key for key in there if prefix and key.startswith(prefix)]
    if len(hits) != 1:
        raise DataError(f"expected one version of {kind}, got {_instead(prefix, hits, there)}")
    found = warehouse(project).find(kind, hits[0])
    if found is None:
        raise StoreError(f"{kind}/{hits[0]} is gone; another process removed it")
    return found


def _instead(prefix: str, hits: list[str], there: list[str]) -> str:
    if hits:
        return f"{prefix!r}, with which {len(hits)} begin: {', '.join(hits[:4])}{', ...' if len(hits) > 4 else ''}"
    # A beginning is compared with beginnings: with whole keys it would be far from all of them.
    begins = {key[: len(prefix)]: key for key in there}
    close = get_close_matches(prefix, begins, n=1, cutoff=0.6) if prefix else []
    return f"{prefix!r}{nearest(begins[close[0]] if close else prefix, there) or '; there is none yet'}"
