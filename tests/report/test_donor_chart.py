"""Figure 1 with a branch for each group of donors: corrected units, printed ones in the foot, nothing overlaps."""

from __future__ import annotations

from itertools import combinations

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from hemadose.errors import ReportError
from hemadose.refdata import regimen
from hemadose.report.donor_chart import donor_chart

THREE = ("cxcr4-tbi-matched-flu", "cxcr4-tbi-matched-cy", "cxcr4-tbi-haplo")


def texts():
    figure = donor_chart([regimen(id) for id in THREE])
    return figure, [t for t in figure.axes[0].texts if t.get_text()]


def test_branches_hold_what_the_paper_gives_in_the_units_that_are_meant():
    said = [t.get_text() for t in texts()[1]]
    # Braitsch 2025, Methods and Figure 1
    for part in (
        "MRD and MUD", "HID and MMUD", "or cyclophosphamide†", "60 mg/kg, 120 in all", "14.5 mg/kg, 29 in all",
        "30 mg/m², 120 in all", "30 mg/m², 150 in all", "50 mg/kg, 100 in all", "5 (MRD), 10 (MUD) mg/kg",
        "8 or 10 Gy in fractions of 2 Gy", "15 mg/kg 3 times a day", "day −15 or −14, amino acids",
    ):  # fmt: skip
        assert part in said, part
    assert said.count("60") == 2  # days -5 and -4
    assert said.count("30") == 4 + 5
    assert said.count("ATG") == 3
    assert said.count("50") == 2
    assert said.count("start to be confirmed") == 2
    assert "NUC" in said
    assert "RAD" in said
    foot = " ".join(said)
    assert "“60mg/m2 d-5 and d-4”" in foot
    assert "starts on day +3" in foot


def test_texts_do_not_overlap_and_stay_on_the_page():
    figure, found = texts()
    renderer = FigureCanvasAgg(figure).get_renderer()
    boxes = [(t.get_text(), t.get_window_extent(renderer)) for t in found]
    for said, box in boxes:
        assert min(box.x0, box.y0) >= 0.0, said
        assert box.x1 <= figure.bbox.width, said
        assert box.y1 <= figure.bbox.height, said
    for (one, a), (two, b) in combinations(boxes, 2):
        across, down = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
        assert across <= 0.5 or down <= 0.5, f"{one!r} overlaps {two!r}"


def test_regimens_that_share_nothing_are_refused():
    with pytest.raises(ReportError, match="do not share"):
        donor_chart([regimen(THREE[0]), regimen("ric-haplo-ptcy")])
    with pytest.raises(ReportError, match="no publication"):
        donor_chart([regimen("ric-haplo-ptcy")])
    with pytest.raises(ReportError):
        donor_chart([])
