"""Tumour lysis: Cairo MS, Bishop M. Br J Haematol 2004;127:3-11, Tables II to IV."""

from __future__ import annotations

import pytest

from hemadose.model.followup import Event, EventKind, FollowUp, Series
from hemadose.outcome.toxicity.tumour_lysis import tumour_lysis, tumour_lysis_by_start

UNITS = {"urate": "mg/dL", "potassium": "mmol/L", "phosphate": "mg/dL", "calcium": "mg/dL", "creatinine": "mg/dL"}
NORMAL = {"urate": [5.0, 5.2], "potassium": [4.0, 4.2], "phosphate": [3.5, 3.6], "calcium": [9.0, 8.8]}


def patient(events=(), upper=1.0, **values):
    series = tuple(
        Series(quantity=q, unit=UNITS[q], day=[-15.0, -12.0], value=v, upper_limit=[upper] * 2 if q == "creatinine" else None)
        for q, v in {**NORMAL, **values}.items()
        if v is not None
    )  # fmt: skip
    return FollowUp(pseudonym="A", series=series, events=tuple(events))


def judged(**values):
    return tumour_lysis(patient(**values), start_day=-14.0)


def test_normal_values_are_no_tumour_lysis():
    assert judged().outcome == "none"


def test_one_criterion_is_not_enough_and_two_are():
    assert judged(urate=[5.0, 8.0]).outcome == "none"
    assert judged(urate=[5.0, 8.0], potassium=[4.5, 6.0]).outcome == "laboratory"


@pytest.mark.parametrize(
    ("changed", "met"),
    [
        ({"urate": [5.0, 6.25]}, True),
        ({"urate": [5.0, 6.2]}, False),
        ({"calcium": [9.0, 6.75]}, True),
        ({"calcium": [9.0, 6.9], "phosphate": [3.5, 3.6]}, True),  # at or below 7
        ({"calcium": [9.0, 7.1]}, False),
        ({"phosphate": [3.7, 4.5]}, True),
        ({"phosphate": [3.7, 4.4]}, False),
    ],
)
def test_limits_and_changes_of_a_quarter(changed, met):
    found = judged(potassium=[4.0, 6.5], **changed)
    assert (found.outcome == "laboratory") is met


def test_children_have_another_limit_of_phosphate():
    values = {"potassium": [4.0, 6.5], "phosphate": [5.5, 6.0]}
    assert tumour_lysis(patient(**values), start_day=-14.0).outcome == "laboratory"
    assert tumour_lysis(patient(**values), start_day=-14.0, adult=False).outcome == "none"


def test_what_was_not_measured_can_leave_it_open():
    assert judged(urate=None).outcome == "none"  # one missing of four, none met: cannot become two
    assert judged(urate=None, calcium=None).outcome is None
    opened = judged(urate=None, potassium=[4.0, 6.5])
    assert opened.outcome is None
    assert "urate" in opened.missing[0]
    assert judged(urate=None, potassium=[4.0, 6.5], phosphate=[3.0, 4.6]).outcome == "laboratory"


@pytest.mark.parametrize(("creatinine", "grade"), [(1.4, 0), (1.5, 1), (2.9, 2), (3.1, 3), (6.1, 4)])
def test_creatinine_makes_it_clinical(creatinine, grade):
    """Table IV: 1.5 x limit grade 1, above 1.5 to 3 grade 2, above 3 to 6 grade 3, above 6 grade 4."""
    found = judged(urate=[5.0, 9.0], potassium=[4.0, 6.5], creatinine=[0.8, creatinine])
    assert found.grade == grade


def test_a_seizure_counts_with_its_grade_and_only_with_laboratory_tumour_lysis():
    seizure = Event(day=-11.0, kind=EventKind.ADVERSE_EVENT, term="seizure", grade=3)
    both = patient(events=[seizure], urate=[5.0, 9.0], potassium=[4.0, 6.5], creatinine=[0.8, 0.9])
    assert tumour_lysis(both, start_day=-14.0).outcome == "clinical, grade 3"
    assert tumour_lysis(patient(events=[seizure]), start_day=-14.0).outcome == "none"


def test_values_outside_the_window_do_not_count():
    far = FollowUp(
        pseudonym="A",
        series=tuple(Series(quantity=q, unit=UNITS[q], day=[-40.0], value=[v[1]]) for q, v in NORMAL.items()),
    )
    assert tumour_lysis(far, start_day=-14.0).outcome is None


def test_every_start_has_its_window_and_overlaps_are_said():
    """Radioligand therapy on day -14, irradiation on -9, chemotherapy on -6 (Braitsch 2025, Figure 1)."""
    events = [
        Event(day=-14.0, kind=EventKind.RADIOLIGAND),
        Event(day=-14.0, kind=EventKind.DRUG, term="amino acids"),
        Event(day=-9.0, kind=EventKind.IRRADIATION),
        Event(day=-6.0, kind=EventKind.CHEMOTHERAPY),
    ]
    found = tumour_lysis_by_start(patient(events=events, urate=[5.0, 9.0], potassium=[4.0, 6.5]))
    assert [d.outcome for d in found] == ["laboratory", "laboratory", None]
    assert sum("overlap" in n for n in found[0].notes) == 2
    assert any("amino acids" in n for n in found[0].notes)
