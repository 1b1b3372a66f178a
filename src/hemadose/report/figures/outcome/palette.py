"""Colours that stay apart in grey and for colour-blind readers, always with a second sign: dash, marker or hatch.

Neighbours among the groups differ in lightness by a factor of two and more; grades grow darker.
"""

from __future__ import annotations

from dataclasses import dataclass

from hemadose.model.followup import EventKind
from hemadose.report import style

GROUP_COLOURS = ("#0b3c6f", "#d9730d", "#8a2f6b", "#56b4e9", "#5c5c5c", "#2b9c74")
DASHES: tuple[str | tuple[int, tuple[float, ...]], ...] = (
    "-", (0, (5, 1.6)), (0, (1.2, 1.2)), (0, (6, 1.5, 1.2, 1.5)), (0, (3, 1, 1, 1, 1, 1)), (0, (9, 2)),
)  # fmt: skip
MARKERS = ("o", "s", "^", "D", "v", "P")
HATCHES = ("", "////", "....", "xxxx", "\\\\\\\\", "++++")

# CTCAE grade 0 to 5: lightness falls with the grade, so that the order also shows in grey
GRADE_COLOURS = ("#ffffff", "#fde3a7", "#f5a742", "#d9501e", "#8b1a1a", "#1f1f1f")
GRADE_TEXT = (style.INK, style.INK, style.INK, "#ffffff", "#ffffff", "#ffffff")
GRADE_MARKERS = ("o", "o", "s", "^", "D", "X")
OPEN_COLOUR = "#c9d1d9"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventMark:
    """How an event is drawn: colour, marker, and the word in the key."""

    colour: str
    marker: str
    word: str


EVENT_MARKS: dict[EventKind, EventMark] = {
    EventKind.RADIOLIGAND: EventMark(colour="#e0a100", marker="*", word="radioligand therapy"),
    EventKind.IRRADIATION: EventMark(colour="#7b4fa3", marker="s", word="total body irradiation"),
    EventKind.CHEMOTHERAPY: EventMark(colour="#4c78a8", marker="s", word="chemotherapy"),
    EventKind.GRAFT: EventMark(colour="#0b3c6f", marker="D", word="stem cells"),
    EventKind.BOOST: EventMark(colour="#56b4e9", marker="d", word="boost of stem cells"),
    EventKind.LYMPHOCYTES: EventMark(colour="#1f8a8a", marker="P", word="donor lymphocytes"),
    EventKind.RESPONSE: EventMark(colour="#2b7a3d", marker="o", word="response"),
    EventKind.PROGRESSION: EventMark(colour="#d9730d", marker="v", word="progression"),
    EventKind.RELAPSE: EventMark(colour="#b42318", marker="^", word="relapse"),
    EventKind.DEATH: EventMark(colour="#111111", marker="X", word="death"),
}


def group_style(index: int) -> tuple[str, str | tuple[int, tuple[float, ...]], str]:
    """Colour, dash and marker of the n-th group; after six they repeat with another dash.

    >>> group_style(0) != group_style(6)
    True
    """
    turn = index // len(GROUP_COLOURS)
    return (
        GROUP_COLOURS[index % len(GROUP_COLOURS)],
        DASHES[(index + turn) % len(DASHES)],
        MARKERS[(index + turn) % len(MARKERS)],
    )


def shortened(text: str, length: int) -> str:
    """Cut a label that is too long and say so with an ellipsis.

    >>> shortened("diffuse large B-cell lymphoma", 12)
    'diffuse lar…'
    """
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def luminance(colour: str) -> float:
    """Relative luminance of an sRGB colour (WCAG 2.1), 0 black to 1 white: what is left of it in grey.

    >>> round(luminance("#ffffff"), 3), round(luminance("#000000"), 3)
    (1.0, 0.0)
    """
    parts = [int(colour[i : i + 2], 16) / 255.0 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
