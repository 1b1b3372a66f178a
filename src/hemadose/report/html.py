"""One self-contained HTML page: no scripts, no requests, ready to print."""

from __future__ import annotations

import base64
from importlib import resources
from typing import Any

from hemadose.report.content import SECTIONS, FigureAsset, PlanReport
from hemadose.report.document import document

_PIXELS_PER_MM = 5.7


def render_html(report: PlanReport) -> str:
    """Render a report as one HTML page with its figures embedded.

    All text is escaped; the page holds no script and asks the network for nothing (its own
    Content-Security-Policy forbids it).

    Parameters
    ----------
    report : PlanReport
        Values and drawn figures (see `hemadose.report.with_figures`).

    Returns
    -------
    str
        The page; the caller writes it.
    """
    import jinja2

    folder = resources.files("hemadose.report") / "templates"
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = environment.from_string((folder / "plan.html.j2").read_text(encoding="utf-8"))
    style = (folder / "plan.css").read_text(encoding="utf-8")
    return template.render(
        doc=document(report),
        style=style,
        figures={section: [_embedded(figure) for figure in report.figures_of(section)] for section in SECTIONS},
    )


def _embedded(figure: FigureAsset) -> dict[str, Any]:
    data = base64.b64encode(figure.data).decode("ascii")
    return {
        "name": figure.name,
        "caption": figure.caption,
        "uri": f"data:{figure.media_type};base64,{data}",
        "width_px": round(figure.width_mm * _PIXELS_PER_MM),
    }
