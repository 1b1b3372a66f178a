"""The lane chart: nothing overlaps, nothing leaves the page, what was chosen is drawn."""

from __future__ import annotations

from datetime import date
from itertools import combinations
from typing import Any

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from hemadose.errors import ReportError
from hemadose.model import Course, CourseEvent, Donor, Lane, Patient, Sex
from hemadose.refdata import regimen
from hemadose.report.lanechart import lane_chart
from hemadose.report.style import size_mm
from hemadose.therapy.conditioning.calendar import schedule
from hemadose.therapy.conditioning.regimen import AtgOrder, CourseChoices

PATIENT = Patient(pseudonym="A", sex=Sex.MALE, height_cm=190, weight_kg=110, age_years=46, creatinine_mg_per_dl=0.8)
CASES = [
    ("cxcr4-tbi-haplo", Donor.HAPLOIDENTICAL),
    ("cxcr4-tbi-haplo", Donor.MISMATCHED_UNRELATED),
    ("cxcr4-tbi-matched-flu", Donor.MATCHED_UNRELATED),
    ("cxcr4-tbi-matched-cy", Donor.MATCHED_RELATED),
    ("ric-haplo-ptcy", Donor.HAPLOIDENTICAL),
    ("nma-flu-tbi2", Donor.MATCHED_UNRELATED),
]


def made(regimen_id: str, donor: Donor, **changes: Any) -> Course:
    values: dict[str, Any] = {
        "tbi_dose_gy": regimen(regimen_id).tbi.permitted_gy[-1],
        "graft_confirmed": True,
        "cyclophosphamide_weight": "actual",
        "atg": AtgOrder(product="thymoglobulin", amount_mg_per_kg=7.5, basis="total"),  # type: ignore[arg-type]
        **changes,
    }
    return schedule(
        regimen=regimen(regimen_id),
        donor=donor,
        patient=PATIENT,
        day_zero_on=date(2025, 12, 24),
        choices=CourseChoices(**values),
        agent_title="[177Lu]Lu-pentixather",
    )


def texts(figure: Figure) -> list[Any]:
    return [text for text in figure.axes[0].texts if text.get_text()]


@pytest.mark.parametrize(("regimen_id", "donor"), CASES)
@pytest.mark.parametrize("ert_day", [-14, -18])
def test_texts_do_not_overlap_and_stay_on_the_page(regimen_id: str, donor: Donor, ert_day: int) -> None:
    figure = lane_chart(made(regimen_id, donor, ert_day=ert_day))
    renderer = FigureCanvasAgg(figure).get_renderer()
    boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in texts(figure)]
    assert len(boxes) > 60
    width, height = figure.bbox.width, figure.bbox.height
    for said, box in boxes:
        assert min(box.x0, box.y0) >= 0.0, said
        assert box.x1 <= width, said
        assert box.y1 <= height, said
    for (one, a), (two, b) in combinations(boxes, 2):
        across = min(a.x1, b.x1) - max(a.x0, b.x0)
        down = min(a.y1, b.y1) - max(a.y0, b.y0)
        assert across <= 0.5 or down <= 0.5, f"{one!r} overlaps {two!r}"


def test_what_was_chosen_is_written() -> None:
    said = [t.get_text() for t in texts(lane_chart(made("cxcr4-tbi-haplo", Donor.HAPLOIDENTICAL)))]
    assert any("Haploidentical donor (HID)" in s for s in said)
    assert said.count("2×2") == 2
    assert said.count("1×2") == 1
    assert said.count("5500") == 4  # 50 mg/kg x 110 kg, two days, cyclophosphamide and mesna
    assert "NUC" in said
    assert "BMT" in said
    assert "to day +35" in said
    assert not any("ATG" in s for s in said)


def test_irradiation_and_immunosuppression_on_day_0() -> None:
    said = [t.get_text() for t in texts(lane_chart(made("nma-flu-tbi2", Donor.MATCHED_UNRELATED)))]
    assert "1×2" in said
    assert "from day 0" in said  # mycophenolate, with an amount and an open end, is a period
    assert "from day −3" in said
    assert any(s.startswith("Days or amounts not read in a publication") for s in said)


def test_a_stop_is_written_in_the_foot() -> None:
    stopped = [
        t.get_text()
        for t in texts(lane_chart(made("cxcr4-tbi-matched-flu", Donor.MATCHED_UNRELATED, graft_confirmed=False)))
    ]
    clean = [t.get_text() for t in texts(lane_chart(made("cxcr4-tbi-matched-flu", Donor.MATCHED_UNRELATED)))]
    assert any("GRAFT-UNCONFIRMED" in s for s in stopped)
    assert not any(s.startswith("STOP") for s in clean)


def test_width_is_that_of_a_page() -> None:
    width, height = size_mm(lane_chart(made("cxcr4-tbi-haplo", Donor.HAPLOIDENTICAL)))
    assert width == pytest.approx(180.0)
    assert 100.0 < height < 240.0


def test_a_course_without_endoradiotherapy_is_refused() -> None:
    graft = CourseEvent(day=0, lane=Lane.TRANSPLANTATION, kind="graft", title="Infusion of stem cells")
    course = Course(regimen="r", donor=Donor.MATCHED_RELATED, day_zero_on=date(2025, 12, 24), events=(graft,))
    with pytest.raises(ReportError, match="endoradiotherapy"):
        lane_chart(course)
