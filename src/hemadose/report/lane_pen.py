"""A page in millimetres with lanes and days: what the charts of a course are drawn with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hemadose.model import Lane
from hemadose.report.style import BLUE, GREEN, INK, ORANGE

WIDTH_MM = 180.0
CHART_LEFT, CHART_RIGHT = 45.5, 177.0
HEAD, AXIS, LINE, GAP, FOOT = 13.0, 9.0, 7.4, 2.6, 4.0
LANE_COLOUR = {Lane.NUCLEAR_MEDICINE: BLUE, Lane.RADIATION_ONCOLOGY: ORANGE, Lane.TRANSPLANTATION: GREEN}
LANE_TINT = {
    Lane.NUCLEAR_MEDICINE: "#eef4fb",
    Lane.RADIATION_ONCOLOGY: "#fdf3e9",
    Lane.TRANSPLANTATION: "#edf6ef",
}


@dataclass(frozen=True, slots=True)
class Frame:
    """Where a day lies on the page."""

    first_day: int
    last_day: int

    def x(self, day: float) -> float:
        """Left edge of a day in mm."""
        return CHART_LEFT + (day - self.first_day) * self.day_mm

    @property
    def day_mm(self) -> float:
        """Width of a day in mm."""
        return (CHART_RIGHT - CHART_LEFT) / (self.last_day - self.first_day + 1)


class Pen:
    """Draws in millimetres from the top left corner."""

    def __init__(self, axes: Any, frame: Frame) -> None:
        self.axes = axes
        self.frame = frame

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: float,
        colour: str = INK,
        limit: float | None = None,
        align: str = "left",
        **more: Any,
    ) -> Any:
        """Write text, smaller where it would exceed `limit` mm."""
        more.setdefault("va", "center")
        item = self.axes.text(x, y, text, fontsize=size, color=colour, ha=align, **more)
        if limit is not None:
            width = item.get_window_extent().width / self.axes.figure.dpi * 25.4
            if width > limit:
                item.set_fontsize(size * limit / width)
        return item

    def box(self, x: float, y: float, width: float, height: float, *, radius: float = 0.8, **look: Any) -> None:
        """Draw a box with rounded corners, y downwards."""
        from matplotlib.patches import FancyBboxPatch

        look.setdefault("linewidth", 0.0)
        inner = min(radius, width / 2.0, height / 2.0)
        style = f"round,pad=0,rounding_size={inner}"
        self.axes.add_patch(FancyBboxPatch((x, y), width, height, boxstyle=style, **look))

    def plain(self, x: float, y: float, width: float, height: float, **look: Any) -> None:
        """Draw a rectangle."""
        from matplotlib.patches import Rectangle

        look.setdefault("linewidth", 0.0)
        self.axes.add_patch(Rectangle((x, y), width, height, **look))
