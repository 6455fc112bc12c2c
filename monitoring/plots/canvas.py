"""What every picture of the report shares: the page's colours, its style, and SVG that follows both.

The same record gives the same bytes: ids come from a fixed salt, no date is written, and matplotlib's own defaults are
used whatever the user's `matplotlibrc` says. Sizes are CSS pixels, 72 to a matplotlib inch.
"""

import io
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

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

HAIRLINE: dict[str, Any] = {"color": PALETTE["line"], "linewidth": 0.6, "zorder": 0.5}

Cell = Mapping[str, Any]


def write(axes: Axes, x: float, y: float, text: str, *, color: str = "ink", size: float = 12.5, **style: Any) -> None:
    """Write at `x` pixels from the axes' left edge, centred on row `y`; a cohort's `$` is no formula."""
    style = {"va": "center", "parse_math": False, "clip_on": False, "color": PALETTE[color], "size": size} | style
    axes.text(x / axes.bbox.width, y, text, transform=axes.get_yaxis_transform(), **style)


def short(text: str, letters: int) -> str:
    """Return a label on one line, at most so many letters, with nothing in it that XML refuses."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line if len(line) <= letters else line[: letters - 1] + "…"


def figure_of(width: int, height: int) -> Figure:
    """Return an empty figure of so many CSS pixels."""
    return Figure(figsize=(width / 72, height / 72), dpi=72, facecolor="none")


@contextmanager
def style(salt: str) -> Iterator[None]:
    """Draw under one style; each figure has its own salt, as ids must not repeat within the page."""
    with mpl.rc_context(), warnings.catch_warnings():
        # The reader's browser has the letters that the measuring font lacks.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE | {"svg.hashsalt": salt})
        yield


def svg(figure: Figure) -> str:
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
