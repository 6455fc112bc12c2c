"""The suite is what the project file says, and can be kept and edited as JSON."""

from expectations.suite import SCOPES, suite
from rarecall.project import Project

KINDS = {"amount": "numeric", "job": "categorical"}


def project(**sections):
    return Project.model_validate(
        {"name": "p", "source": {"path": "a.csv"}, "label": {"column": "y", "positive": "yes"}, **sections}
    )


def asked(made, name):
    """Return the columns that an expectation is asked of."""
    found = [e.configuration.kwargs for e in made.expectations if e.expectation_type == name]
    return [kwargs.get("column", kwargs.get("column_list")) for kwargs in found]


def test_a_bare_table_is_asked_about_its_label_and_features_only():
    made = suite(project(), KINDS)
    assert asked(made, "expect_column_to_exist") == ["y", "job", "amount"]
    assert asked(made, "expect_compound_columns_to_be_unique") == []
    assert asked(made, "expect_column_values_to_not_be_null") == ["y", "amount", "job"]


def test_entity_and_timestamp_add_their_rules():
    made = suite(project(entity=["client", "branch"], timestamp="seen_on"), KINDS)
    assert asked(made, "expect_compound_columns_to_be_unique") == [["client", "branch", "event_timestamp"]]
    assert asked(made, "expect_column_values_to_not_be_null")[:4] == ["y", "client", "branch", "event_timestamp"]
    assert "seen_on" in asked(made, "expect_column_to_exist")


def test_only_numeric_features_must_be_numbers():
    made = suite(project(), KINDS)
    assert asked(made, "expect_column_values_to_be_in_type_list") == ["amount"]


def test_a_column_of_two_roles_is_expected_once():
    made = suite(project(cohorts=["job", "region"]), KINDS)
    assert sorted(asked(made, "expect_column_to_exist")) == ["amount", "job", "region", "y"]


def test_every_expectation_has_a_scope_a_severity_and_a_sentence():
    made = suite(project(entity="client", timestamp="seen_on", cohorts=["job"]), KINDS)
    for expectation in made.expectations:
        assert expectation.meta["scope"] in SCOPES
        assert expectation.severity.value in {"critical", "warning"}
        assert expectation.description
