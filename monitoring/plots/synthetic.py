"""Pictures of the synthetic rows: where they are made, what they bring, and how like the real ones they are."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from monitoring.plots.canvas import HAIRLINE, PALETTE, Cell, figure_of, short, style, svg, write

MOST_COLUMNS = 10
"""Columns drawn of the marginals, the farthest first; the page's table lists them all."""

_SIDES = {"synthetic": "good", "holdout": "unknown"}


def difficulty(histogram: Mapping[str, Any]) -> str:
    """Draw how many minority rows stand in how mixed a neighbourhood: ADASYN makes more rows towards the right."""
    edges, counts = np.asarray(histogram["edges"], dtype=float), np.asarray(histogram["counts"], dtype=float)
    with style("difficulty"):
        figure = figure_of(460, 150)
        axes = figure.add_axes((46 / 460, 40 / 150, 404 / 460, 100 / 150))
        axes.bar(edges[:-1], counts, width=np.diff(edges) * 0.92, align="edge", color=PALETTE["good"], alpha=0.75)
        axes.set(xlim=(edges[0], edges[-1]), ylim=(0, max(counts.max(), 1) * 1.05))
        axes.yaxis.get_major_locator().set_params(nbins=3, integer=True)
        axes.yaxis.set_major_formatter("{x:,.0f}")
        axes.xaxis.set_major_formatter("{x:g}")
        axes.set_xlabel("difficulty: share of neighbours in the majority", labelpad=5)
        axes.grid(axis="y")
        return svg(figure)


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
    with style("cost-quality"):
        figure = figure_of(460, 190)
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
        return svg(figure)


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
    with style("marginals"):
        figure = figure_of(460, height)
        axes = figure.add_axes((left / 460, 40 / height, span / 460, body / height))
        reach = max([0.05, *(column[name] or 0.0 for column in shown for name in ("high", "drift"))])
        axes.set(xlim=(0, reach * 1.04), ylim=(len(shown) - 0.5, -0.5), yticks=[])
        axes.xaxis.get_major_locator().set_params(nbins=5)
        axes.xaxis.set_major_formatter("{x:g}")
        axes.grid(axis="x")
        axes.set_xlabel("distance from the real training rows", labelpad=5)
        for y, column in enumerate(shown):
            axes.plot((-left / span, 1), (y + 0.5, y + 0.5), transform=axes.get_yaxis_transform(), clip_on=False,
                      **HAIRLINE)  # fmt: skip
            write(axes, -left + 1, y, short(column["name"], 19), size=12)
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
        return svg(figure)


def surroundings(around: Mapping[str, Cell | None]) -> str:
    """Draw among how many majority rows synthetic and holdout rows stand, as a share of each."""
    sides = [(side, color) for name, color in _SIDES.items() if (side := around[name])]
    with style("surroundings"):
        figure = figure_of(460, 158)
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
        return svg(figure)
