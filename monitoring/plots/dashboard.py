"""Pictures of the dashboards: figures over time beside what is promised, and parts beside one another."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple

from monitoring.plots.canvas import HAIRLINE, PALETTE, figure_of, short, style, svg, write

MOST_BARS = 14
"""Drawn at most; what is left is counted in the last line."""

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP = 500, 210, 44, 30, 12


class Line(NamedTuple):
    """One figure over time.

    Attributes
    ----------
    name : str
    color : str
        Of the palette.
    points : sequence of (date or datetime, float)
        Ascending; days without a figure are left out.
    """

    name: str
    color: str
    points: Sequence[tuple[date | datetime, float]]


def trend(
    lines: Sequence[Line], *, salt: str, limits: Mapping[str, float], top: float | None = None, bottom: float = 0.0
) -> str:
    """Draw figures over days with horizontal limits.

    Parameters
    ----------
    lines : sequence of Line
        At least one of them with a point.
    salt : str
        Tells the ids of this picture from those of others on the page.
    limits : dict of str to float
        What a figure is held against, by name.
    top, bottom : float
        Of the axis; without a top, a little above what is drawn.

    Returns
    -------
    str
        One `<svg>` element.
    """
    days = sorted({day for line in lines for day, _ in line.points})
    by_hour = isinstance(days[0], datetime) and _number(days[-1]) - _number(days[0]) < 3
    values = [value for line in lines for _, value in line.points] + list(limits.values())
    low, high = min(bottom, *values), top if top is not None else max(*values, 1e-9) * 1.12
    with style(salt):
        figure = figure_of(_WIDTH, _HEIGHT)
        axes = figure.add_axes((_LEFT / _WIDTH, _BOTTOM / _HEIGHT, 1 - (_LEFT + 14) / _WIDTH,
                                1 - (_BOTTOM + _TOP) / _HEIGHT))  # fmt: skip
        first, last = _number(days[0]), _number(days[-1])
        edge = 0.5 if first == last else (last - first) * 0.02
        axes.set(xlim=(first - edge, last + edge), ylim=(low, high * 1.02))
        for name, limit in limits.items():
            axes.axhline(limit, color=PALETTE["muted"], linewidth=1, linestyle=(0, (4, 2.5)))
            is_below = all(line.points[-1][1] >= limit for line in lines if line.points)
            axes.annotate(
                f"{name} {limit:g}", (1, limit), (0, -3 if is_below else 3), xycoords=axes.get_yaxis_transform(),
                textcoords="offset points", ha="right", va="top" if is_below else "bottom", color=PALETTE["muted"],
                size=11,
            )  # fmt: skip
        for line in lines:
            x = [_number(day) for day, _ in line.points]
            y = [value for _, value in line.points]
            axes.plot(x, y, color=PALETTE[line.color], linewidth=1.8, solid_joinstyle="round")
            axes.plot(x[-1:], y[-1:], "o", color=PALETTE[line.color], markersize=6,
                      markeredgecolor=PALETTE["card"], clip_on=False)  # fmt: skip
        shown = sorted({days[0], days[len(days) // 2], days[-1]})
        texts = [f"{day:%d %b %H:%M}" if by_hour else f"{day:%d %b}" for day in shown]
        axes.set_xticks([_number(day) for day in shown], texts)
        axes.tick_params(axis="x", pad=7)
        if len(shown) > 1:  # within the picture, however long they are
            axes.get_xticklabels()[0].set_horizontalalignment("left")
            axes.get_xticklabels()[-1].set_horizontalalignment("right")
        axes.yaxis.set_major_locator(_locator())
        axes.grid(axis="y")
        return svg(figure)


def bars(parts: Mapping[str, float], *, salt: str, digits: int = 0, color: str = "good", width: int = 500) -> str:
    """Draw one bar a part, in the order given, with its number at the right.

    Parameters
    ----------
    parts : dict of str to float
        Not empty, none below 0.
    salt : str
    digits : int
        Behind the point.
    color : str
        Of the palette.
    width : int
        In CSS pixels.
    """
    shown = dict(list(parts.items())[:MOST_BARS])
    left, right, pitch = 150, 62, 22
    span, rows = width - left - right, len(shown) + (len(parts) > MOST_BARS)
    most = max(*parts.values(), 1e-9)
    with style(salt):
        figure = figure_of(width, pitch * rows)
        axes = figure.add_axes((left / width, 0, span / width, 1))
        axes.set(xlim=(0, most), ylim=(rows - 0.5, -0.5), xticks=[], yticks=[])
        for y, (name, value) in enumerate(shown.items()):
            across = (-left / span, 1 + right / span)
            axes.plot(across, (y + 0.5, y + 0.5), transform=axes.get_yaxis_transform(), clip_on=False, **HAIRLINE)
            axes.barh(y, value, height=0.46, color=PALETTE[color])
            write(axes, -left + 1, y, short(str(name), 22))
            write(axes, span + right - 2, y, f"{value:,.{digits}f}", ha="right", weight=700)
        if len(parts) > MOST_BARS:
            write(axes, -left + 1, rows - 1, f"and {len(parts) - MOST_BARS} more", color="muted", size=11.5)
        return svg(figure)


def _number(day: date | datetime) -> float:
    """Return a day, with its hour where it has one, as the axis counts."""
    return day.timestamp() / 86_400 if isinstance(day, datetime) else float(day.toordinal())


def _locator():  # noqa: ANN202 - matplotlib's own
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(nbins=4, steps=[1, 2, 2.5, 5, 10])
