"""How figures look, in files and on the page, where their colors follow the reader's light or dark mode.

matplotlib draws with the colors below. In the page each is a variable of the style sheet, `var(--ink)` for INK, so that
one drawing serves both modes; text stays text.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from distnn.errors import missing_package

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, GRID = "#1f2328", "#d3d8de"
SERIES = ("#2563c9", "#d1481a", "#2a8a3c", "#9838b0", "#0c7489", "#b3215c", "#6b7a10", "#85604f")
VARIABLES = {INK: "ink", GRID: "grid"} | {color: f"series-{place}" for place, color in enumerate(SERIES)}
WIDTH, HEIGHT = 4.6, 3.1  # inches: as wide as a phone, where text has its own size then
INSIDE = 3  # entries of a legend that have room in the axes
LARGEST = 1e300  # that axes reach
MORE_FONTS = (  # that are taken, if they are installed, for characters that DejaVu Sans lacks
    *("Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans CJK KR", "Source Han Sans SC", "WenQuanYi Zen Hei"),
    *("Noto Sans Devanagari", "Noto Sans Bengali", "Noto Sans Thai", "Unifont"),
)
LACKED = "Glyph ([0-9]+) .* missing from font"  # as matplotlib warns
LONGEST = 28  # characters of a name
SETTINGS: dict[str, Any] = {
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.titlesize": 9,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.7,
    "axes.formatter.limits": (-4, 5),
    "font.size": 9,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "lines.linewidth": 1.4,
    "svg.fonttype": "none",
    "svg.hashsalt": "distnn",  # the same figure is the same file
    "text.color": INK,
    "text.parse_math": False,  # $ in a column's name is a $
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
}


@contextmanager
def styled() -> Iterator[None]:
    """Figures that are made or written in here look as above. UserError if matplotlib is missing."""
    try:
        from matplotlib import rc_context
    except ImportError:
        raise missing_package("matplotlib", "report", "A report") from None
    from matplotlib.font_manager import fontManager

    installed = {font.name for font in fontManager.ttflist}
    settings: dict[str, Any] = {"font.family": ["DejaVu Sans", *(name for name in MORE_FONTS if name in installed)]}
    with rc_context(SETTINGS | settings), warnings.catch_warnings():  # type: ignore[arg-type]
        warnings.filterwarnings("ignore", LACKED)  # readers of the page have fonts of their own; see `write_figures`
        yield


def begin(width: float, height: float) -> Figure:
    """An empty figure of so many inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def panels(rows: int = 1, height: float = HEIGHT, share_x: bool = False) -> tuple[Figure, list[Axes]]:
    """A figure with axes one below the other."""
    figure = begin(WIDTH, height)
    axes = figure.subplots(rows, 1, sharex=share_x, squeeze=False)[:, 0]
    return figure, list(axes)


def legend(axes: Axes, loc: Any = "best") -> None:
    """A legend of what has a label: in the axes, or above them where there are many."""
    handles, labels = axes.get_legend_handles_labels()
    if 0 < len(labels) <= INSIDE:
        axes.legend(loc=loc)
    elif labels:
        columns = 4 if max(map(len, labels)) <= 9 else 2 if max(map(len, labels)) <= 24 else 1
        axes.get_figure(root=True).legend(handles, labels, loc="outside upper center", ncols=columns)  # type: ignore[union-attr]


def logarithmic(axes: Axes, of: Literal["x", "y"] = "y") -> None:
    """Make an axis logarithmic, with numbers in plain text, within a decade too."""
    from matplotlib.ticker import LogFormatter

    axes.set(**{f"{of}scale": "log"})
    axis = axes.xaxis if of == "x" else axes.yaxis
    axis.set_major_formatter(LogFormatter())
    axis.set_minor_formatter(LogFormatter(minor_thresholds=(1.5, 0.5)))
    axes.tick_params(axis=of, which="minor", labelsize=7)


def drawable(values: np.ndarray) -> np.ndarray:
    """The values, with NaN for what no axis reaches: what is infinite, or beyond LARGEST. Local."""
    with np.errstate(invalid="ignore"):
        return np.where(np.abs(values) < LARGEST, values, np.nan)


def shown(name: str) -> str:
    """A name of a column or class, in a figure: without control characters, and not too long."""
    clean = "".join(c if c.isprintable() else "\ufffd" for c in name)
    return clean if len(clean) <= LONGEST else f"{clean[: LONGEST - 1]}…"


def inline(figure: Figure, name: str) -> str:
    """The figure as SVG for the page, 100 % wide, with the page's colours and fonts. name: unique on the page."""
    text = io.StringIO()
    figure.savefig(text, format="svg", transparent=True, metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r' (?:width|height)="[\d.]+pt"', "", svg, count=2)
    svg = re.sub(r"\s*<defs>\s*<style.*?</style>\s*</defs>", "", svg, count=1, flags=re.DOTALL)
    return re.sub(r"<[^>]*>", lambda tag: _own(tag[0], name), svg)


def _own(tag: str, name: str) -> str:
    """A tag of a drawing with ids of its own, and with the page's fonts and colours."""
    tag = re.sub(r"font-family: [^;\"]*", "font-family: inherit", tag)
    tag = tag.replace(' id="', f' id="{name}-')
    tag = re.sub(r'(xlink:href="#|url\(#)', rf"\1{name}-", tag)
    return re.sub("|".join(VARIABLES), lambda found: f"var(--{VARIABLES[found[0]]})", tag)
