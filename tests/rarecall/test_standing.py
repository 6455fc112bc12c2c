"""What promotions and rollbacks make of a standing, whatever came before."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarecall.errors import DataError
from rarecall.standing import ALIASES, CHAMPION, DEEPEST, PREVIOUS, Standing, moves

VERSIONS = st.sampled_from("12345")
ACTIONS = st.one_of(
    st.tuples(st.sampled_from(["promoted", "challenged"]), VERSIONS),
    st.tuples(st.just("rolled_back")),
    st.tuples(st.just("demoted"), st.sampled_from(ALIASES)),
    st.tuples(st.just("without"), st.sets(VERSIONS, max_size=2)),
)


def after(standing, action):
    name, *arguments = action
    try:
        return getattr(standing, name)(*arguments)
    except DataError:
        assert not standing.behind, "only where there is nothing to roll back to"
        return standing


@given(st.lists(ACTIONS, max_size=30))
def test_whatever_is_done_previous_is_another_version_than_the_champion(actions):
    now = Standing()
    for action in actions:
        now = after(now, action)
        on = now.aliases()
        assert CHAMPION not in on or on[CHAMPION] != on.get(PREVIOUS)
        assert Standing.from_dict(now.as_dict()) == now
        assert len(now.behind) <= DEEPEST


@given(st.lists(ACTIONS, max_size=10), st.lists(ACTIONS, max_size=10))
def test_the_moves_lead_from_one_standing_to_the_other(before, then):
    one = two = Standing()
    for action in before:
        one = two = after(one, action)
    for action in then:
        two = after(two, action)
    found = one.aliases()
    for alias, pair in moves(one.aliases(), two.aliases()).items():
        assert found.pop(alias, None) == pair["from"]
        if pair["to"] is not None:
            found[alias] = pair["to"]
    assert found == two.aliases()


@given(st.lists(VERSIONS, min_size=1, max_size=8))
def test_rollbacks_go_the_way_of_the_promotions_back_and_end(promoted):
    now, way = Standing(), []
    for version in promoted:
        if not way or way[-1] != version:
            way.append(version)
        now = now.promoted(version)
    for expected in reversed(way[:-1]):
        now = now.rolled_back()
        assert now.champion == expected
    with pytest.raises(DataError, match="nothing to roll back to"):
        now.rolled_back()


def test_after_a_rollback_a_promotion_does_not_bring_the_bad_one_behind():
    now = Standing().promoted("1").promoted("2").rolled_back().promoted("3")
    assert now.aliases() == {"champion": "3", "previous": "1"}


def test_a_version_that_is_promoted_leaves_its_other_aliases():
    now = Standing(champion="1", canary="2", challenger="2").promoted("2")
    assert now.aliases() == {"champion": "2", "previous": "1"}


def test_when_versions_are_gone_what_is_behind_closes_up():
    now = Standing(champion="3", behind=("2", "3", "1")).without({"2"})
    assert now.aliases() == {"champion": "3", "previous": "1"}
