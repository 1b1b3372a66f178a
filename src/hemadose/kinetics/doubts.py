"""What a reader should doubt about a fitted curve, in plain words."""

from __future__ import annotations

import numpy as np

from hemadose.kinetics.options import FitOptions
from hemadose.kinetics.selection import Trial
from hemadose.model import ActivitySeries, ExponentialCurve, Nuclide
from hemadose.units import HOUR_S


def fit_doubts(
    series: ActivitySeries,
    *,
    nuclide: Nuclide,
    best: Trial,
    curve: ExponentialCurve,
    options: FitOptions,
) -> list[str]:
    """List doubts about the data, the curve and the choice of the model.

    Parameters
    ----------
    series : ActivitySeries
        The samples.
    nuclide : Nuclide
        Named where its decay is the floor.
    best : Trial
        The chosen model.
    curve : ExponentialCurve
        The curve that is reported (an average, or that of `best`).
    options : FitOptions
        Named choices.

    Returns
    -------
    list of str
    """
    return [f"{series.region}: {text}" for text in _span(series, curve) + _model(nuclide, best, options)]


def _span(series: ActivitySeries, curve: ExponentialCurve) -> list[str]:
    first_s, last_s = float(series.times_s[0]), float(series.times_s[-1])
    total, last_h = curve.integral_bq_s(), last_s / HOUR_S
    found = []
    after = curve.integral_bq_s(from_s=last_s) / total
    if after > 0.3:
        found.append(f"{after:.0%} of the integral is extrapolated beyond {last_h:.0f} h")
    before = 1.0 - curve.integral_bq_s(from_s=first_s) / total
    if before > 0.15:
        found.append(
            f"{before:.0%} of the integral lies before the first sample ({first_s / HOUR_S:.0f} h), "
            "where the model is not observed"
        )
    half_life_h = curve.effective_half_life_s / HOUR_S
    if half_life_h > last_h:
        found.append(
            f"the last sample ({last_h:.0f} h) comes before one effective half-life ({half_life_h:.0f} h): "
            "the half-life is longer than the observation"
        )
    values = series.activities_bq
    if values[-1] >= values.max():
        found.append(
            "activity does not fall up to the last sample; clearance is not observed and physical "
            "decay is assumed afterwards, which gives the largest possible integral"
        )
    if (values == 0.0).any():
        times = ", ".join(f"{t / HOUR_S:g} h" for t in series.times_s[values == 0.0])
        found.append(f"no activity was measured at {times}; the sample counts with its uncertainty")
    return found


def _model(nuclide: Nuclide, best: Trial, options: FitOptions) -> list[str]:
    found = []
    if best.solution.at_floor:
        found.append(f"the slowest phase decays as slowly as {nuclide.name} itself (physical floor)")
    if best.dof > 0 and not best.fits:
        reduced = best.solution.chi_square / best.dof
        action = (
            f"uncertainties were multiplied by {np.sqrt(max(reduced, 1.0)):.1f} (Birge ratio)"
            if options.widen_misfit
            else "uncertainties were not widened, as chosen"
        )
        found.append(
            f"no model describes the samples within their uncertainty (reduced chi-square {reduced:.1f}); {action}"
        )
    if best.dof == 0:
        found.append("the curve passes through every sample (as many parameters as samples): nothing tests it")
    if best.candidate.aicc is None:
        found.append("too few samples to choose between models by AICc; the simplest that describes them was taken")
    broken = [r for r in best.candidate.reasons if not r.startswith("AICc")]
    if broken:
        found.append(f"the fit breaks an acceptance rule: {'; '.join(broken)}")
    return found
