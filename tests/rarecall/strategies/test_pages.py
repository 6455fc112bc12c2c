"""Every strategy has its page, every page its strategy, and the table of all names both."""

import re
from pathlib import Path

import pytest

from rarecall.strategies.known import KNOWN

PAGES = Path(__file__).parents[3] / "docs" / "strategies"
TOLD = ("## What it does", "## When it helps", "## When it harms", "## What it costs", "## Figures")


def test_every_strategy_has_its_page_and_the_other_way_round():
    assert {page.stem for page in PAGES.glob("*.md")} - {"README"} == set(KNOWN)


@pytest.mark.parametrize("name", KNOWN)
def test_a_page_says_what_helps_and_what_harms(name):
    text = (PAGES / f"{name}.md").read_text(encoding="utf-8")
    assert [line for line in text.splitlines() if line.startswith("## ")] == list(TOLD)
    assert f"`{name}`" in text
    begin, end = f"<!-- strategies {name}: written by benchmarks/strategies.py -->", f"<!-- strategies {name}: end -->"
    assert text.index(begin) < text.index(end)


def test_the_table_of_all_links_each_once():
    text = (PAGES / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| \[`(\w+)`\]\(\1\.md\) \|", text, re.MULTILINE) == list(KNOWN)
