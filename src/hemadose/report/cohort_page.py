"""A cohort report as one HTML page or PDF."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from importlib import resources
from typing import Any

from hemadose.report.cohort_document import CohortFigure
from hemadose.report.sheets import typeset

_PIXELS_PER_MM = 5.7


def render_cohort_html(document: Mapping[str, Any]) -> str:
    """Render a cohort document as one page without scripts or requests.

    Parameters
    ----------
    document : Mapping
        From `hemadose.report.cohort_document.cohort_document`.
    """
    import jinja2

    folder = resources.files("hemadose.report") / "templates"
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string((folder / "cohort.html.j2").read_text(encoding="utf-8"))
    return template.render(doc=_with(document, _uri), style=(folder / "plan.css").read_text(encoding="utf-8"))


def render_cohort_pdf(document: Mapping[str, Any]) -> bytes:
    """Typeset a cohort document on A4.

    Raises
    ------
    ReportError
        If it cannot be typeset.
    """
    return typeset("cohort.typ", _with(document, _data))


def _with(document: Mapping[str, Any], embed: Any) -> dict[str, Any]:
    """Give the document with its figures embedded."""
    sections = [{**s, "figures": [embed(f) for f in s["figures"]]} for s in document["sections"]]
    return {**document, "sections": sections}


def _uri(figure: CohortFigure) -> dict[str, Any]:
    data = base64.b64encode(figure.data).decode("ascii")
    return {
        "caption": figure.caption, "uri": f"data:image/svg+xml;base64,{data}",
        "width_px": round(figure.width_mm * _PIXELS_PER_MM),
    }  # fmt: skip


def _data(figure: CohortFigure) -> dict[str, Any]:
    return {"caption": figure.caption, "data": figure.data.decode("utf-8"), "width_mm": figure.width_mm}
