"""The crowd: real rows that had a part in every synthetic row of a lineage, where no single one was drawn towards."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import pyarrow as pa

CROWD = b"rarecall.crowd"


@dataclass(frozen=True)
class Crowd:
    """Rows by their ids.

    Attributes
    ----------
    ids : tuple
        They travel once, in the lineage's metadata: a list for each row would be as long as they are many.
    role : {"mean", "taught"}
        `mean`: their mean stands at the other end of each row's line. `taught`: they taught a generator.

    >>> Crowd.of(Crowd((3, 7), "mean").on(pa.table({"index": [0]}))).ids
    (3, 7)
    """

    ids: tuple[Any, ...]
    role: str

    @classmethod
    def of(cls, lineage: pa.Table) -> Self | None:
        """Return the crowd of a lineage, or None where each row names those that it was made of."""
        text = (lineage.schema.metadata or {}).get(CROWD)
        if text is None:
            return None
        value = json.loads(text)
        return cls(tuple(value["ids"]), value["role"])

    @classmethod
    def named(cls, ids: Sequence[Any], role: str) -> Self:
        """Return the crowd of ids of numpy's or Python's own types."""
        return cls(tuple(one.item() if hasattr(one, "item") else one for one in ids), role)

    def on(self, lineage: pa.Table) -> pa.Table:
        """Return the lineage with the crowd in its metadata."""
        said = lineage.schema.metadata or {}
        text = json.dumps({"ids": list(self.ids), "role": self.role})
        return lineage.replace_schema_metadata({**said, CROWD: text})
