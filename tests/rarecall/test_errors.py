"""Errors are sentences, with the exit code of the command line and the name that was probably meant."""

import pytest

from rarecall.errors import DataError, ProjectError, RarecallError, StoreError, brief, nearest, redacted


@pytest.mark.parametrize(("kind", "code"), [(RarecallError, 1), (DataError, 1), (StoreError, 1)])
def test_a_refusal_exits_with_one(kind, code):
    assert kind("expected rows, got none").exit_code == code


def test_a_wrong_project_file_exits_with_two_and_keeps_its_faults_apart():
    error = ProjectError(["gates.k: unknown key", "source: is missing; add it"])
    assert error.exit_code == 2
    assert error.faults == ("gates.k: unknown key", "source: is missing; add it")
    assert str(error) == "gates.k: unknown key\nsource: is missing; add it"


def test_every_error_of_ours_is_one_that_the_command_line_catches():
    assert {ProjectError, DataError, StoreError} <= set(RarecallError.__subclasses__())


def test_a_slip_of_the_finger_is_pointed_at():
    assert nearest("incmoe", ["age", "income"]) == "; did you mean 'income'?"


def test_another_case_is_a_slip_too():
    assert nearest("INCOME", ["age", "income"]) == "; did you mean 'income'?"


def test_without_a_near_name_the_valid_ones_are_shown_and_counted():
    assert nearest("zzz", [f"c{i}" for i in range(10)]) == "; it has c0, c1, c2, c3, c4, c5, c6, c7 and 2 more"


def test_names_of_many_lines_or_letters_stay_within_the_sentence():
    said = nearest("zzz", ["two\nlines", "long " * 99])
    assert said.startswith("; it has two lines, long long")
    assert len(said) < 80


def test_what_came_is_shown_in_one_short_line_without_a_secret():
    assert brief("a\nb") == "'a\\nb'"
    assert len(brief("x" * 999)) == 60
    assert "s3cret" not in brief({"url": "postgresql://ann:s3cret@db/x"})


def test_of_nothing_nothing_is_near():
    assert nearest("zzz", []) == ""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://ann:s3cret@db/x", "postgresql://***@db/x"),
        ("'postgresql+psycopg://ann:s3@cret@db/x'", "'postgresql+psycopg://***@db/x'"),
        ("postgresql://ann:s3/cr:et@db/x", "postgresql://***@db/x"),
        ("https://s3cret@host/t.csv?sig=s3cret&v=1", "https://***@host/t.csv?***"),
        ("mssql://db/x?user=ann&password=s3cret", "mssql://db/x?***"),
        ("no URL, an@address and a question?", "no URL, an@address and a question?"),
    ],
)
def test_what_a_url_keeps_secret_is_not_shown(text, shown):
    assert redacted(text) == shown
