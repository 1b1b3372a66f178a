"""Figures of transplant timing, release and tandem: what is on them, and that they are drawn alike twice."""

from __future__ import annotations

import numpy as np
import pytest

from hemadose.errors import ReportError
from hemadose.refdata import nuclide
from hemadose.report import style
from hemadose.report.figures.release import release_figure
from hemadose.report.figures.tandem import tandem_figure
from hemadose.report.figures.timing import timing_figure
from hemadose.therapy.protection.exposure import Source, WholeBodyCurve
from hemadose.therapy.protection.release import ReleaseRule, RuleKind, release_verdicts
from hemadose.therapy.tandem.tbi import TbiScheme
from hemadose.therapy.tandem.totals import OrganShare, TandemAgent, organ_totals
from hemadose.therapy.timing.comparison import MarrowOption, compare_at_equal_dose
from hemadose.therapy.timing.sensitivity import half_life_family, tornado
from hemadose.therapy.timing.tail import exponential_residual
from hemadose.units import DAY_S, GBQ, HOUR_S

LU = nuclide("Lu-177")


def timings():
    curve = exponential_residual(gy_per_bq=0.57 / GBQ, half_lives_s=(92 * HOUR_S,), nuclide=LU, relative_sd=0.2)
    return compare_at_equal_dose([MarrowOption(nuclide=LU, residual=curve)], marrow_dose_gy=8.208)


def texts(axes):
    return [t.get_text() for t in axes.texts] + [axes.get_title(), axes.get_xlabel(), axes.get_ylabel()]


def test_timing_shows_residual_dose_limit_and_sensitivity():
    (timing,) = timings()
    curve, times = timing.option.residual, np.arange(29) * DAY_S
    family = half_life_family(curve, activity_bq=14.4 * GBQ, factors=[1.0], times_s=times, limit_gy=1.0)
    swings = tornado(
        curve,
        dose_factors=(0.9, 1.1),
        half_life_factors=(0.85, 1.1),
        activity_bq=(14 * GBQ, 14.4 * GBQ, 15 * GBQ),
        from_s=14 * DAY_S,
        limit_gy=1.0,
    )
    found = timings()
    figure = timing_figure(timings=found, limits_gy=(1.0,), family=family, swings=swings, interval_d=14.0)
    residual, rate, many, bars = figure.axes
    assert residual.lines[0].get_ydata() == pytest.approx(found[0].residual_gy)
    assert rate.lines[0].get_ydata()[0] == pytest.approx(8208 * np.log(2) / 92, rel=1e-6)
    assert "limit 1 Gy" in texts(residual)
    # 11.64 d: an earliest day is rounded up
    assert "92 h: day 11.7" in [t.get_text() for t in many.get_legend().get_texts()]
    assert bars.get_yticklabels()[0].get_text() == "half-life"
    assert all("/ d" in axes.get_xlabel() for axes in (residual, rate, many))


def test_timing_without_sensitivity_has_one_row():
    assert len(timing_figure(timings=timings(), limits_gy=(1.0,)).axes) == 2
    with pytest.raises(ReportError, match="no nuclide"):
        timing_figure(timings=(), limits_gy=(1.0,))


def test_release_shows_rates_thresholds_and_where_activity_is():
    body = WholeBodyCurve(nuclide=LU, fractions=(1.0,), half_lives_s=(30 * HOUR_S,))
    patient = Source(body=body, activity_bq=12.4 * GBQ, sv_per_s_bq_at_1m=3.7e-6 / HOUR_S / GBQ)
    rule = ReleaseRule(id="r", title="r", kind=RuleKind.RATE, value=3.5e-6 / HOUR_S, distance_m=2.0)
    verdicts = release_verdicts(patient, [rule])
    figure = release_figure(source=patient, verdicts=verdicts, release_s=verdicts[0].time_s, rules_of="site")
    rates, activity = figure.axes
    assert rates.lines[0].get_ydata()[0] == pytest.approx(45.88)
    assert [t for t in rates.get_legend_handles_labels()[1] if "3.50 µSv/h at 2 m" in t]
    assert activity.lines[0].get_ydata()[0] == pytest.approx(12.4)
    again = release_figure(source=patient, verdicts=verdicts, release_s=verdicts[0].time_s, rules_of="site")
    assert style.to_svg(figure) == style.to_svg(again)
    with pytest.raises(ReportError, match="no rule"):
        release_figure(source=patient, verdicts=(), release_s=0.0)


def test_tandem_stacks_agents_and_fractions_up_to_the_sum():
    share = OrganShare(
        best_gy_per_bq=1 / GBQ, low_gy_per_bq=1 / GBQ, high_gy_per_bq=1 / GBQ, half_lives_s=(41 * HOUR_S,)
    )
    agent = TandemAgent(name="first", nuclide=LU, activity_bq=10 * GBQ, day=-15.0, organs={"kidneys": share})
    tbi = TbiScheme(fraction_gy=2.0, fractions=4, first_day=-9.0)
    totals = organ_totals([agent], tbi=tbi, tissues={})
    figure = tandem_figure(totals, limits_gy={"kidneys": {"agents": 23.0}})
    rates, given = figure.axes
    dose = given.lines[0].get_ydata()
    assert dose[0] == 0.0
    assert dose[-1] == pytest.approx(18.0, abs=0.01)
    steps = np.diff(dose)
    assert (steps > 1.9).sum() == 4
    assert rates.lines[0].get_ydata()[-1] > 0.0
    assert "limit 23 Gy (agents)" in texts(given)
    with pytest.raises(ReportError, match="no organ"):
        tandem_figure((), limits_gy={})


def test_no_line_of_the_file_has_an_empty_dash_pattern():
    """Some viewers of SVG do not draw a line at all whose stroke-dasharray holds no number."""
    drawn = style.to_svg(timing_figure(timings=timings(), limits_gy=(1.0,)))
    assert b"stroke-dasharray: ;" not in drawn
