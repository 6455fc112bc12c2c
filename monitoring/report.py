"""The run report: one self-contained page that a person reads in two minutes and an auditor keeps.

`render` turns a run's record, a plain dict, into HTML. It asks no server for anything, escapes everything that came
from the record, and gives the same bytes for the same record. `docs/report.md` lists the record's keys.
"""

import math
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from monitoring import plots
from rarecall.kinship.node import said

NARROW = 360
"""Width in CSS pixels of the forest that a phone shows."""

EXAMPLE_COLUMNS = 7
"""Columns shown of an example: those in which its parents differ come first."""

MOST_MOVES = 3
"""Cohorts whose change is told in a sentence of its own."""

_NOT_MEASURED = "—"
_LINK = re.compile(r"(?:(?:https?|file)://|[^:\x00-\x1f]+\Z)")
_TONES = {"good": "good", "bad": "bad", "completed": "good", "failed": "bad", "critical": "bad"}


def render(record: Mapping[str, Any]) -> str:
    """Return the page of one run.

    Parameters
    ----------
    record : mapping
        JSON-like, with the keys of `docs/report.md`. A float is None where it could not be measured; `champion_sli`,
        `curves`, `augmentation` and `decision.champion` are None where there is none.

    Returns
    -------
    str
        HTML in UTF-8 with styles and pictures inside.

    Raises
    ------
    jinja2.UndefinedError, KeyError
        When the record lacks a key: a report with a silent gap is worth less than none.
    """
    histogram = (record["augmentation"] or {}).get("difficulty_histogram")
    fidelity = (record["inspection"] or {}).get("fidelity")
    points, explained = record["arms"]["curve"], record["explanation"]
    found = explained and explained["importance"]
    pictures = {
        "cost_quality": plots.cost_quality(points, record["arms"]["knee"]) if points else "",
        "forest": plots.forest(record),
        "forest_narrow": plots.forest(record, width=NARROW),
        "curve": plots.precision_recall(record) if record["curves"] else "",
        "reliability": plots.reliability(record["calibration"]) if record["calibration"] else "",
        "importance": plots.importance(found["features"]) if found and found["features"] else "",
        "outcomes": plots.outcomes(explained["confusion"]) if explained else "",
        "difficulty": plots.difficulty(histogram) if histogram else "",
        "marginals": plots.marginals(fidelity["marginals"]["columns"])
        if fidelity and fidelity["marginals"]["largest"]
        else "",
        "surroundings": plots.surroundings(fidelity["surroundings"]["around"]) if fidelity else "",
    }
    page = _environment().get_template("report.html.jinja")
    return page.render(
        **record,
        outcome=_outcome(record),
        reasons=list(_reasons(record)),
        cohort_findings=list(_findings(record)),
        pictures={name: Markup(svg) for name, svg in pictures.items()},  # noqa: S704 - matplotlib has escaped their text
        palette=plots.PALETTE,
    )


@cache
def _environment() -> Environment:
    loader = PackageLoader("monitoring", package_path="")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    filters = (number, count, percent, points, interval, seconds, moment, words, value, tone, is_link, beside, said)
    environment.filters |= {function.__name__: function for function in filters}
    return environment


def _outcome(record: Mapping[str, Any]) -> dict[str, str]:
    """Return the banner's tone, sign and headline."""
    verdict, aliases = record["decision"]["verdict"], record["aliases"]
    if verdict == "promote":
        alias = next((alias for alias in ("champion", "challenger") if alias in aliases), None)
        # A challenger is the candidate that is to take a canary's share of the traffic.
        promoted = {"champion": "Promoted to champion", "challenger": "Promoted to canary"}
        return {"tone": "good", "sign": "✓", "headline": promoted[alias] if alias else "Passed its gates"}
    if verdict == "needs_approval":
        return _answer(record["approval"])
    if verdict == "reject":
        return {"tone": "bad", "sign": "✕", "headline": "Rejected"}
    return {"tone": "unknown", "sign": "?", "headline": "Not enough evidence"}


def _answer(approval: Mapping[str, Any]) -> dict[str, str]:
    """Return the banner of a candidate that a person has the last word on."""
    if approval["state"] == "asked":
        return {"tone": "unknown", "sign": "?", "headline": f"Needs approval until {moment(approval['until'])}"}
    if approval["state"] == "approved":
        return {"tone": "good", "sign": "✓", "headline": f"Approved by {approval['who']}"}
    by = "nobody answered in time" if approval["state"] == "timed out" else f"by {approval['who']}"
    return {"tone": "bad", "sign": "✕", "headline": f"Rejected: {by}"}


def _reasons(record: Mapping[str, Any]) -> Iterator[str]:
    """Yield why: what decided first, and the gates that hold in one sentence, as their table stands below."""
    gates, reasons = record["decision"]["gates"], record["decision"]["reasons"]
    held = {gate["reason"] for gate in gates if gate["state"] == "good"}
    if (approval := record["approval"]) and approval["why"]:
        yield f"{approval['who']}: {approval['why']}"
    yield from (reason for reason in reasons if reason not in held)
    if gates:
        verb = "holds" if len(held) == 1 else "hold"
        yield f"{len(held)} of {_plural(len(gates), 'gate')} {verb} on the untouched holdout"


def _findings(record: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the picture shows, in sentences: what rose or fell, what is below the gate, what nobody can tell."""
    champion = record["champion_sli"] or {"by_cohort": {}}
    cells = [
        (f"{cohort} {name}", cell, champion["by_cohort"].get(cohort, {}).get(name))
        for cohort, values in record["sli"]["by_cohort"].items()
        for name, cell in values.items()
    ]
    if not cells:
        yield "No cohorts are declared, so only the holdout as a whole is judged."
        return
    moved = [(name, cell, rival, way) for name, cell, rival in cells if rival and (way := _moved(cell, rival))]
    moved.sort(key=lambda move: -abs(move[1]["minority_recall"] - move[2]["minority_recall"]))
    for name, cell, rival, way in moved[:MOST_MOVES]:
        before, now = number(rival["minority_recall"]), number(cell["minority_recall"])
        yield f"Recall in {name} {way} from {before} with the champion to {now}."
    if len(moved) > MOST_MOVES:
        yield f"{_plural(len(moved) - MOST_MOVES, 'more cohort')} moved as clearly."
    gate, states = number(record["gates"]["minority_recall"]), [cell["state"] for _, cell, _ in cells]
    if below := [name for name, cell, _ in cells if cell["state"] == "bad"]:
        yield f"Below the gate of {gate}: {_listed(below)}."
    if held := states.count("good"):
        yield f"{held} of {_plural(len(cells), 'cohort')} {'holds' if held == 1 else 'hold'} the gate of {gate}."
    if unsure := states.count("not enough evidence"):
        yield f"For {unsure} there is not enough evidence: too few positives, or an interval that spans the gate."


def _moved(cell: Mapping[str, Any], rival: Mapping[str, Any]) -> str | None:
    """Say which way a recall went, where the two intervals are apart."""
    if None in (cell["low"], cell["high"], rival["low"], rival["high"]):
        return None
    return "rises" if cell["low"] > rival["high"] else "falls" if cell["high"] < rival["low"] else None


def _listed(names: list[str], most: int = 4) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _plural(many: int, noun: str) -> str:
    return f"{many} {noun}{'' if many == 1 else 's'}"


def number(measure: float | None) -> str:
    r"""Write a measure to the digits that matter, or a dash where it could not be measured.

    >>> number(0.8), number(0.0132), number(0.997), number(None)
    ('0.80', '0.013', '0.997', '—')
    >>> number(-0.25) == "\N{MINUS SIGN}0.25"
    True
    """
    if measure is None or not math.isfinite(measure):
        return _NOT_MEASURED
    digits = 3 if 0 < abs(measure) < 0.1 or 0.995 <= abs(measure) < 1 else 2
    return f"{measure:.{digits}f}".replace("-", "\N{MINUS SIGN}")


def interval(low: float | None, high: float | None) -> str:
    """Write an interval, or a dash.

    >>> interval(0.7, 0.85), interval(None, None)
    ('0.70 to 0.85', '—')
    """
    return _NOT_MEASURED if low is None or high is None else f"{number(low)} to {number(high)}"


def count(many: int | None) -> str:
    """Write a count.

    >>> count(1234567)
    '1,234,567'
    """
    return _NOT_MEASURED if many is None else f"{many:,}"


def percent(share: float | None) -> str:
    """Write a share, with more digits where it is small.

    >>> percent(0.0082), percent(0.25), percent(0.0), percent(None)
    ('0.82%', '25.0%', '0%', '—')
    """
    if share is None or not math.isfinite(share):
        return _NOT_MEASURED
    said = "0%" if share == 0 else f"{share:.2%}" if abs(share) < 0.1 else f"{share:.1%}"
    return said.replace("-", "\N{MINUS SIGN}")


def points(difference: float | None) -> str:
    """Write a difference of two shares in percentage points, with more digits where it is small.

    >>> points(0.082), points(0.0004), points(0.0), points(None)
    ('8.2', '0.04', '0.0', '—')
    """
    if difference is None or not math.isfinite(difference):
        return _NOT_MEASURED
    digits = 2 if 0 < abs(difference) < 0.01 else 1
    return f"{100 * difference:.{digits}f}".replace("-", "\N{MINUS SIGN}")


def seconds(duration: float | None) -> str:
    """Write how long something took.

    >>> seconds(0.04), seconds(12.34), seconds(95)
    ('0.0 s', '12.3 s', '1 min 35 s')
    """
    if duration is None:
        return _NOT_MEASURED
    return f"{duration:.1f} s" if duration < 60 else f"{duration // 60:.0f} min {duration % 60:.0f} s"


def moment(iso: str) -> str:
    """Write an ISO time to the minute, with its offset as it came.

    >>> moment("2026-03-01T10:22:41.123456+00:00"), moment("2026-03-01")
    ('2026-03-01 10:22 UTC', '2026-03-01')
    """
    zone = " UTC" if iso.endswith(("Z", "+00:00")) else ""
    return iso[:16].replace("T", " ") + zone


def words(name: str) -> str:
    """Write a key as words.

    >>> words("minority_recall"), words("auc_pr")
    ('minority recall', 'AUC-PR')
    """
    known = {"auc_pr": "AUC-PR", "auc_roc": "AUC-ROC", "f1_minority": "F1 of the minority"}
    return known.get(name, name.replace("_", " "))


def value(cell: Any) -> str:
    """Write one cell of a table.

    >>> value(12.3456), value(25481.5), value(None), value("north"), value(True)
    ('12.35', '25,481.50', '—', 'north', 'True')
    """
    if cell is None:
        return _NOT_MEASURED
    if isinstance(cell, float):
        return f"{cell:,.2f}" if abs(cell) >= 1000 else f"{cell:.4g}"
    return str(cell)


def tone(state: str | None) -> str:
    """Return the colour of a state: good, bad, or unknown for everything that is neither."""
    return _TONES.get(state or "", "unknown")


def is_link(href: str) -> bool:
    """Tell whether a browser may follow it: a page or a file, never a script or a database's URL.

    >>> is_link("https://mlflow.example/1"), is_link("evidently.html"), is_link("javascript:alert(1)")
    (True, True, False)
    """
    return _LINK.match(href) is not None


def beside(example: Mapping[str, Any]) -> dict[str, Any]:
    """Return an example's columns beside its parents', those that its parents differ in first, and how many are left.

    >>> beside({"synthetic": {"a": 2.0, "b": 1}, "parent": {"a": 1.0, "b": 1}, "neighbor": {"a": 3.0, "b": 1}})
    {'rows': [('a', 1.0, 2.0, 3.0), ('b', 1, 1, 1)], 'left': 0}
    """
    parent, synthetic, neighbor = example["parent"], example["synthetic"], example["neighbor"] or {}
    names = sorted(synthetic, key=lambda name: parent.get(name) == neighbor.get(name))
    rows = [(name, parent.get(name), synthetic[name], neighbor.get(name)) for name in names[:EXAMPLE_COLUMNS]]
    return {"rows": rows, "left": len(names) - len(rows)}
