"""The report as PDF on A4, typeset with typst, offline and the same bytes on every run."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

from hemadose.errors import ReportError
from hemadose.report.content import SECTIONS, FigureAsset, PlanReport
from hemadose.report.document import document


def render_pdf(report: PlanReport) -> bytes:
    """Typeset a report as PDF.

    The text reaches the typesetter as data, never as markup; no fonts of the system and no
    packages from the network are used.

    Parameters
    ----------
    report : PlanReport
        Values and drawn figures (see `hemadose.report.with_figures`).

    Returns
    -------
    bytes
        The file; the caller writes it.

    Raises
    ------
    ReportError
        If the document cannot be typeset.
    """
    import typst

    template = resources.files("hemadose.report") / "templates" / "plan.typ"
    content = document(report)
    content["figures"] = {section: [_as_data(figure) for figure in report.figures_of(section)] for section in SECTIONS}
    try:
        made = typst.compile(
            template.read_bytes(),
            format="pdf",
            ignore_system_fonts=True,
            sys_inputs={"content": json.dumps(content, ensure_ascii=False)},
        )
    except RuntimeError as problem:
        raise ReportError(
            "the PDF could not be typeset",
            value=str(problem),
            remedy="the HTML page holds the same content",
        ) from problem
    return bytes(made)


def _as_data(figure: FigureAsset) -> dict[str, Any]:
    svg = figure.media_type == "image/svg+xml"
    return {
        "caption": figure.caption,
        "format": "svg" if svg else "png",
        "data": figure.data.decode("utf-8") if svg else list(figure.data),
        "width_mm": figure.width_mm,
    }
