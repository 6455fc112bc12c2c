"""Pictures of the model: recall by cohort, its curve, and how far its probabilities hold."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from monitoring.plots.canvas import HAIRLINE, PALETTE, Cell, figure_of, short, style, svg, write

MOST_ROWS = 16
"""Values drawn of one cohort: a column of 40 countries would bury the rest; the page's table lists them all."""

CURVE_POINTS = 400
"""Points drawn of a curve: more than its pixels, and a curve of 200,000 thresholds stays small."""


class _Row(NamedTuple):
    """One line of the forest: a cohort's heading (no cell), or a value with what was measured on it."""

    label: str
    cell: Cell | None = None
    champion: Cell | None = None


def forest(record: Mapping[str, Any], *, width: int = 1072) -> str:
    """Draw recall with its interval, one row a cohort value, with the gate as a vertical line.

    Parameters
    ----------
    record : mapping
        The run's record, as `monitoring.report.render` takes it.
    width : int
        In CSS pixels; under 600 only the number of positives stays at the right.

    Returns
    -------
    str
        One `<svg>` element.
    """
    rows, rivalled, wide = list(_rows(record)), bool(record["champion_sli"]), width >= 600
    left, right = (168, 344 if rivalled else 206) if wide else (104, 46)
    pitch, margin = 26 if rivalled else 23, 26
    span, body = width - left - right, pitch * len(rows)
    with style(f"forest-{width}"):
        figure = figure_of(width, body + 2 * margin)
        axes = figure.add_axes((left / width, margin / (body + 2 * margin), span / width, body / (body + 2 * margin)))
        axes.set(xlim=(0, 1), ylim=(len(rows) - 0.5, -0.5), yticks=[])
        _recall_axis(axes, gate=record["gates"]["minority_recall"])
        columns = {"positives": span + right - 4}
        if wide:
            columns |= {"candidate": span + 140} | ({"champion": span + 274} if rivalled else {})
        for name, x in columns.items():
            write(axes, x, -0.5 - 10 / pitch, name if wide else "pos.", ha="right", color="muted", size=11)
        for y, row in enumerate(rows):
            if row.cell is None:
                write(axes, -left + 1, y + 0.14, short(row.label, 40), color="muted", size=11.5)
            else:
                across = (-left / span, 1 + right / span)
                axes.plot(across, (y + 0.5, y + 0.5), transform=axes.get_yaxis_transform(), clip_on=False, **HAIRLINE)
                _draw(axes, y, row, columns, left=left, letters=24 if wide else 14)
        return svg(figure)


def precision_recall(record: Mapping[str, Any]) -> str:
    """Draw the candidate's curve and the champion's, their chosen thresholds, and the corner where both gates hold."""
    curves, gates = record["curves"], record["gates"]
    recall, precision = gates["minority_recall"], gates["minority_precision"]
    with style("precision-recall"):
        figure = figure_of(460, 272)
        axes = figure.add_axes((46 / 460, 42 / 272, 404 / 460, 222 / 272))
        axes.set(xlim=(0, 1.012), ylim=(0, 1.03))
        axes.add_patch(Rectangle((recall, precision), 1 - recall, 1 - precision, facecolor=PALETTE["soft"], zorder=0))
        axes.vlines(recall, precision, 1, color=PALETTE["good"], linewidth=0.8, linestyle=(0, (3, 2)))
        axes.hlines(precision, recall, 1, color=PALETTE["good"], linewidth=0.8, linestyle=(0, (3, 2)))
        axes.axhline(curves["prevalence"], color=PALETTE["unknown"], linewidth=1, linestyle=(0, (1, 2)))
        axes.text(0.012, curves["prevalence"] + 0.018, "chance", color=PALETTE["muted"], size=11)
        for name, sli, color in (
            ("champion", record["champion_sli"], "champion"),
            ("candidate", record["sli"], "good"),
        ):
            if curve := curves[name]:
                kept = np.unique(np.linspace(0, len(curve["recall"]) - 1, CURVE_POINTS).astype(int))
                x, y = (np.asarray(curve[key], dtype=float)[kept] for key in ("recall", "precision"))
                axes.plot(x, y, color=PALETTE[color], linewidth=1.8, solid_joinstyle="round")
            if sli and None not in (at := (sli["minority_recall"], sli["minority_precision"])):
                marker = "D" if name == "champion" else "o"
                axes.plot(
                    *at, marker, color=PALETTE[color], markersize=7, markeredgecolor=PALETTE["card"], clip_on=False
                )
        axes.set_xticks(ticks := [0, 0.2, 0.4, 0.6, 0.8, 1], [f"{tick:g}" for tick in ticks])
        axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.set_xlabel("recall", labelpad=5)
        axes.set_ylabel("precision", labelpad=7)
        axes.grid()
        return svg(figure)


def reliability(calibration: Mapping[str, Any]) -> str:
    """Draw the share of positives in each bin of probability, calibrated and as the learner scored.

    Parameters
    ----------
    calibration : mapping
        `before` (None where nothing was calibrated) and `after`, as `rarecall.reliability.measure` returned them.
    """
    with style("reliability"):
        figure = figure_of(460, 272)
        axes = figure.add_axes((46 / 460, 42 / 272, 404 / 460, 222 / 272))
        axes.set(xlim=(0, 1.012), ylim=(-0.01, 1.03))
        axes.plot((0, 1), (0, 1), color=PALETTE["unknown"], linewidth=1, linestyle=(0, (1, 2)))
        for name, color, hollow in (("before", "unknown", True), ("after", "good", False)):
            bins = calibration[name]["bins"] if calibration[name] else []
            x, share, low, high = ([one[key] for one in bins] for key in ("probability", "share", "low", "high"))
            axes.vlines(x, low, high, color=PALETTE[color], linewidth=1.3, alpha=0.45)
            face, edge = ("card", color) if hollow else (color, "card")
            axes.plot(x, share, color=PALETTE[color], linewidth=1, alpha=0.6)
            axes.plot(x, share, "o", markersize=7, clip_on=False, zorder=4, markerfacecolor=PALETTE[face],
                      markeredgecolor=PALETTE[edge])  # fmt: skip
        for ticks in (axes.set_xticks, axes.set_yticks):
            ticks(at := [0, 0.2, 0.4, 0.6, 0.8, 1], [f"{tick:g}" for tick in at])
        axes.set_xlabel("mean probability", labelpad=5)
        axes.set_ylabel("share of positives", labelpad=7)
        axes.grid()
        return svg(figure)


def _rows(record: Mapping[str, Any]) -> Iterator[_Row]:
    """Yield the whole holdout first, then every cohort under its heading, in the record's order."""
    sli, champion = record["sli"], record["champion_sli"]
    verdicts = {gate["name"]: gate["state"] for gate in record["decision"]["gates"]}
    positives = {"positives": record["split"]["holdout"]["positives"]}
    state = {"state": verdicts.get("minority_recall", "not enough evidence")}
    yield _Row("whole holdout", _overall(sli) | positives | state, champion and _overall(champion))
    for cohort, values in sli["by_cohort"].items():
        yield _Row(str(cohort))
        rivals = champion["by_cohort"].get(cohort, {}) if champion else {}
        urgent = sorted(values, key=lambda name: (values[name]["state"] != "bad", -values[name]["positives"]))
        shown = set(urgent[:MOST_ROWS])
        yield from (_Row(str(name), cell, rivals.get(name)) for name, cell in values.items() if name in shown)
        if len(values) > MOST_ROWS:
            yield _Row(f"and {len(values) - MOST_ROWS} more in the table below")


def _overall(sli: Mapping[str, Any]) -> dict[str, Any]:
    low, high = sli["intervals"].get("minority_recall", (None, None))
    return {"minority_recall": sli["minority_recall"], "low": low, "high": high}


def _draw(axes: Axes, y: int, row: _Row, columns: Mapping[str, float], *, left: int, letters: int) -> None:
    cell, whole = row.cell or {}, y == 0
    known = cell["state"] != "not enough evidence"
    color = {"good": "good", "bad": "bad"}.get(cell["state"], "unknown")
    write(axes, -left + (1 if whole else 12), y, short(row.label, letters), weight=700 if whole else 400)
    write(axes, columns["positives"], y, f"{cell['positives']:,}", ha="right", color="ink" if known else "muted")
    shift = 0.17 if row.champion else 0.0
    _point(axes, y - shift, cell, color=color, marker="o", hollow=not known, size=10 if whole else 9)
    if row.champion:
        hollow = row.champion.get("state") == "not enough evidence"
        _point(axes, y + shift + 0.06, row.champion, color="champion", marker="D", hollow=hollow, size=6.5)
    if cell["minority_recall"] is None:
        write(axes, 8, y, "no positives to find", color="muted", size=11)
    for name, measured in (("candidate", cell), ("champion", row.champion)):
        if name in columns and measured and measured["minority_recall"] is not None:
            ink = "muted" if name == "champion" or not known else "bad" if color == "bad" else "ink"
            write(axes, columns[name] - 78, y, f"{measured['minority_recall']:.2f}", ha="right", color=ink, weight=700)
            if measured["low"] is not None and measured["high"] is not None:
                bounds = f"{measured['low']:.2f} to {measured['high']:.2f}"
                write(axes, columns[name], y, bounds, ha="right", color="muted")


def _point(axes: Axes, y: float, cell: Cell, *, color: str, marker: str, hollow: bool, size: float) -> None:
    """Draw an interval and its estimate; a hollow one says that nothing may be concluded from it."""
    if cell["low"] is not None and cell["high"] is not None:
        thick = 2.6 if marker == "o" and not hollow else 1.3
        axes.plot((cell["low"], cell["high"]), (y, y), color=PALETTE[color], linewidth=thick, solid_capstyle="round")
    if cell["minority_recall"] is not None:
        face, edge = ("card", color) if hollow else (color, "card")
        ring: dict[str, Any] = {
            "markerfacecolor": PALETTE[face],
            "markeredgecolor": PALETTE[edge],
            "markeredgewidth": 1.3,
        }
        axes.plot(cell["minority_recall"], y, marker, markersize=size, clip_on=False, zorder=4, **ring)


def _recall_axis(axes: Axes, *, gate: float) -> None:
    axes.set_xticks(ticks := [0, 0.25, 0.5, 0.75, 1], [f"{tick:g}" for tick in ticks])
    axes.grid(axis="x")
    axes.axvspan(gate, 1, color=PALETTE["soft"], linewidth=0, zorder=0)
    axes.axvline(gate, color=PALETTE["good"], linewidth=1.2, linestyle=(0, (4, 2.5)))
    axes.annotate(
        f"gate {gate:.2f}", (gate, 1), (0, 5), xycoords=axes.get_xaxis_transform(), textcoords="offset points",
        ha="center", color=PALETTE["good"], size=11.5, weight=700,
    )  # fmt: skip
