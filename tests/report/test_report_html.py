"""The HTML page: the answer first, numbers with units, nothing from outside, nothing unescaped."""

import dataclasses
import re

import pytest

from hemadose.report import render_html, with_figures

HOSTILE = "<script>alert('x')</script> & \"quoted\""


@pytest.fixture(scope="module")
def page(report, study_images):
    return render_html(with_figures(report, images=study_images))


def body_text(page):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.split("</head>")[1]))


def test_answer_comes_before_everything_else(page):
    text = body_text(page)
    assert text.index("Proposed activity 14.2 GBq") < text.index("Patient and study")
    assert "Because of the limit of 23 Gy to the kidneys, which is met at 14.84 GBq" in text
    assert "probability of exceeding 34 %" in text


def test_numbers_carry_units_and_uncertainty(page):
    text = body_text(page)
    for head in ("Mass / g", "TIAC / h", "TIA / MBq h", "Dose / (Gy/GBq)", "Dose at 14.2 GBq / Gy"):
        assert head in text
    assert re.search(r"1\.55 ± 0\.1\d", text), "kidney dose coefficient with its SD"
    assert "k = 1" in text
    # 203 MBq decayed 40 min with a half-life of 6.647 d, less 2.1 MBq: 200.3 MBq
    assert "200 MBq at administration" in text


def test_earliest_day_is_rounded_up(page):
    # log2(14.2 GBq * 0.42 Gy/GBq) * 92 h = 9.876 d
    assert "Earliest transplantation 9.9 d" in body_text(page)


def test_doubts_warnings_and_signatures_are_printed(page):
    text = body_text(page)
    for part in (
        "The SPECT at 24 h is the only one",
        "28 % of the integral is extrapolated.",
        "Vertebrae L2–L4",
        "STOP ATG-PRODUCT",
        "Medical physics expert",
        "Research use only",
        "30 mg/m2 x 1.93 m2 (Mosteller)",
        "abababababab",
    ):
        assert part in text, part
    assert "ab" * 32 not in text, "digests are shortened"


def test_page_asks_the_network_for_nothing(page):
    outside = re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?([^"'\s)>]+)""", page)
    assert outside, "the page embeds figures"
    assert all(link.startswith(("data:", "#")) for link in outside)
    assert "http://" not in page
    assert "https://" not in page
    assert "<script" not in page
    assert "default-src 'none'" in page


def test_hostile_text_is_escaped(report):
    hostile = dataclasses.replace(
        report,
        notes=(HOSTILE,),
        methods=(HOSTILE,),
        patient=dataclasses.replace(report.patient, pseudonym=HOSTILE),
    )
    page = render_html(hostile)
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 4


def test_every_figure_is_embedded_with_words_for_those_who_cannot_see(page, report, study_images):
    names = [figure.name for figure in with_figures(report, images=study_images).figures]
    images = re.findall(r'<img src="data:image/svg\+xml;base64,[^"]+" alt="([^"]+)"', page)
    assert len(images) == len(names) == len(set(names))
    assert all(len(words) > 20 for words in images)


def test_page_is_the_same_on_every_run(report, study_images):
    first = render_html(with_figures(report, images=study_images))
    second = render_html(with_figures(report, images=study_images))
    assert first == second


def test_broken_limit_is_shouted(report):
    broken = dataclasses.replace(report.prescription.outcomes[0], violated=True, value_at_activity=25.0)
    prescription = dataclasses.replace(report.prescription, outcomes=(broken, *report.prescription.outcomes[1:]))
    text = body_text(render_html(dataclasses.replace(report, prescription=prescription)))
    assert "Limit broken: kidneys 23 Gy" in text
    assert "Limit broken" not in body_text(render_html(report))


def test_study_after_therapy_leads_with_delivered_doses(report, comparison):
    after = dataclasses.replace(report, prescription=None, course=None, comparison=comparison)
    text = body_text(render_html(after))
    # 14.0 GBq * 0.62 * 1.55 Gy/GBq = 13.45 Gy
    assert "Delivered by 14.0 GBq" in text
    assert re.search(r"13\.5 ± 1\.\d Gy", text)
    assert "Planned and delivered" in text
    assert "Calendar" not in text
