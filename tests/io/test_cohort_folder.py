"""A cohort folder: what is written is read again, and what cannot be is refused with file, line and column."""

from __future__ import annotations

import pytest

from hemadose.errors import InputError, QuantityError, TimingError
from hemadose.io.cohort_folder import read_cohort_folder
from hemadose.io.cohort_writing import write_cohort_folder
from hemadose.model.followup import EventKind, Missing
from hemadose.refdata.quantities import quantities

PATIENTS = "patient,day_zero_on,born_on,sex,diagnosis,cd34\nA,2025-03-31,1975-03-31,female,AML,5.4\nB,,,male,AML,\n"
MEASUREMENTS = """patient,date,day,quantity,value,unit,lower,upper
A,2025-03-21,,creatinine,70.7,umol/L,44.2,97.2
A,2025-04-10T08:00,,Kreatinin,1.6,mg/dL,0.5,1.1
B,,12,platelets,<10,G/l,150,400
B,,12,platelets,<10,G/l,150,400
B,,13,platelets,,G/l,150,400
"""
EVENTS = """patient,date,day,kind,term,grade,until_day
A,2025-03-17,,radioligand,lu177-pentixather,,
A,,0,infusion of stem cells,,,
B,,20,adverse_event,mucositis oral,3,27
"""


def folder(tmp_path, *, patients=PATIENTS, measurements=MEASUREMENTS, events=EVENTS):
    for name, text in (("patients", patients), ("measurements", measurements), ("events", events)):
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
    return tmp_path


def read(path):
    return read_cohort_folder(path, quantities=quantities())


def test_dates_become_days_and_units_become_one(tmp_path):
    cohort = read(folder(tmp_path))
    creatinine = cohort.patient("A").of("creatinine")
    assert creatinine.day == pytest.approx([-10.0, 10.0 + 8.0 / 24.0])
    assert creatinine.value == pytest.approx([0.8, 1.6], rel=1e-3)
    assert creatinine.upper_limit == pytest.approx([1.1, 1.1], rel=1e-3)
    assert cohort.patient("A").age_years == pytest.approx(50.0, abs=0.01)
    assert cohort.patient("A").first(EventKind.RADIOLIGAND).day == -14.0


def test_bounds_repeats_and_gaps_are_kept_as_such(tmp_path):
    cohort = read(folder(tmp_path))
    platelets = cohort.patient("B").of("platelets")
    assert (platelets.value.tolist(), platelets.bound.tolist()) == ([10.0], [-1])
    assert any("same twice" in n for n in cohort.notes)
    assert any("no value" in n for n in cohort.notes)
    assert [(g.field, g.reason) for g in cohort.patient("B").gaps] == [("cd34", Missing.NOT_REPORTED)]


def test_what_is_written_is_read_again(tmp_path):
    first = read(folder(tmp_path))
    write_cohort_folder(first, tmp_path / "copy")
    again = read(tmp_path / "copy")
    for one, other in zip(first.patients, again.patients, strict=True):
        assert [s.quantity for s in one.series] == [s.quantity for s in other.series]
        for a, b in zip(one.series, other.series, strict=True):
            assert a.value == pytest.approx(b.value, rel=1e-9)
            assert a.day == pytest.approx(b.day, rel=1e-9)
        assert one.events == other.events
        assert one.facts == other.facts
    assert "2025" not in (tmp_path / "copy" / "measurements.csv").read_text()


@pytest.mark.parametrize(
    ("table", "old", "new", "error", "said"),
    [
        ("measurements", "umol/L", "", QuantityError, "no unit"),
        ("measurements", "70.7,umol/L", "70.7,mg/dL", QuantityError, "not believable"),
        ("measurements", "70.7", "NaN", QuantityError, "finite"),
        ("measurements", "creatinine", "creatine", InputError, "unknown quantity"),
        ("measurements", "2025-03-21", "1970-01-01", TimingError, "before birth"),
        ("measurements", "2025-03-21", "21.3.2025", TimingError, "not a date"),
        ("measurements", "B,,12,", "C,,12,", InputError, "not in patients"),
        ("measurements", ",44.2,97.2", ",44.2", InputError, "truncated"),
        ("events", "radioligand", "therapy", InputError, "unknown kind"),
        ("events", ",3,27", ",3.5,27", InputError, "grade"),
        ("events", ",3,27", ",3,2", InputError, "ends before"),
        ("patients", "female", "f", InputError, "unknown sex"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path, table, old, new, error, said):
    texts = {"patients": PATIENTS, "measurements": MEASUREMENTS, "events": EVENTS}
    assert old in texts[table]
    texts[table] = texts[table].replace(old, new, 1)
    with pytest.raises(error, match=said):
        read(folder(tmp_path, **texts))


def test_a_value_after_death_is_refused(tmp_path):
    with pytest.raises(InputError, match="after death"):
        read(folder(tmp_path, events=EVENTS + "B,,5,death,sepsis,,\n"))


def test_a_date_without_day_zero_cannot_be_counted(tmp_path):
    with pytest.raises(TimingError, match="no day 0"):
        read(folder(tmp_path, measurements=MEASUREMENTS.replace("B,,12", "B,2025-01-01,", 1)))
