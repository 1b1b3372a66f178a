"""Order sheet and one-page calendar: marked as research use, no identifier unless asked, one page, text as data."""

from __future__ import annotations

from datetime import date
from typing import Any

import pypdfium2
import pytest

from hemadose.model import Course, Donor, Patient, Sex
from hemadose.refdata import regimen
from hemadose.report.lanechart import lane_chart
from hemadose.report.one_pager import one_pager_pdf
from hemadose.report.order_sheet import order_sheet_pdf
from hemadose.report.sheets import amount, typeset
from hemadose.report.style import to_svg
from hemadose.therapy.conditioning.calendar import schedule
from hemadose.therapy.conditioning.doses import course_doses
from hemadose.therapy.conditioning.order import OrderLine, order_lines
from hemadose.therapy.conditioning.regimen import AtgOrder, CourseChoices

PATIENT = Patient(
    pseudonym="SECRET", sex=Sex.FEMALE, height_cm=165, weight_kg=61, age_years=52, creatinine_mg_per_dl=1.4
)


def made(id: str, donor: Donor, **changes: Any) -> tuple[Course, tuple[OrderLine, ...]]:
    used = regimen(id)
    values: dict[str, Any] = {
        "tbi_dose_gy": used.tbi.permitted_gy[-1],
        "graft_confirmed": True,
        "cyclophosphamide_weight": "actual",
        "atg": AtgOrder(product="thymoglobulin", amount_mg_per_kg=7.5, basis="total"),  # type: ignore[arg-type]
        **changes,
    }
    chosen = CourseChoices(**values)
    course = schedule(regimen=used, donor=donor, patient=PATIENT, day_zero_on=date(2025, 6, 2), choices=chosen)
    return course, order_lines(course, course_doses(used, PATIENT, chosen))


def text_of(pdf: bytes) -> tuple[int, str]:
    document = pypdfium2.PdfDocument(pdf)
    return len(document), " ".join(page.get_textpage().get_text_range() for page in document)


CASES = [
    ("cxcr4-tbi-haplo", Donor.HAPLOIDENTICAL),
    ("cxcr4-tbi-matched-flu", Donor.MATCHED_UNRELATED),
    ("cxcr4-tbi-matched-cy", Donor.MATCHED_RELATED),
    ("ric-haplo-ptcy", Donor.HAPLOIDENTICAL),
    ("nma-flu-tbi2", Donor.MATCHED_UNRELATED),
]


@pytest.mark.parametrize(("id", "donor"), CASES)
def test_one_page_holds_every_regimen(id: str, donor: Donor) -> None:
    course, lines = made(id, donor, graft_confirmed=False)
    pdf = one_pager_pdf(course, lines, PATIENT, chart=to_svg(lane_chart(course)), planner="pharmacist A")
    pages, text = text_of(pdf)
    assert pages == 1
    assert "RESEARCH USE - NOT AN ORDER" in text
    assert "GRAFT-UNCONFIRMED" in text
    assert "pharmacist A" in text
    assert "SECRET" not in text


def test_order_sheet_prints_amounts_rules_and_signatures() -> None:
    course, lines = made("cxcr4-tbi-haplo", Donor.HAPLOIDENTICAL)
    _, text = text_of(order_sheet_pdf(course, lines, PATIENT, planner="pharmacist A", inputs_sha256="abcdef0123456789"))
    text = " ".join(text.split())
    assert "RESEARCH USE - NOT AN ORDER" in text
    # (140 - 52) 61 / (72 x 1.4) x 0.85 = 45.3 ml/min: 60 %; sqrt(165 x 61 / 3600) = 1.672 m2; 0.6 x 30 x 1.672 = 30.1 mg
    for part in (
        "30 mg/m² × 60 %",
        "1.672 m²",
        "30.1 mg",
        "50 mg/kg",
        "3050 mg",
        "6100",
        "actual weight",
        "abcdef012345",
    ):
        assert part in text, part
    for who in ("Planned by", "Verified by (second calculation)", "Responsible physician", "Pharmacist"):
        assert who in text
    assert all(w.code in text for w in course.warnings)
    assert "SECRET" not in text


def test_pseudonym_only_when_asked_and_overrides_are_printed() -> None:
    course, lines = made(
        "cxcr4-tbi-haplo",
        Donor.HAPLOIDENTICAL,
        immunosuppression_start_day=3,
        overrides={"CNI-BEFORE-PTCY": "study 12"},
    )
    _, sheet = text_of(order_sheet_pdf(course, lines, PATIENT, planner="A", pseudonym="PAT-7"))
    assert "PAT-7" in sheet
    chart = to_svg(lane_chart(course))
    _, page = text_of(one_pager_pdf(course, lines, PATIENT, chart=chart, planner="A"))
    assert "Overridden: study 12" in " ".join(page.split())
    assert "PAT-7" not in page


def test_refused_drug_is_said() -> None:
    ill = Patient(pseudonym="A", sex=Sex.FEMALE, height_cm=165, weight_kg=61, age_years=52, creatinine_mg_per_dl=4.0)
    used = regimen("cxcr4-tbi-haplo")
    chosen = CourseChoices(tbi_dose_gy=8.0, graft_confirmed=True, cyclophosphamide_weight="actual")  # type: ignore[arg-type]
    course = schedule(
        regimen=used, donor=Donor.HAPLOIDENTICAL, patient=ill, day_zero_on=date(2025, 6, 2), choices=chosen
    )
    lines = order_lines(course, course_doses(used, ill, chosen))
    _, text = text_of(order_sheet_pdf(course, lines, ill, planner="A"))
    assert " ".join(text.split()).count("do not give") == 5


def test_text_is_never_read_as_markup() -> None:
    course, lines = made("cxcr4-tbi-haplo", Donor.HAPLOIDENTICAL)
    _, text = text_of(order_sheet_pdf(course, lines, PATIENT, planner='#panic("x") *bold*'))
    assert '#panic("x") *bold*' in text


def test_same_bytes() -> None:
    course, lines = made("nma-flu-tbi2", Donor.MATCHED_UNRELATED)
    assert order_sheet_pdf(course, lines, PATIENT, planner="A") == order_sheet_pdf(course, lines, PATIENT, planner="A")


def test_amounts_are_not_cut() -> None:
    assert [amount(x, "mg") for x in (4500.0, 99.96, 57.771, 104625.0)] == ["4500", "100.0", "57.8", "104625"]


def test_unknown_template() -> None:
    with pytest.raises(FileNotFoundError):
        typeset("absent.typ", {})


def test_a_stop_stands_above_the_order_lines() -> None:
    course, lines = made("cxcr4-tbi-haplo", Donor.HAPLOIDENTICAL, graft_confirmed=False)
    _, text = text_of(order_sheet_pdf(course, lines, PATIENT, planner="A"))
    assert 0 < text.index("GRAFT-UNCONFIRMED") < text.index("Rule of size")
    course, lines = made("cxcr4-tbi-haplo", Donor.HAPLOIDENTICAL)
    assert "STOP" not in text_of(order_sheet_pdf(course, lines, PATIENT, planner="A"))[1]
