"""A figure as the bytes of a file, by its ending."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from hemadose.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ENDINGS = (".png", ".svg", ".pdf")


def require_figure_ending(path: Path, *, option: str) -> None:
    """Refuse a file that is not PNG, SVG or PDF.

    Raises
    ------
    InputError
        Naming the option.
    """
    if path.suffix.lower() not in ENDINGS:
        raise InputError(
            "a figure is written as PNG, SVG or PDF", field=option, value=path.name, expected=", ".join(ENDINGS)
        )


def figure_bytes(figure: Figure, path: Path) -> bytes:
    """Give the bytes of a figure in the format of a file's ending, the same on every run."""
    from hemadose.report import style

    require_figure_ending(path, option="figure")
    if path.suffix.lower() == ".svg":
        return style.to_svg(figure)
    buffer, kind = BytesIO(), path.suffix.lower()[1:]
    stamps = {"png": {"Software": None}, "pdf": {"CreationDate": None, "ModDate": None}}
    with style.house_style():
        figure.savefig(buffer, format=kind, dpi=150, metadata=stamps[kind])
    return buffer.getvalue()
