"""The picture of a game day: recall by cohort over label time, the objective, and what happened when."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from monitoring.plots.canvas import PALETTE, Cell, figure_of, style, svg

_WIDE, _HIGH = 900, 400
_MARKS = {
    "trouble": ("the trouble begins", "bad"),
    "alarm": ("alarm", "bad"),
    "retrain": ("retrain", "champion"),
    "canary": ("canary", "champion"),
    "promotion": ("promotion", "good"),
    "rollback": ("rollback", "bad"),
    "restored": ("restored", "good"),
}
_ROWS = 4  # of words above the curves
_APART = 9.0  # days that two words of one row are apart at least


def recall_by_cohort(found: Mapping[str, Any]) -> str:
    """Draw the recall of each value of the cohort over label time, for the page.

    Parameters
    ----------
    found : mapping
        `recall` (by value: `day`, `recall`, `low`, `high` of each point), `events` (`day` and `mark`), `objective`,
        `begins`, `ends`, `cohort` and, where one value is in trouble, `value`.
    """
    with style("gameday"):
        return svg(_drawn(found))


def as_png(found: Mapping[str, Any]) -> bytes:
    """Return the same picture as a file of its own."""
    buffer = io.BytesIO()
    with style("gameday"):
        figure = _drawn(found)
        figure.set_facecolor(PALETTE["card"])
        figure.set_dpi(144)
        FigureCanvasAgg(figure).print_png(buffer)
    return buffer.getvalue()


def _drawn(found: Mapping[str, Any]) -> Figure:
    figure = figure_of(_WIDE, _HIGH)
    axes = figure.add_axes((52 / _WIDE, 44 / _HIGH, 760 / _WIDE, 270 / _HIGH))
    in_trouble = found.get("value")
    axes.set(xlim=(found["begins"], found["ends"]), ylim=(0, 1.02))
    axes.axhline(found["objective"], color=PALETTE["muted"], linewidth=1.2, linestyle=(0, (4, 3)))
    ends = []
    for value, points in found["recall"].items():
        if not points:
            continue
        is_it = value == in_trouble
        color = PALETTE["bad" if is_it else "unknown"]
        days = [one["day"] for one in points]
        if is_it:
            low, high = ([one[name] for one in points] for name in ("low", "high"))
            axes.fill_between(days, low, high, color=color, alpha=0.12, linewidth=0)
        axes.plot(
            days,
            [one["recall"] for one in points],
            color=color,
            linewidth=2.6 if is_it else 1.2,
            zorder=3 if is_it else 2,
        )
        ends.append((points[-1]["recall"], value, is_it))
    _name(axes, [*ends, (found["objective"], f"objective {found['objective']:g}", False)], found["ends"])
    _mark(axes, found["events"])
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1])
    axes.yaxis.set_major_formatter("{x:.2f}")
    axes.set_xlabel("day on which the label came", labelpad=5)
    axes.set_ylabel(f"recall by {found['cohort']}", labelpad=6)
    axes.grid(axis="y")
    return figure


def _name(axes: Axes, ends: Sequence[tuple[float, str, bool]], at: float) -> None:
    """Write each curve's name beside its end, the names apart from one another."""
    free = 1.08
    for height, name, is_it in sorted(ends, reverse=True):
        free = min(height, free - 0.055)
        axes.annotate(
            name, (at, free), (8, 0), textcoords="offset points", va="center", annotation_clip=False, parse_math=False,
            color=PALETTE["bad" if is_it else "muted"], weight=700 if is_it else 400, size=11.5,
        )  # fmt: skip


def _mark(axes: Axes, events: Sequence[Cell]) -> None:
    """Draw a line for each mark, its word above it, in the first row in which there is room."""
    last = [-1e9] * _ROWS
    for event in events:
        if event["mark"] is None:
            continue
        word, color = _MARKS[event["mark"]]
        row = next((row for row in range(_ROWS) if event["day"] - last[row] >= _APART), _ROWS - 1)
        last[row] = event["day"]
        height = 1.05 + 0.07 * row
        axes.plot(
            (event["day"],) * 2, (0, height - 0.02), transform=axes.get_xaxis_transform(), clip_on=False,
            color=PALETTE[color], linewidth=1.3, zorder=1,
        )  # fmt: skip
        axes.annotate(
            word, (event["day"], height), (4, 0), xycoords=axes.get_xaxis_transform(), textcoords="offset points",
            ha="left", va="center", color=PALETTE[color], weight=700, size=11.5, annotation_clip=False,
        )  # fmt: skip
