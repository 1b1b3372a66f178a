"""One look for all figures, and files that are the same on every run."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MM_PER_INCH = 25.4
RASTER_DPI = 110

_PATH_DATA = re.compile(rb' d="[^"]*"')
_LONG_NUMBER = re.compile(rb"(\d\.\d\d)\d+")

INK = "#1f2933"
MUTED = "#66727f"
GRID = "#dfe4ea"
BLUE = "#1f5fa8"
ORANGE = "#d9730d"
RED = "#b42318"
GREEN = "#2b7a3d"

_SETTINGS: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 7.5,
    "axes.titlesize": 8.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 7.5,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.formatter.useoffset": False,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 7.0,
    "ytick.labelsize": 7.0,
    "legend.fontsize": 6.8,
    "legend.frameon": False,
    "lines.linewidth": 1.4,
    "svg.fonttype": "path",
    "svg.hashsalt": "hemadose",
    "svg.image_inline": True,
    "path.simplify": True,
}


@contextmanager
def house_style() -> Iterator[None]:
    """Draw in the house style, whatever the user's own settings, and restore them after."""
    import matplotlib as mpl

    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_SETTINGS)
        yield


def new_figure(*, width_mm: float, height_mm: float) -> Figure:
    """Give an empty figure of a size on paper, with a layout that avoids overlaps."""
    from matplotlib.figure import Figure

    size = (width_mm / MM_PER_INCH, height_mm / MM_PER_INCH)
    return Figure(figsize=size, layout="constrained", facecolor="white")


def to_svg(figure: Figure) -> bytes:
    """Write a figure as SVG without dates, the same bytes on every run."""
    buffer = io.BytesIO()
    with house_style():
        figure.savefig(buffer, format="svg", dpi=RASTER_DPI, metadata={"Date": None, "Creator": "hemadose"})
    return _PATH_DATA.sub(lambda found: _LONG_NUMBER.sub(rb"\1", found.group()), buffer.getvalue())


def size_mm(figure: Figure) -> tuple[float, float]:
    """Give width and height of a figure on paper."""
    width, height = figure.get_size_inches()
    return float(width) * MM_PER_INCH, float(height) * MM_PER_INCH
