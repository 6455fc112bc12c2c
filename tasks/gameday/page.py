"""The page of a game day and its picture, written to a folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rarecall.errors import StoreError


def write(found: dict[str, Any], output: Path) -> dict[str, str]:
    """Write page, picture and JSON, and return where they are.

    Raises
    ------
    StoreError
        The folder cannot be written.
    """
    from monitoring.gameday import render
    from monitoring.plots.gameday import as_png

    files = {kind: output / f"{found['scenario']}.{kind}" for kind in ("html", "png", "json")}
    try:
        output.mkdir(parents=True, exist_ok=True)
        files["html"].write_text(render(found), encoding="utf-8")
        files["png"].write_bytes(as_png(found))
        files["json"].write_text(json.dumps(found, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise StoreError(f"{output} cannot be written: {error.strerror}; give another folder with --output") from error
    return {"page": str(files["html"]), "picture": str(files["png"])}
