"""A rule compares columns; whatever else pandas would evaluate is refused when the project file is read."""

import pytest

from rarecall.expressions import columns_of


@pytest.mark.parametrize(
    "expression",
    [
        "__import__('os').system('x') > 0",
        "amount.to_csv('x') > 0",
        "@amount > 0",
        "(lambda: 1)() > 0",
        "[x for x in amount] == amount",
        "amount[0] > 1",
        "amount ** 999999999 > 0",
        "(a := 1) > 0",
        "f'{amount}' == job",
        "amount = 1",
        "amount",
        "1 > 0",
        "",
        "a > 0; b > 0",
        "(" * 300 + "a" + ")" * 300 + " > 0",
    ],
)
def test_what_acts_or_judges_nothing_is_refused(expression):
    with pytest.raises(ValueError, match="expected comparisons of columns"):
        columns_of(expression)


def test_columns_are_found_as_they_are_called():
    assert columns_of("`unit price` * n <= total and not (job in ['cook', 'clerk'] or n == 0)") == (
        "unit price",
        "n",
        "total",
        "job",
    )
