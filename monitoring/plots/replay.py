"""The picture of a replay: what each policy regrets, against how often it retrains."""

import io
from collections.abc import Sequence
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from monitoring.plots.canvas import PALETTE, Cell, figure_of, style, svg

_KINDS = {
    "every": ("the calendar", "unknown", "o-"),
    "drift": ("any drift", "champion", "s"),
    "rested": ("any drift, with rests", "champion", "^"),
    "ours": ("ours", "good", "D"),
}


def regret(policies: Sequence[Cell]) -> str:
    """Draw recall regret against retrains, for the page.

    Parameters
    ----------
    policies : sequence of mapping
        `kind`, `retrains` and `regret` of each.
    """
    with style("regret"):
        return svg(_drawn(policies))


def as_file(policies: Sequence[Cell], kind: str) -> bytes:
    """Return the same picture as a file of its own, `svg` or `png`."""
    buffer = io.BytesIO()
    with style("regret"):
        figure = _drawn(policies)
        figure.set_facecolor(PALETTE["card"])
        if kind == "png":
            figure.set_dpi(160)
            FigureCanvasAgg(figure).print_png(buffer)
        else:
            text = io.StringIO()
            FigureCanvasSVG(figure).print_svg(text, metadata={"Date": None})
            return text.getvalue().encode()
    return buffer.getvalue()


def _drawn(policies: Sequence[Cell]) -> Figure:
    figure = figure_of(620, 320)
    axes = figure.add_axes((62 / 620, 46 / 320, 540 / 620, 250 / 320))
    for kind, (label, colour, mark) in _KINDS.items():
        points = sorted((one["retrains"], one["regret"]) for one in policies if one["kind"] == kind)
        where: dict[str, Any] = {"color": PALETTE[colour], "label": label, "markersize": 11 if kind == "ours" else 6}
        axes.plot(*zip(*points, strict=True), mark, linewidth=1.2, markeredgecolor=PALETTE["card"], **where)
    axes.set_xscale("symlog", linthresh=4)
    ticks = [0, 1, 2, 4, 8, 16, 32, 64, 128]
    most = max(one["retrains"] for one in policies)
    axes.set_xticks([tick for tick in ticks if tick <= max(most, 1)])
    axes.minorticks_off()
    axes.xaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_major_formatter("{x:.2f}")
    axes.set_xlabel("retrains", labelpad=5)
    axes.set_ylabel("recall regret", labelpad=6)
    axes.grid()
    axes.legend(frameon=False, loc="upper right", labelcolor=PALETTE["ink"])
    return figure
