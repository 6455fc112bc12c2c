"""Expressions over a table's columns that a project file may hold: comparisons and arithmetic, and nothing that acts.

pandas evaluates them (`rarecall.resampling.rules.Rules`), for the check of a delivery and for the sampler alike. Its
own grammar also calls functions and methods, `to_csv` among them, so what is written is read here first.
"""

import ast
import re

_QUOTED = re.compile(r"`([^`]+)`")
_ALLOWED = (
    *(ast.Expression, ast.Name, ast.Load, ast.Constant, ast.List, ast.Tuple),
    *(ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.Invert, ast.USub, ast.UAdd),
    *(ast.Compare, ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.In, ast.NotIn),
    *(ast.BinOp, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.BitAnd, ast.BitOr),
)
_JUDGES = (ast.Compare, ast.BoolOp, ast.UnaryOp, ast.BinOp)  # a bare name or number judges nothing
_LONGEST = 500  # of a text: a rule is one sentence


def columns_of(expression: str) -> tuple[str, ...]:
    """Return the columns that an expression reads, in order of appearance.

    Raises
    ------
    ValueError
        The expression is more than comparisons, arithmetic, `and`, `or`, `not` and `in` over columns and constants.

    Examples
    --------
    >>> columns_of("end >= start and `unit price` * n < 1e6")
    ('end', 'start', 'unit price', 'n')
    >>> columns_of("amount.to_csv('x') > 0")
    Traceback (most recent call last):
    ValueError: expected comparisons of columns such as "end >= start", got "amount.to_csv('x') > 0", which calls \
something
    """
    quoted = {f"quoted_{number}_": name for number, name in enumerate(dict.fromkeys(_QUOTED.findall(expression)))}
    as_names = {name: alias for alias, name in quoted.items()}
    plain = _QUOTED.sub(lambda match: as_names[match[1]], expression)
    if len(expression) > _LONGEST:
        raise _refused(expression[:40] + "...", f"is longer than {_LONGEST} characters")
    try:
        tree = ast.parse(plain.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise _refused(expression, "is not an expression") from None
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            raise _refused(expression, "calls something")
        if not isinstance(node, _ALLOWED):
            raise _refused(expression, f"holds {_article(type(node).__name__)}")
    names = sorted(
        (node for node in ast.walk(tree) if isinstance(node, ast.Name)), key=lambda node: (node.lineno, node.col_offset)
    )
    if not names or not isinstance(tree.body, _JUDGES):
        raise _refused(expression, "compares no column")
    return tuple(dict.fromkeys(quoted.get(node.id, node.id) for node in names))


def _article(word: str) -> str:
    return f"{'an' if word[0] in 'AEIOU' else 'a'} {word}"


def _refused(expression: str, why: str) -> ValueError:
    return ValueError(f'expected comparisons of columns such as "end >= start", got "{expression}", which {why}')
