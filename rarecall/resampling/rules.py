"""Business rules: what a drawn row must satisfy to be believable, and how often which rule refused one."""

import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rarecall.resampling.plan import Plan
from rarecall.resampling.refusal import SamplingError

Rule = str | Callable[[Any], Any]


class Rules:
    """Predicates over rows, by name.

    Parameters
    ----------
    rules : mapping of name to rule, or sequence of rules
        A rule is a pandas expression over the columns, such as `"end >= start"`, or a function from a table of rows to
        one boolean a row. An expression names itself.

    >>> rules = Rules(["amount > 0"])
    >>> rules.passed(pd.DataFrame({"amount": [3.0, -1.0]})).tolist(), rules.rejected
    ([True, False], {'amount > 0': 1})
    """

    def __init__(self, rules: Mapping[str, Rule] | Sequence[Rule] | None) -> None:
        if not isinstance(rules, Mapping):
            rules = {rule if isinstance(rule, str) else rule.__name__: rule for rule in rules or ()}
        self.rules = dict(rules)
        self.rejected = dict.fromkeys(self.rules, 0)

    def __bool__(self) -> bool:
        return bool(self.rules)

    def passed(self, rows: Any) -> NDArray[np.bool_]:
        """Return which rows satisfy every rule, and count the refusals of each rule.

        An expression is not broken by a row that misses a value of one of its columns.
        """
        passed = np.ones(rows.shape[0], dtype=bool)
        for name, rule in self.rules.items():
            held = self._held(name, rule, rows)
            self.rejected[name] += int(np.count_nonzero(~held))
            passed &= held
        return passed

    @staticmethod
    def _held(name: str, rule: Rule, rows: Any) -> NDArray[np.bool_]:
        if isinstance(rule, str):
            if not isinstance(rows, pd.DataFrame):
                raise SamplingError(
                    f"expected a table with named columns for the rule {name!r}, got {type(rows).__name__}; "
                    "give a DataFrame, or a function as the rule"
                )
            try:
                answer: Any = rows.eval(rule, engine="python")
            except Exception as error:
                raise SamplingError(
                    f"the rule {name!r} could not be evaluated: {error}; mend its expression"
                ) from error
            named = [column for column in rows.columns if re.search(rf"\b{re.escape(str(column))}\b", rule)]
            missing = np.asarray(rows[named].isna().any(axis=1), dtype=bool)
        else:
            answer, missing = rule(rows), np.zeros(rows.shape[0], dtype=bool)
        if np.shape(answer) != (rows.shape[0],):
            raise SamplingError(f"expected one true or false a row from the rule {name!r}, got {type(answer).__name__}")
        held = pd.array(np.asarray(answer), dtype="boolean").fillna(True)
        kept: NDArray[np.bool_] = np.asarray(held, dtype=bool) | missing
        return kept


def told(plan: Plan, rejected: Mapping[str, int], made: int, max_redraws: int) -> Plan:
    """Return the plan with what the rules refused; rows that were left out are warned of and noted.

    Parameters
    ----------
    rejected : mapping of rule to int
        How many draws each rule refused.
    made : int
        Rows that were drawn.
    """
    notes = plan.notes
    if left_out := plan.n_synthetic - made:
        note = f"{left_out} of {plan.n_synthetic} rows still broke a rule after {max_redraws} redraws: left out"
        warnings.warn(note, UserWarning, stacklevel=3)
        notes = (*notes, note)
    return replace(plan, rejected=dict(rejected), notes=notes)
