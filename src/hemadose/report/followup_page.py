"""One patient's follow-up as one HTML page: what was found, on what, what is not known, and lines to sign."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from hemadose.provenance import __version__
from hemadose.report.document import STATEMENT

SIGNATURES = ("Prepared by", "Checked by", "Responsible physician")


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One fact at the top of the page."""

    label: str
    value: str
    remark: str = ""
    alert: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUpPage:
    """Everything the page prints, as text.

    Attributes
    ----------
    pseudonym : str
        Never an identifier of a person.
    facts : sequence of (str, str)
        Patient.
    cards : sequence of Card
        Answers in short.
    windows : sequence of str
        Columns of the table of grades.
    grades : sequence of (str, sequence of (int or None, str))
        Term and one cell per window: grade (None: open) and words.
    normal : sequence of str
        Terms looked at and never above grade 0.
    recorded, findings : sequence of Mapping
        Rows with ``rule``, ``outcome``, ``why``, ``used``, ``missing``, ``notes``, ``open``.
    undecided : sequence of (str, str)
        What is not graded, and what is missing for it.
    figures : Mapping of str to bytes
        Caption to SVG.
    doubts : sequence of str
        To read before signing.
    methods : sequence of str
        Versions and sources.
    """

    pseudonym: str
    facts: Sequence[tuple[str, str]]
    cards: Sequence[Card]
    windows: Sequence[str]
    grades: Sequence[tuple[str, Sequence[tuple[int | None, str]]]]
    normal: Sequence[str]
    recorded: Sequence[Mapping[str, Any]]
    findings: Sequence[Mapping[str, Any]]
    undecided: Sequence[tuple[str, str]]
    figures: Mapping[str, bytes]
    doubts: Sequence[str]
    methods: Sequence[str]


def render_followup(page: FollowUpPage) -> str:
    """Render the page with its figures embedded: no script, no request.

    Parameters
    ----------
    page : FollowUpPage
        What it says.

    Returns
    -------
    str
        The page; the caller writes it.
    """
    import jinja2

    folder = resources.files("hemadose.report") / "templates"
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string((folder / "followup.html.j2").read_text(encoding="utf-8"))
    style = "\n".join((folder / name).read_text(encoding="utf-8") for name in ("plan.css", "followup.css"))
    figures = [
        (caption, "data:image/svg+xml;base64," + base64.b64encode(data).decode("ascii"))
        for caption, data in page.figures.items()
    ]
    return template.render(
        page=page, style=style, figures=figures, version=__version__, statement=STATEMENT, signatures=SIGNATURES
    )
