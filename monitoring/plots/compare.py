"""The picture of a comparison: each strategy's AUC-PR on every fold, and their mean, best first."""

import io
from collections.abc import Sequence

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from monitoring.plots.canvas import PALETTE, Cell, figure_of, style, svg

_ROW, _LEFT, _TOP, _BOTTOM = 19, 236, 10, 44


def ranked(strategies: Sequence[Cell]) -> str:
    """Draw the strategies, for the page.

    Parameters
    ----------
    strategies : sequence of mapping
        `name`, `spoken`, `auc_pr` and `by_fold` of each, best first.
    """
    with style("compare"):
        return svg(_drawn(strategies))


def as_file(strategies: Sequence[Cell], kind: str) -> bytes:
    """Return the same picture as a file of its own, `svg` or `png`."""
    buffer = io.BytesIO()
    with style("compare"):
        figure = _drawn(strategies)
        figure.set_facecolor(PALETTE["card"])
        if kind == "png":
            figure.set_dpi(160)
            FigureCanvasAgg(figure).print_png(buffer)
        else:
            text = io.StringIO()
            FigureCanvasSVG(figure).print_svg(text, metadata={"Date": None})
            return text.getvalue().encode()
    return buffer.getvalue()


def _drawn(strategies: Sequence[Cell]) -> Figure:
    width, height = 760, _TOP + _BOTTOM + _ROW * max(1, len(strategies))
    figure = figure_of(width, height)
    axes = figure.add_axes(
        (_LEFT / width, _BOTTOM / height, (width - _LEFT - 16) / width, 1 - (_TOP + _BOTTOM) / height)
    )
    for row, one in enumerate(strategies):
        colour = PALETTE["champion" if one["name"] == "threshold" else "good"]
        axes.plot(one["by_fold"], [row] * len(one["by_fold"]), "o", color=PALETTE["unknown"], markersize=4, alpha=0.7)
        axes.plot([one["auc_pr"]], [row], "D", color=colour, markersize=7, markeredgecolor=PALETTE["card"])
        if one["name"] == "threshold":
            axes.axvline(one["auc_pr"], color=colour, linewidth=0.8, linestyle=(0, (3, 3)), zorder=0.6)
    axes.set_yticks(range(len(strategies)), [one["spoken"] for one in strategies])
    axes.set_ylim(max(1, len(strategies)) - 0.4, -0.6)
    axes.tick_params(axis="y", labelcolor=PALETTE["ink"])
    axes.set_xlabel("AUC-PR: each fold, and the mean", labelpad=6)
    axes.grid(axis="x")
    return figure
