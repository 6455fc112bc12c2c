"""Pictures of what a model reads its scores from, and of what its decision made of each cohort."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from monitoring.plots.canvas import HAIRLINE, PALETTE, Cell, figure_of, short, style, svg, write

MOST_COLUMNS = 12
"""Columns drawn, the most important first; the page's table lists them all."""

MOST_VALUES = 12
"""Values drawn of one cohort, those with most positives first."""


def importance(features: Sequence[Cell]) -> str:
    """Draw by how much the average precision falls when a column is shuffled, with its interval.

    Parameters
    ----------
    features : sequence of mapping
        `name`, `importance`, `low` and `high` of each, the most important first.
    """
    shown = features[:MOST_COLUMNS]
    left, right, body = 140, 14, 22 * len(shown)
    span, height = 460 - left - right, body + 44
    with style("importance"):
        figure = figure_of(460, height)
        axes = figure.add_axes((left / 460, 40 / height, span / 460, body / height))
        lowest = min(0.0, *(one["low"] for one in shown))
        highest = max(0.01, *(one["high"] for one in shown))
        axes.set(xlim=(lowest, highest * 1.04), ylim=(len(shown) - 0.5, -0.5), yticks=[])
        axes.xaxis.get_major_locator().set_params(nbins=5)
        axes.xaxis.set_major_formatter("{x:g}")
        axes.grid(axis="x")
        axes.axvline(0, color=PALETTE["unknown"], linewidth=1)
        axes.set_xlabel("average precision lost when it is shuffled", labelpad=5)
        for y, one in enumerate(shown):
            told = one["low"] > 0
            color = PALETTE["good" if told else "unknown"]
            axes.plot((-left / span, 1), (y + 0.5, y + 0.5), transform=axes.get_yaxis_transform(), clip_on=False,
                      **HAIRLINE)  # fmt: skip
            write(axes, -left + 1, y, short(one["name"], 20), size=12)
            axes.plot((one["low"], one["high"]), (y, y), color=color, linewidth=2, alpha=0.5, solid_capstyle="round")
            face, edge = (color, PALETTE["card"]) if told else (PALETTE["card"], color)
            axes.plot(one["importance"], y, "o", markersize=8, clip_on=False, zorder=4, markerfacecolor=face,
                      markeredgecolor=edge, markeredgewidth=1.3)  # fmt: skip
        return svg(figure)


def outcomes(confusion: Mapping[str, Any]) -> str:
    """Draw, for each cohort value, the positives missed to the left, those found and the false alarms to the right.

    Parameters
    ----------
    confusion : mapping
        As `rarecall.explanation.confusion` counted them.
    """
    rows = list(_rows(confusion))
    left, right, pitch = 140, 14, 22
    span, body = 460 - left - right, pitch * len(rows)
    height = body + 44
    with style("outcomes"):
        figure = figure_of(460, height)
        axes = figure.add_axes((left / 460, 40 / height, span / 460, body / height))
        # The whole holdout is the sum of what stands below it, so it would leave the values no room.
        cells = [cell for _, cell in rows[1:] if cell] or [confusion["overall"]]
        missed = max(1, *(cell["fn"] for cell in cells), 1)
        flagged = max(1, *(cell["tp"] + cell["fp"] for cell in cells), 1)
        axes.set(xlim=(-missed * 1.15, flagged * 1.15), ylim=(len(rows) - 0.5, -0.5), yticks=[])
        axes.xaxis.get_major_locator().set_params(nbins=5, integer=True)
        axes.xaxis.set_major_formatter(lambda x, _: f"{abs(x):,.0f}")
        axes.grid(axis="x")
        axes.set_xlabel("rows of the holdout: missed to the left, flagged to the right", labelpad=5)
        for y, (label, cell) in enumerate(rows):
            if cell is None:
                write(axes, -left + 1, y + 0.14, short(label, 24), color="muted", size=11.5)
                continue
            axes.plot((-left / span, 1), (y + 0.5, y + 0.5), transform=axes.get_yaxis_transform(), clip_on=False,
                      **HAIRLINE)  # fmt: skip
            write(axes, -left + (1 if y == 0 else 12), y, short(label, 18), size=12, weight=700 if y == 0 else 400)
            if y == 0 and len(rows) > 1:
                said = f"{cell['tp']:,} found, {cell['fn']:,} missed, {cell['fp']:,} false alarms"
                write(axes, span / 2, y, said, ha="center", size=11.5)
                continue
            axes.barh(y, -cell["fn"], height=0.58, color=PALETTE["bad"], alpha=0.8)
            axes.barh(y, cell["tp"], height=0.58, color=PALETTE["good"], alpha=0.8)
            axes.barh(y, cell["fp"], left=cell["tp"], height=0.58, color=PALETTE["unknown"], alpha=0.6)
        axes.axvline(0, color=PALETTE["ink"], linewidth=0.8)
        return svg(figure)


def _rows(confusion: Mapping[str, Any]) -> Iterator[tuple[str, Cell | None]]:
    """Yield the whole holdout, then each cohort's heading and its values in the record's order."""
    yield "whole holdout", confusion["overall"]
    for cohort, values in confusion["by_cohort"].items():
        yield str(cohort), None
        most = sorted(values, key=lambda name: -(values[name]["tp"] + values[name]["fn"]))[:MOST_VALUES]
        yield from ((str(name), cell) for name, cell in values.items() if name in set(most))
