"""Answers: what a person says of labels that the label check doubts, read from their file and put to use.

An answer is about a row, not about its place: a row is known again in a later delivery by its fingerprint.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from numpy.typing import NDArray

from rarecall.doubt.review import MARK
from rarecall.doubt.screening import HALF
from rarecall.errors import DataError, brief, nearest
from rarecall.intake import fingerprint
from rarecall.project import Project
from rarecall.sections import Label

ANSWERS = ("positive", "negative", "unsure")
SURE = ("positive", "negative")
"""Those that say what a label is."""

COLUMNS = ("row", "answer")

_SEPARATORS = ",;\t"  # a spreadsheet writes the one of its country


def names(rows: pd.DataFrame, project: Project, features: Iterable[str]) -> NDArray[Any]:
    """Return what each row is called across deliveries.

    Parameters
    ----------
    rows : DataFrame of shape (n_rows, n_columns)
        With the entity and `event_timestamp`, or else with the features. The moment is read in place of the project's
        timestamp column, so that it does not matter how the source writes it.
    project : Project
    features : iterable of str

    Returns
    -------
    ndarray of str of shape (n_rows,)
    """
    if project.timestamp:
        rows = rows.assign(**{project.timestamp: rows["event_timestamp"]})
    return fingerprint.of_rows(rows, fingerprint.key_columns(project, features))


def named_by(project: Project, features: Iterable[str]) -> list[str]:
    """Return the columns of a training set that `names` reads."""
    keys = fingerprint.key_columns(project, features)
    return ["event_timestamp" if name == project.timestamp else name for name in keys]


def read(file: Path) -> dict[str, str]:
    """Read what a person filled in.

    Parameters
    ----------
    file : Path
        CSV or Parquet, as `rarecall labels export` wrote it, with `answer` filled in; other columns are not read.

    Returns
    -------
    dict of str to str
        Fingerprint to answer, for each row that has one.

    Raises
    ------
    DataError
        The file cannot be read or lacks a column; an answer is none of `ANSWERS`; one row has two.

    Examples
    --------
    >>> import tempfile
    >>> filled = pd.DataFrame({"row": ["row-00000000000000aa", "row-00000000000000bb"], "answer": ["Positive", None]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "queue.csv"
    ...     filled.to_csv(file, index=False)
    ...     read(file)
    ...     filled.assign(answer="maybe").to_csv(file, index=False)
    ...     read(file)
    Traceback (most recent call last):
        ...
    rarecall.errors.DataError: queue.csv: expected positive, negative, unsure or nothing as the answer of \
row-00000000000000aa, got 'maybe'; mend it and apply the file again, for nothing of it was applied
    """
    filled = _table(file)
    there = [str(name) for name in filled]
    for column in COLUMNS:
        if column not in there:
            raise DataError(
                f"{file.name}: expected the columns row and answer, got no {column!r}{nearest(column, there)}; "
                "fill in a file that rarecall labels export wrote"
            )
    said: dict[str, str] = {}
    for row, answer in _filled(filled):
        if answer not in ANSWERS:
            raise _refusal(file, f"positive, negative, unsure or nothing as the answer of {row}", answer)
        name = row.removeprefix(MARK)
        if name == row or len(name) != 16 or not set(name) <= set("0123456789abcdef"):
            raise _refusal(file, f"{MARK} and 16 hexadecimal digits as the name of a row", row)
        if said.setdefault(name, answer) != answer:
            raise _refusal(file, f"one answer about {row}", f"{said[name]} and {answer}")
    return said


def standing(said: Iterable[Mapping[str, Any]], label: Label) -> dict[str, str]:
    """Return the answers that hold: the last one about each row, of those about this label.

    Parameters
    ----------
    said : iterable of mapping
        What `payload` made, oldest first.
    label : Label
        An answer about another column, or about another value as the rare one, answers another question.

    Examples
    --------
    >>> fraud = Label(column="fraud", positive=1)
    >>> first, second = payload({"aa": "unsure", "bb": "negative"}, fraud), payload({"aa": "positive"}, fraud)
    >>> standing([first, second], fraud)
    {'aa': 'positive', 'bb': 'negative'}
    >>> standing([first, second], Label(column="chargeback", positive=1))
    {}
    """
    held: dict[str, str] = {}
    for one in said:
        if one["label"] == _question(label):
            held.update(one["answers"])
    return held


def payload(answers: Mapping[str, str], label: Label) -> dict[str, Any]:
    """Return answers as the ledger keeps them: beside the question that they answer."""
    return {"label": _question(label), "answers": dict(answers)}


def corrected(label: "pd.Series[Any]", answer: "pd.Series[Any]") -> "pd.Series[Any]":
    """Return the labels as a person knows them, where one has answered; `unsure` leaves a label as it is.

    >>> corrected(pd.Series([0, 1, 1]), pd.Series(["positive", None, "unsure"])).tolist()
    [1, 1, 1]
    """
    known = answer.map({"positive": 1, "negative": 0}).astype("float64")
    return known.fillna(label).astype(label.dtype)


def settled(verdict: pd.DataFrame, answer: "pd.Series[Any]") -> pd.DataFrame:
    """Return a label verdict in which a person's word stands above the check's.

    A row whose label is answered is kept whole. One of which a person is unsure trains with half the weight, seeds
    nothing and is not asked about again.

    Parameters
    ----------
    verdict : DataFrame of shape (n_rows, ...)
        With `score`, `action` and `weight`.
    answer : Series of shape (n_rows,)
        Indexed alike; missing where nobody has answered.

    Examples
    --------
    >>> doubted = pd.DataFrame({"score": 0.1, "action": "review", "weight": 0.1}, index=range(3))
    >>> settled(doubted, pd.Series(["negative", "unsure", None]))
       score  action  weight
    0    1.0    keep     1.0
    1    0.1  weight     0.5
    2    0.1  review     0.1
    """
    sure, unsure = answer.isin(SURE), answer == "unsure"
    return verdict.assign(
        score=verdict["score"].mask(sure, 1.0),
        action=verdict["action"].mask(sure, "keep").mask(unsure, "weight"),
        weight=verdict["weight"].mask(sure, 1.0).mask(unsure, HALF),
    )


def counted(answers: Iterable[str]) -> dict[str, int]:
    """Return how many answers there are of each kind.

    >>> counted(["unsure", "positive", "unsure"])
    {'positive': 1, 'negative': 0, 'unsure': 2}
    """
    many = Counter(answers)
    return {answer: many[answer] for answer in ANSWERS}


def _table(file: Path) -> pd.DataFrame:
    try:
        if file.suffix.lower() == ".parquet":
            return pd.read_parquet(file)
        with file.open(encoding="utf-8-sig") as text:
            header = text.readline()
        separator = max(_SEPARATORS, key=header.count)
        return pd.read_csv(file, sep=separator, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except FileNotFoundError:
        raise DataError(f"{file}: no such file; write one with: rarecall labels export --output {file}") from None
    except (OSError, ValueError) as error:  # pandas' and pyarrow's own are ValueErrors
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{file}: expected CSV or Parquet, got what cannot be read: {said}") from None


def _filled(table: pd.DataFrame) -> Iterator[tuple[str, str]]:
    for row, answer in table[list(COLUMNS)].fillna("").astype(str).itertuples(index=False):
        if answer := answer.strip().lower():
            yield row.strip(), answer


def _refusal(file: Path, expected: str, came: str) -> DataError:
    return DataError(
        f"{file.name}: expected {expected}, got {brief(came)}; mend it and apply the file again, for nothing of it was "
        "applied"
    )


def _question(label: Label) -> dict[str, Any]:
    return {"column": label.column, "positive": label.positive}
