"""The run report's pictures: inline SVG that a reader can search and that follows the page's light and dark colours.

The same record gives the same bytes: ids come from a fixed salt, no date is written, and matplotlib's own defaults are
used whatever the user's `matplotlibrc` says. Sizes are CSS pixels, 72 to a matplotlib inch.
"""

import io
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

PALETTE = {
    "ink": "#18212e",
    "muted": "#647082",
    "line": "#e1e6ea",
    "card": "#fffffe",
    "good": "#0d7a6f",
    "soft": "#eff7f5",
    "bad": "#c23b32",
    "unknown": "#97a1ae",
    "champion": "#7d5bb5",
}
"""The page's CSS variables and their light values: a plot is drawn in these, then pointed at the variables."""

MOST_ROWS = 16
"""Values drawn of one cohort: a column of 40 countries would bury the rest; the page's table lists them all."""

MOST_COLUMNS = 10
"""Columns drawn of the marginals, the farthest first; the page's table lists them all."""

CURVE_POINTS = 400
"""Points drawn of a curve: more than its pixels, and a curve of 200,000 thresholds stays small."""

_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.size": 11.5,
    "axes.facecolor": "none",
    "axes.labelcolor": PALETTE["muted"],
    "axes.axisbelow": True,
    "grid.color": PALETTE["line"],
    "grid.linewidth": 0.8,
    **{f"axes.spines.{side}": False for side in ("left", "right", "top", "bottom")},
    **{f"{axis}tick.major.size": 0 for axis in "xy"},
    **{f"{axis}tick.color": PALETTE["muted"] for axis in "xy"},
}
_SIDES = {"synthetic": "good", "holdout": "unknown"}
_HAIRLINE: dict[str, Any] = {"color": PALETTE["line"], "linewidth": 0.6, "zorder": 0.5}

Cell = Mapping[str, Any]


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
    with _style(f"forest-{width}"):
        figure = _figure(width, body + 2 * margin)
        axes = figure.add_axes((left / width, margin / (body + 2 * margin), span / width, body / (body + 2 * margin)))
        axes.set(xlim=(0, 1), ylim=(len(rows) - 0.5, -0.5), yticks=[])
        _recall_axis(axes, gate=record["gates"]["minority_recall"])
        columns = {"positives": span + right - 4}
        if wide:
            columns |= {"candidate": span + 140} | ({"champion": span + 274} if rivalled else {})
        for name, x in columns.items():
            _write(axes, x, -0.5 - 10 / pitch, name if wide else "pos.", ha="right", color="muted", size=11)
        for y, row in enumerate(rows):
            if row.cell is None:
                _write(axes, -left + 1, y + 0.14, _short(row.label, 40), color="muted", size=11.5)
            else:
                across = (-left / span, 1 + right / span)
                axes.plot(across, (y + 0.5, y + 0.5), transform=axes.get_yaxis_transform(), clip_on=False, **_HAIRLINE)
                _draw(axes, y, row, columns, left=left, letters=24 if wide else 14)
        return _svg(figure)


def precision_recall(record: Mapping[str, Any]) -> str:
    """Draw the candidate's curve and the champion's, their chosen thresholds, and the corner where both gates hold."""
    curves, gates = record["curves"], record["gates"]
    recall, precision = gates["minority_recall"], gates["minority_precision"]
    with _style("precision-recall"):
        figure = _figure(460, 272)
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
        return _svg(figure)


def reliability(calibration: Mapping[str, Any]) -> str:
    """Draw the share of positives in each bin of probability, calibrated and as the learner scored.

    Parameters
    ----------
    calibration : mapping
        `before` (None where nothing was calibrated) and `after`, as `rarecall.reliability.measure` returned them.
    """
    with _style("reliability"):
        figure = _figure(460, 272)
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
        return _svg(figure)


def difficulty(histogram: Mapping[str, Any]) -> str:
    """Draw how many minority rows stand in how mixed a neighbourhood: ADASYN makes more rows towards the right."""
    edges, counts = np.asarray(histogram["edges"], dtype=float), np.asarray(histogram["counts"], dtype=float)
    with _style("difficulty"):
        figure = _figure(460, 150)
        axes = figure.add_axes((46 / 460, 40 / 150, 404 / 460, 100 / 150))
        axes.bar(edges[:-1], counts, width=np.diff(edges) * 0.92, align="edge", color=PALETTE["good"], alpha=0.75)
        axes.set(xlim=(edges[0], edges[-1]), ylim=(0, max(counts.max(), 1) * 1.05))
        axes.yaxis.get_major_locator().set_params(nbins=3, integer=True)
        axes.yaxis.set_major_formatter("{x:,.0f}")
        axes.xaxis.set_major_formatter("{x:g}")
        axes.set_xlabel("difficulty: share of neighbours in the majority", labelpad=5)
        axes.grid(axis="y")
        return _svg(figure)


def cost_quality(points: Sequence[Cell], knee: float | None) -> str:
    """Draw AUC-PR with its interval against the share of synthetic rows, and where more of them stops to pay.

    Parameters
    ----------
    points : sequence of mapping
        `synthetic_share`, `auc_pr`, `low`, `high` and `rows` of each.
    knee : float or None
        The share to mark.
    """
    share = np.array([point["synthetic_share"] for point in points])
    quality = np.array([point["auc_pr"] for point in points])
    reach = [[point[name] for point in points] for name in ("low", "high")]
    with _style("cost-quality"):
        figure = _figure(460, 190)
        axes = figure.add_axes((52 / 460, 40 / 190, 394 / 460, 138 / 190))
        axes.vlines(share, *reach, color=PALETTE["good"], linewidth=1.3, alpha=0.45)
        axes.plot(share, quality, "o-", color=PALETTE["good"], markersize=7, markeredgecolor=PALETTE["card"])
        if knee is not None:
            axes.axvline(knee, color=PALETTE["champion"], linewidth=1.2, linestyle=(0, (4, 3)), zorder=0.8)
        axes.xaxis.set_major_formatter("{x:.0%}")
        axes.yaxis.get_major_locator().set_params(nbins=4)
        axes.yaxis.set_major_formatter("{x:.2f}")
        axes.set_xlabel("synthetic share of the rows that teach", labelpad=5)
        axes.grid(axis="y")
        return _svg(figure)


def marginals(columns: Sequence[Cell]) -> str:
    """Draw how far each column's synthetic values lie from the real ones, beside how far the holdout's lie.

    Parameters
    ----------
    columns : sequence of mapping
        `name`, `distance`, `low`, `high` and `drift` of each, the farthest first.
    """
    shown = [column for column in columns if column["distance"] is not None][:MOST_COLUMNS]
    left, right, body = 132, 14, 22 * len(shown)
    span, height = 460 - left - right, body + 44
    with _style("marginals"):
        figure = _figure(460, height)
        axes = figure.add_axes((left / 460, 40 / height, span / 460, body / height))
        reach = max([0.05, *(column[name] or 0.0 for column in shown for name in ("high", "drift"))])
        axes.set(xlim=(0, reach * 1.04), ylim=(len(shown) - 0.5, -0.5), yticks=[])
        axes.xaxis.get_major_locator().set_params(nbins=5)
        axes.xaxis.set_major_formatter("{x:g}")
        axes.grid(axis="x")
        axes.set_xlabel("distance from the real training rows", labelpad=5)
        for y, column in enumerate(shown):
            axes.plot((-left / span, 1), (y + 0.5, y + 0.5), transform=axes.get_yaxis_transform(), clip_on=False,
                      **_HAIRLINE)  # fmt: skip
            _write(axes, -left + 1, y, _short(column["name"], 19), size=12)
            axes.plot(
                (column["low"], column["high"]),
                (y, y),
                color=PALETTE["good"],
                linewidth=1.3,
                alpha=0.45,
                solid_capstyle="round",
            )
            if column["drift"] is not None:
                axes.plot(column["drift"], y, "o", markersize=7, clip_on=False, markerfacecolor=PALETTE["card"],
                          markeredgecolor=PALETTE["unknown"], markeredgewidth=1.3, zorder=3)  # fmt: skip
            axes.plot(column["distance"], y, "o", color=PALETTE["good"], markersize=8, clip_on=False, zorder=4,
                      markeredgecolor=PALETTE["card"])  # fmt: skip
        return _svg(figure)


def surroundings(around: Mapping[str, Cell | None]) -> str:
    """Draw among how many majority rows synthetic and holdout rows stand, as a share of each."""
    sides = [(side, color) for name, color in _SIDES.items() if (side := around[name])]
    with _style("surroundings"):
        figure = _figure(460, 158)
        axes = figure.add_axes((46 / 460, 40 / 158, 404 / 460, 110 / 158))
        for place, (side, color) in enumerate(sides):
            counts = np.asarray(side["majority_neighbors"], dtype=float)
            x = np.arange(len(counts)) + (place - (len(sides) - 1) / 2) * 0.38
            axes.bar(x, counts / counts.sum(), width=0.34, color=PALETTE[color], alpha=0.8)
        axes.set_ylim(bottom=0)
        axes.yaxis.get_major_locator().set_params(nbins=4)
        axes.yaxis.set_major_formatter("{x:.0%}")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.set_xlabel("majority rows among the nearest real rows", labelpad=5)
        axes.grid(axis="y")
        return _svg(figure)


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
    _write(axes, -left + (1 if whole else 12), y, _short(row.label, letters), weight=700 if whole else 400)
    _write(axes, columns["positives"], y, f"{cell['positives']:,}", ha="right", color="ink" if known else "muted")
    shift = 0.17 if row.champion else 0.0
    _point(axes, y - shift, cell, color=color, marker="o", hollow=not known, size=10 if whole else 9)
    if row.champion:
        hollow = row.champion.get("state") == "not enough evidence"
        _point(axes, y + shift + 0.06, row.champion, color="champion", marker="D", hollow=hollow, size=6.5)
    if cell["minority_recall"] is None:
        _write(axes, 8, y, "no positives to find", color="muted", size=11)
    for name, measured in (("candidate", cell), ("champion", row.champion)):
        if name in columns and measured and measured["minority_recall"] is not None:
            ink = "muted" if name == "champion" or not known else "bad" if color == "bad" else "ink"
            _write(axes, columns[name] - 78, y, f"{measured['minority_recall']:.2f}", ha="right", color=ink, weight=700)
            if measured["low"] is not None and measured["high"] is not None:
                bounds = f"{measured['low']:.2f} to {measured['high']:.2f}"
                _write(axes, columns[name], y, bounds, ha="right", color="muted")


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


def _write(axes: Axes, x: float, y: float, text: str, *, color: str = "ink", size: float = 12.5, **style: Any) -> None:
    """Write at `x` pixels from the axes' left edge, centred on row `y`; a cohort's `$` is no formula."""
    style = {"va": "center", "parse_math": False, "clip_on": False, "color": PALETTE[color], "size": size} | style
    axes.text(x / axes.bbox.width, y, text, transform=axes.get_yaxis_transform(), **style)


def _short(text: str, letters: int) -> str:
    """Return a label on one line, at most so many letters, with nothing in it that XML refuses."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line if len(line) <= letters else line[: letters - 1] + "…"


def _figure(width: int, height: int) -> Figure:
    return Figure(figsize=(width / 72, height / 72), dpi=72, facecolor="none")


@contextmanager
def _style(salt: str) -> Iterator[None]:
    """Draw under one style; each figure has its own salt, as ids must not repeat within the page."""
    with mpl.rc_context(), warnings.catch_warnings():
        # The reader's browser has the letters that the measuring font lacks.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE | {"svg.hashsalt": salt})
        yield


def _svg(figure: Figure) -> str:
    """Return the bare element: no prolog, no metadata, no fixed size, its colours those of the page."""
    buffer = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    FigureCanvasSVG(figure).print_svg(buffer, metadata=nothing)
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :].strip()
    svg = re.sub(
        r'<svg [^>]*(viewBox="[^"]*")[^>]*>', r'<svg xmlns:xlink="http://www.w3.org/1999/xlink" \1>', svg, count=1
    )
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)
    variables = {value: f"var(--{name})" for name, value in PALETTE.items()}
    hexes = re.compile("|".join(variables))
    return re.sub(r'style="[^"]*"', lambda style: hexes.sub(lambda hex_: variables[hex_[0]], style[0]), svg)
