"""A package that registers transformations, as pip would install it: a module, and metadata with its entry points."""

from pathlib import Path

MODULE = """
import numpy as np

from rarecall.transformations import Transformation

LATER = Transformation(
    change=lambda rows, draws: rows.assign(hour=rows["hour"] + np.floor(12 * draws[:, 0])),
    safe=lambda before, after: after["hour"] < 24,
    says="up to half a day later",
)
NOT_ONE = "a text"
"""


def install(folder: Path, *entries: str, name: str = "acme-changes", version: str = "1.2") -> Path:
    """Put the package into a folder, which is then a place to import from; return the folder."""
    module = name.replace("-", "_")
    metadata = folder / f"{module}-{version}.dist-info"
    metadata.mkdir(parents=True)
    (folder / f"{module}.py").write_text(MODULE)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    listed = "\n".join(f"{entry} = {module}:{target}" for entry, target in (one.split("=") for one in entries))
    (metadata / "entry_points.txt").write_text(f"[rarecall.transformations]\n{listed}\n")
    return folder
