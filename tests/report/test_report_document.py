"""Words and numbers of the report: rounding, reasons, doubts."""

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemadose.errors import ReportError
from hemadose.report import names, numbers
from hemadose.report.answer import answer_of, reason_of
from hemadose.report.document import document
from hemadose.report.doubts import collect_doubts
from hemadose.report.printed import dose_table, fit_table, provenance_table


@given(st.floats(1e-4, 1e5), st.floats(0.005, 0.5))
def test_value_and_uncertainty_share_their_last_decimal(value, relative):
    text = numbers.measured(value, relative * value)
    left, right = text.split(" ± ")
    assert len(left.partition(".")[2]) == len(right.partition(".")[2])
    assert float(left) == pytest.approx(value, abs=0.06 * relative * value + 0.5)
    assert float(right) == pytest.approx(relative * value, rel=0.06, abs=0.5)


@given(st.floats(0.0, 1.0))
def test_probability_never_claims_certainty(value):
    text = numbers.probability(value)
    assert text not in ("0 %", "100 %")


@given(st.floats(0.0, 100.0))
def test_earliest_day_is_never_rounded_down(days):
    assert float(numbers.days_up(days * 86400.0).split()[0]) >= days - 1e-6


def test_prescribed_activity_is_printed_in_full():
    assert numbers.prescribed(14.4e9) == "14.4 GBq"
    assert numbers.prescribed(14.45e9) == "14.45 GBq"
    assert numbers.prescribed(14e9) == "14.0 GBq"


def test_not_finite_numbers_are_words():
    assert numbers.significant(math.inf) == "unlimited"
    assert numbers.significant(math.nan) == "–"
    assert numbers.measured(1.0, math.nan) == "1.00"


def test_reason_names_the_active_constraint(report):
    kidneys, marrow, cap = report.prescription.outcomes

    def reason(active):
        outcomes = tuple(dataclasses.replace(o, active=o is active) for o in (kidneys, marrow, cap))
        name = "chosen" if active is None else active.limit.name
        return reason_of(dataclasses.replace(report.prescription, outcomes=outcomes, active_limit=name))

    assert "23 Gy to the kidneys" in reason(kidneys)
    assert "1 Gy to the red marrow after infusion of stem cells" in reason(marrow)
    assert "activity cap 16.5 GBq" in reason(cap)
    assert "was chosen" in reason(None)
    assert "up to 14.84 GBq (kidneys 23 Gy)" in reason(None)


def test_early_transplantation_is_an_alert(report):
    early = dataclasses.replace(report.prescription, interval_to_infusion_s=5 * 86400.0)
    alerts = [f for f in answer_of(dataclasses.replace(report, prescription=early)).facts if f.alert]
    assert [fact.label for fact in alerts] == ["Earliest transplantation"]
    assert not any(fact.alert for fact in answer_of(report).facts)


def test_study_without_limits_gives_dose_coefficients(report):
    answer = answer_of(dataclasses.replace(report, prescription=None))
    assert "No activity is proposed" in answer.reason
    assert answer.facts[0].label == "Kidneys"
    assert answer.facts[0].value.startswith("1.55 ± ")


def test_equal_doubts_of_a_stage_are_joined(report):
    text = "the sample at 168 h was left out"
    series = tuple(dataclasses.replace(s, notes=(text,)) for s in report.series[:2])
    doubts = collect_doubts(dataclasses.replace(report, series=series))
    found = [d for d in doubts if d.stage == "Activities"]
    assert len(found) == 1
    assert found[0].about == "left kidney, right kidney"
    assert found[0].text == "The sample at 168 h was left out."


def test_doubts_of_every_stage_are_kept(report):
    stages = [group["stage"] for group in document(report)["doubts"]]
    assert stages == ["Study", "Curves", "Doses", "Prescription"]


def test_kidney_row_joins_both_kidneys(report):
    kidneys = dose_table(report).rows[0]
    # TIAC: (3.9 * 41 + 3.6 * 43) MBq h / ln 2 / 200.3 MBq = 2.27 h
    assert kidneys[0] == "Kidneys"
    assert float(kidneys[2]) == pytest.approx(2.27, abs=0.02)
    assert kidneys[3] == "41.0 / 43.0"


def test_marrow_row_does_not_borrow_the_vertebral_tiac(report):
    marrow = dose_table(report).rows[1]
    assert marrow[0] == "Red marrow"
    assert marrow[2] == numbers.MISSING
    assert marrow[3] == "92.0"


def test_fit_table_tells_what_else_was_tried(report):
    assert fit_table(report).rows[0][-1] == "bi-exponential (rejected)"


def test_equal_provenance_is_listed_once(report):
    steps = [row[0] for row in provenance_table(report).rows]
    assert steps.count("kinetics.fit_series") == 1
    assert len(report.fits) > 1


def test_unknown_names_are_shown_as_they_are():
    assert names.label("adrenal_left") == "adrenal left"
    assert names.model_label("my_model") == "my model"
    assert names.colour("background_liver") == names.colour("liver")
    assert names.colour("kidneys") != names.colour("liver")


def test_delivered_answer_needs_the_comparison(report):
    from hemadose.report.answer import _delivered

    with pytest.raises(ReportError):
        _delivered(report)


def test_calendar_amounts_are_printed_without_padding(report):
    from hemadose.report.printed import event_table

    amounts = [row[5] for row in event_table(report).rows]
    assert amounts[0] == "1000 ml"
    assert "57.8 mg" in amounts
    assert "4 Gy" in amounts
    assert amounts[-1] == numbers.MISSING
