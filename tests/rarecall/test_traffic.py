"""The split is the same for ever, sticky as it widens, and as large as it says."""

import subprocess
import sys

import pytest

from rarecall.traffic import arm

ENTITIES = [f"customer {n}" for n in range(100_000)]


@pytest.mark.parametrize("share", [0.01, 0.05, 0.10])
def test_the_canary_has_its_share(share):
    """Within four standard errors of the share on 100,000 entities."""
    found = sum(arm(one, "fraud 7", share) == "canary" for one in ENTITIES)
    assert abs(found - share * 100_000) < 4 * (share * (1 - share) * 100_000) ** 0.5


def test_nobody_and_everybody():
    assert {arm(one, "s", 0.0) for one in ENTITIES[:5000]} == {"champion"}
    assert {arm(one, "s", 1.0) for one in ENTITIES[:5000]} == {"canary"}


def test_whoever_meets_the_canary_still_meets_it_when_its_share_grows():
    small = {one for one in ENTITIES if arm(one, "s", 0.01) == "canary"}
    large = {one for one in ENTITIES if arm(one, "s", 0.10) == "canary"}
    assert small < large


def test_another_salt_draws_others():
    first = {one for one in ENTITIES if arm(one, "fraud 7", 0.05) == "canary"}
    second = {one for one in ENTITIES if arm(one, "fraud 8", 0.05) == "canary"}
    assert len(first & second) < 400  # 250 by chance


def test_it_is_the_same_in_another_process():
    """Python's own hash would differ."""
    asked = "from rarecall.traffic import arm; print([arm(str(n), 's', 0.1) for n in range(300)])"
    told = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True).stdout
    assert told.strip() == str([arm(str(n), "s", 0.1) for n in range(300)])


def test_salt_and_entity_are_told_apart():
    both = [(arm(f"a{n}", "b", 0.5), arm(f"{n}", "ba", 0.5)) for n in range(200)]
    assert any(one != other for one, other in both)
