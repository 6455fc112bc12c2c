"""Write `rules.yml`, the rules of a project that changes no default: `python infra/prometheus/rules.py`."""

from pathlib import Path

from monitoring.rules import text
from rarecall.project import Project

FILE = Path(__file__).with_name("rules.yml")


def defaults() -> str:
    """Return the file's text."""
    given = {"name": "rarecall", "source": {"path": "rows.csv"}, "label": {"column": "label", "positive": 1}}
    return text(Project.model_validate(given), named=False)


if __name__ == "__main__":
    FILE.write_text(defaults(), encoding="utf-8")
