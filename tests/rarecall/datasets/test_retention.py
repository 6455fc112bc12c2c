"""What something needs stays with all that is behind it; what was only compared with, or tells of it, does not hold."""

from rarecall.datasets import retention

GRAPH = {
    "snapshots/a": [],
    "verdicts/a": ["snapshots/a"],
    "datasets/a": ["snapshots/a", "verdicts/a"],
    "feast_datasets/a": ["datasets/a"],
    "models/a": ["datasets/a"],
    "snapshots/b": [],
    "verdicts/b": ["snapshots/b", "verdicts/a"],
    "datasets/b": ["snapshots/b", "verdicts/b"],
    "models/b": ["datasets/b"],
    "registrations/b": ["datasets/b", "models/b"],
}


def test_what_is_behind_stays_for_the_same_reason():
    found = retention.needed({"models/b": ["champion"]}, GRAPH)
    assert found.pop("registrations/b") == ["champion"], "it tells of what stays"
    assert found == {name: ["champion"] for name in ("datasets/b", "models/b", "snapshots/b", "verdicts/b")}


def test_what_was_compared_with_is_not_behind():
    assert "verdicts/a" not in retention.behind(["datasets/b"], GRAPH)
    assert retention.compared_with("verdicts/b", GRAPH) == ["verdicts/a"]


def test_reasons_add_up_and_stand_once():
    found = retention.needed({"datasets/b": ["champion"], "snapshots/b": ["champion", "pinned"]}, GRAPH)
    assert (found["snapshots/b"], found["datasets/b"]) == (["champion", "pinned"], ["champion"])


def test_a_version_that_stays_alone_takes_nothing_with_it():
    assert retention.needed({}, GRAPH, alone={"verdicts/a": ["reference"]}) == {"verdicts/a": ["reference"]}


def test_what_is_needed_and_not_there_is_nothing():
    assert retention.needed({"datasets/gone": ["champion"]}, GRAPH, alone={"verdicts/gone": ["x"]}) == {}
    assert retention.behind(["datasets/c"], {"datasets/c": ["snapshots/gone"]}) == {"datasets/c"}


def test_a_companion_goes_when_one_of_what_it_tells_of_goes():
    assert "registrations/b" not in retention.needed({"datasets/b": ["last run"]}, GRAPH)


def test_descent_follows_what_was_made_and_stops_where_rows_were_looked_at():
    found = retention.tainted(["snapshots/a", "verdicts/a", "datasets/a", "datasets/gone"], GRAPH)
    assert found == {"snapshots/a", "verdicts/a", "datasets/a", "feast_datasets/a", "models/a"}
    assert retention.tainted(["snapshots/a"], GRAPH) == {"snapshots/a"}, "its rows are in no later version"
    left = {"models/a": ["datasets/gone"]}
    assert retention.tainted(["datasets/gone"], left) == {"models/a"}, "what it was made of went before"


def test_everything_comes_after_what_it_was_made_of():
    order = retention.made_first(dict(reversed(GRAPH.items())))
    assert sorted(order) == sorted(GRAPH)
    assert all(order.index(one) < order.index(name) for name, inputs in GRAPH.items() for one in inputs)
