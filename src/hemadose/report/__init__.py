"""Results into figures, a self-contained HTML page, a PDF and table rows.

Drawing and template libraries are imported when a function is called, never on import.
"""

from hemadose.report.content import (
    Comparison,
    FigureAsset,
    ImagingRow,
    PlanReport,
    StudyImages,
)
from hemadose.report.gallery import draw_figures, image_figures, with_figures
from hemadose.report.html import render_html
from hemadose.report.pdf import render_pdf
from hemadose.report.tables import (
    activity_rows,
    candidate_rows,
    contribution_rows,
    dose_rows,
    event_rows,
    fit_rows,
    limit_rows,
)

__all__ = [
    "Comparison",
    "FigureAsset",
    "ImagingRow",
    "PlanReport",
    "StudyImages",
    "activity_rows",
    "candidate_rows",
    "contribution_rows",
    "dose_rows",
    "draw_figures",
    "event_rows",
    "fit_rows",
    "image_figures",
    "limit_rows",
    "render_html",
    "render_pdf",
    "with_figures",
]
