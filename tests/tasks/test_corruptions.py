"""A corrupted delivery of a real table never reaches training unnoticed, and never ends in a traceback.

Noticed is: refused in one sentence, or reported by a finding that names a corrupted column (rows in quarantine are
reported so too); of a corruption that is no column's, by a finding about the table.
"""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import corruptions as make
import pytest
from corruptions import DATA, TABLES, Corruption, Table, corruptions, table
from hypothesis import HealthCheck, Phase, given, settings

from rarecall.errors import DataError
from rarecall.intake import snapshot, source

pytestmark = [
    pytest.mark.skipif(not DATA.is_dir(), reason="the public tables are not here; see docs/tables.md"),
    pytest.mark.filterwarnings("ignore:Generating overly large repr"),  # of a failure, which the warning would hide
]

SLOW = settings(
    deadline=None,
    derandomize=True,  # the same corruptions on every machine
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.generate],  # a failing one says what it is; making it smaller takes minutes
)


@dataclass(frozen=True)
class Outcome:
    """What became of a delivery.

    Attributes
    ----------
    refusal : str
        The sentence that ended it, or nothing.
    findings : frozenset of str
        What the check found, as `expectation: columns`; empty where the delivery could not even be read.
    """

    refusal: str
    findings: frozenset[str]

    def noticed(self, corruption: Corruption) -> bool:
        columns = [set(found.partition(": ")[2].split(", ")) for found in self.findings]
        named = set(corruption.columns or [""])
        return bool(self.refusal) or any(one & named for one in columns)


def taken(of: Table, corruption: Corruption):
    with TemporaryDirectory() as folder:
        file = Path(folder) / f"delivery{corruption.ending}"
        file.write_bytes(corruption.content)
        here = of.project.source.model_copy(update={"path": str(file)})
        return snapshot.take(source.read(here, of.project.missing.markers), of.project)


@cache
def reference(of: Table):
    """Profile the delivery that was accepted before."""
    from expectations.reference import refer

    rows, facts = taken(of, make.accepted(of))
    return refer(rows, of.project, facts["features"])


def judged(of: Table, corruption: Corruption, *, alone: bool = False) -> Outcome:
    """Read, take and check a delivery beside the one before it, as ingest and validate do."""
    from expectations.check import check

    before = None if alone else reference(of)
    try:
        rows, facts = taken(of, corruption)
        verdict = check(rows, of.project, facts["features"], reference=before)
    except DataError as refusal:
        return Outcome(str(refusal), frozenset())
    findings = frozenset(f"{finding.expectation}: {finding.column}" for finding in verdict.findings)
    return Outcome(verdict.refusal() or "", findings)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.thorough) if name == "census-income" else name for name in TABLES]
)
def test_the_next_sound_delivery_differs_from_the_accepted_one_in_nothing(name):
    """Else a check that always cries would pass everything below; what the table lacks by itself is said anyway."""
    of = table(name)
    beside, alone = (judged(of, make.sound(of), alone=one) for one in (False, True))
    assert beside == alone
    assert beside.refusal == ""


NOT_NULL, IN_SET = "expect_column_values_to_not_be_null", "expect_column_values_to_be_in_set"
BETWEEN, DISTANCE = "expect_column_values_to_be_between", "expect_column_max_to_be_between"
TYPE, ROW_COUNT = "expect_column_values_to_be_in_type_list", "expect_table_row_count_to_be_between"

CAUGHT = {
    "30% of a number missing": (lambda of: make.missing(of, "balance", 0.3, 0), True, f"{NOT_NULL}: balance"),
    "30% of a text missing": (lambda of: make.missing(of, "marital", 0.3, 0), True, f"{NOT_NULL}: marital"),
    "a category never seen": (lambda of: make.new_category(of, "contact", 0.05, 0), False, f"{IN_SET}: contact"),
    "a shifted unit": (lambda of: make.unit(of, "balance", 1.0, 0, 100.0), True, f"{BETWEEN}: balance"),
    "a unit that shifts half way": (lambda of: make.unit(of, "balance", 0.5, 0, 100.0), False, f"{DISTANCE}: balance"),
    "swapped numbers": (lambda of: make.swapped(of, "age", "day"), True, f"{BETWEEN}: age"),
    "a number and a text swapped": (lambda of: make.swapped(of, "balance", "contact"), True, f"{TYPE}: balance"),
    "the first 40% of the rows": (lambda of: make.first_rows(of, 0.4), None, f"{ROW_COUNT}: "),
    "a cut CSV": (lambda of: make.cut_csv(of, 0.4), None, f"{ROW_COUNT}: "),
    "mojibake": (lambda of: make.mojibake(of, "marital", 0.1, 0), False, f"{IN_SET}: marital"),
    "a cohort that is gone": (
        lambda of: make.constant(of, "job"),
        None,
        "expect_column_distinct_values_to_contain_set: job",
    ),
    "an inverted label": (lambda of: make.inverted(of, 1.0, 0), True, f"{DISTANCE}: y"),
}
"""The corruption, whether it ends the run (None: either), and the check that says so."""


@pytest.mark.parametrize("name", CAUGHT)
def test_a_corruption_is_caught_by_its_check(name):
    corrupt, ends, check = CAUGHT[name]
    outcome = judged(table("bank-marketing"), corrupt(table("bank-marketing")))
    assert check in outcome.findings
    assert ends is None or bool(outcome.refusal) == ends
    assert "\n" not in outcome.refusal


@pytest.mark.parametrize(
    ("corrupt", "sentence"),
    [
        (lambda of: make.cut_gzip(of, 0.6), "cannot be read as a whole table.*deliver it again"),
        (lambda of: make.latin1(of, "contact", 3, 0), "expected UTF-8, got the byte 0xfe; save it as UTF-8"),
    ],
)
def test_a_file_that_is_no_table_is_refused_as_it_is_read(corrupt, sentence):
    outcome = judged(table("bank-marketing"), corrupt(table("bank-marketing")))
    assert re.search(sentence, outcome.refusal)
    assert outcome.findings == frozenset()


@settings(SLOW, max_examples=6)  # 200 of them: make corruptions
@given(drawn=corruptions())
def test_no_corruption_passes_unnoticed(drawn):
    """Some of the 200, for every day."""
    of, corruption = drawn
    outcome = judged(of, corruption)
    assert outcome.noticed(corruption), outcome
    assert "\n" not in outcome.refusal


@pytest.mark.corruptions
@settings(SLOW, max_examples=200)
@given(drawn=corruptions())
def test_none_of_200_corruptions_passes_unnoticed(drawn):
    """All of them: `make corruptions`."""
    of, corruption = drawn
    outcome = judged(of, corruption)
    assert outcome.noticed(corruption), outcome
    assert "\n" not in outcome.refusal
