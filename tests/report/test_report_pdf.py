"""The PDF: same content as the page, on a few sheets, the same bytes on every run."""

import dataclasses
import re

import pytest

from hemadose.errors import ReportError
from hemadose.report import FigureAsset, render_pdf, with_figures

pdfium = pytest.importorskip("pypdfium2")


def pages_of(data):
    document = pdfium.PdfDocument(data)
    return [re.sub(r"\s+", " ", page.get_textpage().get_text_range()) for page in document]


@pytest.fixture(scope="module")
def pages(report, study_images):
    return pages_of(render_pdf(with_figures(report, images=study_images)))


def test_first_page_holds_answer_limits_and_statement(pages):
    first = pages[0]
    assert "Proposed activity 14.2 GBq" in first
    assert "14.84 GBq" in first
    assert "Kidneys 23 Gy" in first
    assert "sets the activity" in first
    assert "Research use only" in first


def test_report_has_three_to_seven_numbered_pages(pages):
    assert 3 <= len(pages) <= 7
    for number, text in enumerate(pages, start=1):
        assert f"page {number} / {len(pages)}" in text


def test_calendar_doubts_and_signatures_are_there(pages):
    text = " ".join(pages)
    for part in (
        "ATG-PRODUCT",
        "Fludarabine",
        "The SPECT at 24 h is the only one",
        "imaging.quantify_planar",
        "Medical physics expert",
    ):
        assert part in text, part


def test_pdf_is_the_same_on_every_run(report):
    assert render_pdf(report) == render_pdf(report)


def test_text_is_never_read_as_markup(report):
    hostile = '#panic("x") *bold* $x^2$ <script> [a](b) `raw` "q" \\ @ref'
    data = render_pdf(dataclasses.replace(report, notes=(hostile,), methods=(hostile,)))
    text = " ".join(pages_of(data))
    assert text.count('panic("x") *bold* $x^2$ <script> [a](b) `raw`') == 2


def test_png_figures_are_embedded(report):
    import io

    from matplotlib.figure import Figure

    buffer = io.BytesIO()
    Figure(figsize=(1, 1)).savefig(buffer, format="png")
    asset = FigureAsset(
        name="x", section="doses", caption="An empty figure.", data=buffer.getvalue(),
        width_mm=30.0, height_mm=30.0, media_type="image/png",
    )  # fmt: skip
    text = " ".join(pages_of(render_pdf(dataclasses.replace(report, figures=(asset,)))))
    assert "An empty figure." in text


def test_damaged_figure_is_a_clear_error(report):
    asset = FigureAsset(name="x", section="doses", caption="", data=b"<svg", width_mm=30.0, height_mm=30.0)
    with pytest.raises(ReportError, match="could not be typeset"):
        render_pdf(dataclasses.replace(report, figures=(asset,)))
