"""What is published: each table's addresses, the digests that tell it from any other, and how its rows become ours.

The digests of the published files were looked up in the public sources named beside them. Those of bank-marketing,
adult and credit-default were also met from the other side: our tables, turned back into the published layout, have
exactly these digests. `docs/tables.md` says what could not be checked.
"""

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_BANK_FIRST_YEAR = 2008  # "ordered by date (from May 2008 to November 2010)", bank-names.txt

# The published files have no header; adult.names and census-income.names list their columns in this order.
_ADULT = (
    "age workclass fnlwgt education education_num marital_status occupation relationship race sex "
    "capital_gain capital_loss hours_per_week native_country income"
)

_CENSUS = (
    "age class_of_worker detailed_industry_recode detailed_occupation_recode education wage_per_hour "
    "enroll_in_edu_inst_last_wk marital_stat major_industry_code major_occupation_code race hispanic_origin sex "
    "member_of_a_labor_union reason_for_unemployment full_or_part_time_employment_stat capital_gains capital_losses "
    "dividends_from_stocks tax_filer_stat region_of_previous_residence state_of_previous_residence "
    "detailed_household_and_family_stat detailed_household_summary_in_household instance_weight "
    "migration_code_change_in_msa migration_code_change_in_reg migration_code_move_within_reg "
    "live_in_this_house_1_year_ago migration_prev_res_in_sunbelt num_persons_worked_for_employer "
    "family_members_under_18 country_of_birth_father country_of_birth_mother country_of_birth_self citizenship "
    "own_business_or_self_employed fill_inc_questionnaire_for_veterans_admin veterans_benefits weeks_worked_in_year "
    "year label"
)

# The published header is ID, X1 to X23, Y; these are the names of the same columns in UCI's description.
_CREDIT = (
    "client_id limit_bal sex education marriage age pay_0 pay_2 pay_3 pay_4 pay_5 pay_6 "
    "bill_amt1 bill_amt2 bill_amt3 bill_amt4 bill_amt5 bill_amt6 "
    "pay_amt1 pay_amt2 pay_amt3 pay_amt4 pay_amt5 pay_amt6 has_default"
)


@dataclass(frozen=True, kw_only=True)
class Table:
    """One published table.

    Attributes
    ----------
    file : str
        What it is called in the folder of tables.
    published : mapping of str to str
        The SHA-256 of each published file, in the order in which their rows follow each other. They are the digests
        of the files themselves: an archive may be packed again around them.
    ways : tuple of str
        Where a published file stands below the origin, the first that answers wins: `inner::outer`, in fsspec's
        notation for a file within an archive.
    rows : callable
        Turns the lines of the published files into our rows, the header first.
    digest : str or None
        SHA-256 of our table's text, the CSV as it is before gzip; None where our table is not the whole of the
        published one, so that only the published files can be told apart.
    """

    file: str
    published: Mapping[str, str]
    ways: tuple[str, ...]
    rows: Callable[[Iterable[str]], Iterator[list[str]]]
    digest: str | None


def bank_rows(lines: Iterable[str]) -> Iterator[list[str]]:
    """Yield our rows: the clients numbered, the day of contact written out as a date.

    The rows are ordered by date and carry day and month; a month that is earlier than the one before begins a year.

    >>> lines = ['"age";"day";"month";"y"', '30;31;"dec";"no"', '41;2;"jan";"yes"']
    >>> list(bank_rows(lines))[1:]
    [['1', '2008-12-31', '30', '31', 'dec', 'no'], ['2', '2009-01-02', '41', '2', 'jan', 'yes']]
    """
    reader = csv.reader(lines, delimiter=";")
    header = next(reader)
    day, month = header.index("day"), header.index("month")
    yield ["client_id", "contacted_on", *header]
    year, before = _BANK_FIRST_YEAR, 0
    for number, row in enumerate(reader, start=1):
        now = _MONTHS.index(row[month]) + 1
        year, before = year + (now < before), now
        yield [str(number), f"{year}-{now:02}-{int(row[day]):02}", *row]


def adult_rows(lines: Iterable[str]) -> Iterator[list[str]]:
    """Yield our rows: the persons numbered, without the banner and the full stops after the label of adult.test.

    >>> person = "39, State-gov, 77516, Bachelors, 13, Never-married, Sales, Wife, White, Male, 0, 0, 40, Cuba, <=50K"
    >>> _, first, second = adult_rows([person, "", "|1x3 Cross validator", f"{person}."])
    >>> first[0], second[0], first[1:] == second[1:], first[-1]
    ('1', '2', True, '<=50K')
    """
    names = _ADULT.split()
    yield ["person_id", *names]
    rows = (row for row in csv.reader(lines, skipinitialspace=True) if len(row) == len(names))
    for number, (*values, label) in enumerate(rows, start=1):
        yield [str(number), *values, label.removesuffix(".")]


def census_rows(lines: Iterable[str]) -> Iterator[list[str]]:
    """Yield our rows: the persons numbered, without the survey weight, the year in full, `NA` left empty.

    The weight says how many people a row stands for: "This attribute should *not* be used in the classifiers"
    (census-income.names).
    """
    names = _CENSUS.split()
    weight = names.index("instance_weight")
    yield ["person_id", *names[:weight], *names[weight + 1 :]]
    for number, row in enumerate(filter(None, csv.reader(lines)), start=1):
        values = [value.strip() for value in row]
        *known, year, label = ["" if value == "NA" else value for value in values[:weight] + values[weight + 1 :]]
        yield [str(number), *known, f"19{year}", label.removesuffix(".")]


def credit_rows(lines: Iterable[str]) -> Iterator[list[str]]:
    """Yield our rows: the columns named, amounts of money as decimals, which are whole numbers where published.

    >>> _, row = credit_rows(["ID,X1,...", ",".join("7" * 25)])
    >>> row[:3], row[-1]
    (['7', '7.0', '7'], '7')
    """
    names = _CREDIT.split()
    money = [name.startswith(("limit_bal", "bill_amt", "pay_amt")) for name in names]
    yield names
    for row in islice(csv.reader(lines), 1, None):
        yield [f"{value}.0" if is_money else value for value, is_money in zip(row, money, strict=True)]


TABLES: Mapping[str, Table] = {
    "bank-marketing": Table(  # doi.org/10.24432/C5K306
        file="bank_marketing.csv.gz",
        published={
            # github.com/secretflow/secretflow: secretflow/utils/simulation/datasets.py
            "bank-full.csv": "d1513ec63b385506f7cfce9f2c5caa9fe99e7ba4e8c3fa264b3aaf0f849ed32d",
        },
        ways=(
            "zip://{file}::zip://bank.zip::static/public/222/bank+marketing.zip",
            "zip://{file}::ml/machine-learning-databases/00222/bank.zip",
        ),
        rows=bank_rows,
        digest="c02f4a0ee39e8454084902962cfa6bc1b6c80a99d4c1c9303706bc92a5d0058f",
    ),
    "adult": Table(  # doi.org/10.24432/C5XW20
        file="adult.csv.gz",
        published={
            # github.com/vdorie/dbarts: benchmarks/R/uci-binary.R
            "adult.data": "5b00264637dbfec36bdeaab5676b0b309ff9eb788d63554ca0a249491c86603d",
            "adult.test": "a2a9044bc167a35b2361efbabec64e89d69ce82d9790d2980119aac5fd7e9c05",
        },
        ways=(
            "zip://{file}::static/public/2/adult.zip",
            "ml/machine-learning-databases/adult/{file}",
        ),
        rows=adult_rows,
        digest="c7fcc8701d780cfb6b2847596df69cbfa709f00663382fbcd797ed27203eeb67",
    ),
    "census-income": Table(  # doi.org/10.24432/C5N30T
        file="census_income_kdd.csv.gz",
        published={
            # github.com/ChepaMaksym/GA-article-test: candidates/EU26-21/common_bridge/validate_protocol.py
            "census-income.data": "3676a81db7d3528f3f8b9f3c699d0f0aa28db45e6e994fa0b8ed38327539ee86",
            "census-income.test": "98402b1ab879573d0a7f38a699a40258080e25e33d3401e7bf9c96d3fa0fab8c",
        },
        ways=("tar://{file}::zip://census.tar.gz::static/public/117/census+income+kdd.zip",),
        rows=census_rows,
        digest=None,
    ),
    "credit-default": Table(  # doi.org/10.24432/C55S3H
        file="credit_default.csv.gz",
        published={
            # github.com/shaloy-lewis/credit-card-default-prediction: configs/data/uci_credit_default_v1.json
            "data.csv": "45bcf4df62ff2e237a74eb155cabfb4bbbc171219a0637daef44fdad07503dd0",
        },
        # The archive of the same set holds an .xls, which would need one more library to be read.
        ways=("static/public/350/{file}",),
        rows=credit_rows,
        digest="7c56c882c1b22db9b27654ce5e04439c4d3db81760763bcea17982649ad26678",
    ),
}
