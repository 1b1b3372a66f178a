"""CTCAE grades against the public test tables of another program, row by row."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from hemadose.errors import QuantityError, ReferenceDataError
from hemadose.model.followup import FollowUp, Series
from hemadose.outcome.toxicity.ctcae import OPEN, Baseline, baseline_of, grade_values, worst_grade
from hemadose.refdata.ctcae import VERSIONS, ctcae
from hemadose.refdata.quantities import quantities

TABLE = Path(__file__).parents[2] / "data" / "ctcae-rows.csv"


def rows():
    lines = [x for x in TABLE.read_text(encoding="utf-8").splitlines() if not x.startswith("#")]
    return list(csv.DictReader(lines))


# that program reads units in any case; G/L is a count for us, and refused for a mass
SAME_UNIT = {"G/L": "g/L", "Mmol/L": "mmol/L", "Mg/dL": "mg/dL", "MG/dL": "mg/dL"}
# units that it leaves open and that can be converted: version, term, value, unit, grade here
CONVERTED = {
    ("5", "CD4 lymphocytes decreased", "0.49", "10^8/L", "4"),
    ("6", "CD4 lymphocytes decreased", "0.49", "10^8/L", "4"),
    ("5", "Cholesterol high", "10.35", "umol/L", "1"),
    ("6", "Cholesterol high", "10.35", "umol/L", "1"),
    ("5", "Cholesterol high", "400", "ug/dL", "1"),
    ("6", "Cholesterol high", "400", "ug/dL", "1"),
    ("5", "Fibrinogen decreased", "1.5", "g/dL", "0"),
    ("6", "Fibrinogen decreased", "1.5", "g/dL", "0"),
    ("6", "Creatinine clearance decreased", "50", "L/min", "0"),
}


def number(text):
    return float(text) if text else np.nan


def graded(row):
    """Our grade as text, empty where open."""
    try:
        term = ctcae(row["version"] + ".0").term(row["term"])
        grade = grade_values(
            term,
            number(row["value"]),
            unit=SAME_UNIT.get(row["unit"], row["unit"]),
            lower_limit=number(row["lower"]),
            upper_limit=number(row["upper"]),
            baseline=number(row["baseline"]),
            baseline_position=row["baseline_position"].lower().split(" ")[0],
            change_percent=number(row["percent_change"]),
            quantity=quantities()[term.quantity],
        )[0]
    except QuantityError:
        return ""
    return "" if grade == OPEN else str(grade)


def test_every_row_of_the_public_tables():
    table = rows()
    assert len(table) > 2000
    ours = [graded(r) for r in table]
    other = {
        (r["version"], r["term"], r["value"], r["unit"], grade)
        for r, grade in zip(table, ours, strict=True)
        if grade != r["grade"]
    }
    assert other == CONVERTED
    assert set(ours) == {"", "0", "1", "2", "3", "4"}


def test_every_term_has_a_quantity_and_units_of_its_kind():
    for version in VERSIONS:
        for term in ctcae(version).terms:
            quantity = quantities()[term.quantity]
            assert grade_values(term, [np.nan], unit=quantity.unit, quantity=quantity).tolist() == [OPEN], term.name


def test_versions_differ_where_they_are_known_to():
    """Neutrophils 0.3 and platelets 15: grade 4 in version 5, grade 3 in version 6."""
    grades = {}
    for version, platelets in (("5.0", "Platelet count decreased"), ("6.0", "Thrombocytopenia")):
        criteria = ctcae(version)
        grades[version] = (
            grade_values(criteria.term("Neutrophil count decreased"), 0.3, unit="10*9/L")[0],
            grade_values(criteria.term(platelets), 15.0, unit="10*9/L")[0],
        )
    assert grades == {"5.0": (4, 4), "6.0": (3, 3)}


def test_an_unknown_version_is_refused():
    with pytest.raises(ReferenceDataError, match="version"):
        ctcae("4.0")


def test_units_of_another_kind_are_refused():
    with pytest.raises(QuantityError, match="different things"):
        grade_values(ctcae("5.0").term("Anemia"), 12.0, unit="10*9/L")


def patient(**limits):
    days, values = [-10.0, 2.0, 6.0, 40.0], [0.8, 1.0, 1.5, 4.0]
    series = Series(quantity="creatinine", unit="mg/dL", day=days, value=values, **limits)
    return FollowUp(pseudonym="A", series=(series,))


def test_the_worst_grade_explains_itself():
    criteria = ctcae("5.0")
    term = criteria.term("Creatinine increased")
    window = {"first_day": 0.0, "last_day": 28.0, "quantities": quantities()}
    found = worst_grade(criteria, term, patient(upper_limit=[1.1] * 4), **window)
    assert (found.grade, found.day) == (2, 6.0)  # 1.5 is 1.875 times the baseline of 0.8
    assert "baseline" in found.criteria[0]
    assert "1.5 mg/dL on day 6" in found.used[0]
    # without limits the same value still exceeds 1.5 times the baseline; 1.0 cannot be graded, and that is said
    without = worst_grade(criteria, term, patient(), **window)
    assert (without.grade, len(without.missing)) == (2, 1)


def test_nothing_is_graded_from_nothing():
    criteria = ctcae("5.0")
    window = {"first_day": 0.0, "last_day": 28.0, "quantities": quantities()}
    absent = worst_grade(criteria, criteria.term("Anemia"), patient(), **window)
    assert absent.outcome is None
    assert absent.grade is None
    normal = Series(quantity="platelets", unit="10*9/L", day=[1.0], value=[200.0])
    found = worst_grade(
        criteria, criteria.term("Platelet count decreased"), FollowUp(pseudonym="B", series=(normal,)), **window
    )
    assert found.outcome is None
    assert "limits" in found.missing[0]


def test_below_a_bound_is_below():
    """Platelets "<10" are below 10 (grade 4 of version 6 is below 10)."""
    series = Series(quantity="platelets", unit="10*9/L", day=[1.0], value=[10.0], bound=[-1])
    criteria = ctcae("6.0")
    found = worst_grade(
        criteria, criteria.term("Thrombocytopenia"), FollowUp(pseudonym="B", series=(series,)),
        first_day=0.0, last_day=5.0, quantities=quantities(),
    )  # fmt: skip
    assert found.grade == 4
    assert "<10" in found.used[0]


def test_the_baseline_is_the_last_value_before():
    series = patient(upper_limit=[0.7, 1.1, 1.1, 1.1]).of("creatinine")
    assert baseline_of(series, until_day=0.0) == Baseline(value=0.8, position="high")
    assert baseline_of(series, until_day=-20.0) == Baseline()


def test_later_windows_keep_the_baseline_before_therapy():
    """Bilirubin high before therapy at 2: 5 is 2.5 x 2 (grade 2) and 1.25 x the 4 of day 0 (grade 1)."""
    bilirubin = Series(
        quantity="bilirubin", unit="mg/dL", day=[-15.0, 0.0, 10.0], value=[2.0, 4.0, 5.0], upper_limit=[1.2] * 3
    )
    who, v5 = FollowUp(pseudonym="A", series=(bilirubin,)), ctcae("5.0")
    args = {"first_day": 1.0, "last_day": 30.0, "quantities": quantities()}
    term = v5.term("Blood bilirubin increased")
    assert worst_grade(v5, term, who, baseline_day=-14.0, **args).grade == 2
    assert worst_grade(v5, term, who, **args).grade == 1
