"""The public tables of the examples: where they are published, and how to get them."""

from rarecall.catalog.download import FetchError, fetch, fetch_table
from rarecall.catalog.tables import TABLES, Table

__all__ = ["TABLES", "FetchError", "Table", "fetch", "fetch_table"]
