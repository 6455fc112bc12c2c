"""The page of results: each benchmark writes its section between two markers and leaves the rest alone."""

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

PAGE = Path("docs/benchmarks.md")


def about(*packages: str) -> dict:
    """Return the date, the machine and the versions that a result depends on."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores, Python {platform.python_version()}",
        "versions": {name: version(name) for name in packages},
    }


def write_section(name: str, facts: dict, lines: list[str], page: Path = PAGE) -> None:
    """Replace what stands between the section's markers; a section that is not there yet is added at the end.

    Parameters
    ----------
    name : str
        The module's, which is also the section's marker.
    facts : dict
        As `about` returns them: the section's first line.
    page : Path
        By default that of all benchmarks.
    """
    begin, end = f"<!-- {name}: written by benchmarks/{name}.py -->", f"<!-- {name}: end -->"
    text = page.read_text()
    if begin not in text:
        text += f"\n## {name.replace('_', ' ').capitalize()}\n\n{begin}\n{end}\n"
    versions = ", ".join(f"{package} {number}" for package, number in facts["versions"].items())
    body = [begin, f"{facts['date']}, {facts['machine']}; {versions}.", "", *lines, end]
    page.write_text(text.split(begin)[0] + "\n".join(body) + text.split(end)[1])
