"""What a column's name says about it: word lists as data, read by the profile and by the search for leaks."""

import re

IDS = frozenset(["id", "uuid", "guid", "iban", "ssn", "rowid", "hash"])
"""Words that name who or what a row is about."""

CODES = frozenset(
    ["code", "recode", "zip", "postal", "postcode", "mcc", "sex", "gender", "race", "ethnicity", "religion", "marriage",
     "marital", "country", "region", "state", "channel", "branch", "store", "department", "category", "class", "type"]
)  # fmt: skip
"""Words that make whole numbers names: code 4 is not twice code 2."""

SEGMENTS = frozenset(
    ["region", "country", "state", "channel", "segment", "product", "store", "branch", "site", "plant", "line", "sex",
     "gender", "race", "ethnicity", "job", "occupation", "education", "marital", "marriage", "class", "category"]
)  # fmt: skip
"""Words of columns whose values people ask about one by one."""

OUTCOMES = frozenset(
    ["duration", "outcome", "result", "verdict", "decision", "closed", "closing", "resolved", "resolution", "settled",
     "settlement", "chargeback", "dispute", "disputed", "labelled", "labeled", "label", "confirmed", "investigated",
     "investigation", "cancelled", "canceled", "cancellation", "churned", "refund", "refunded", "writeoff", "recovered",
     "recoveries", "discharged", "discharge", "deceased", "died", "death", "terminated", "termination", "completed"]
)  # fmt: skip
"""Words of what is only known when the row's outcome is."""

_BEFORE = frozenset(["previous", "prior", "prev", "last", "past", "earlier", "since"])  # an outcome known beforehand
_PLAIN = frozenset(["is", "has", "was", "flag", "target", "y", "class", "label", "the", "in", "of"])
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def words(name: str) -> frozenset[str]:
    """Return the words of a column's name in lower case.

    >>> sorted(words("closedAt")), sorted(words("CUSTOMER_ID2"))
    (['at', 'closed'], ['2', 'customer', 'id'])
    """
    return frozenset(word.lower() for word in _WORD.findall(name))


def outcome(name: str, label: str) -> str | None:
    """Return the word that makes a column's name sound like something known only with its label, if any.

    >>> outcome("closed_at", label="is_fraud"), outcome("fraud_kind", label="is_fraud")
    ('closed', 'fraud')
    >>> outcome("previous_outcome", label="y"), outcome("amount", label="is_fraud")
    (None, None)
    """
    said = words(name)
    if said & _BEFORE:
        return None
    return min(said & (OUTCOMES | (words(label) - _PLAIN)), default=None)
