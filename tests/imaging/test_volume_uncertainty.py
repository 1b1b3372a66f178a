"""The EANM chain of Gear 2018 from outline to activity: equations by hand, and against drawn outlines on a sphere.

No worked numbers of the paper were at hand; what its equations claim is proved on an exactly blurred sphere instead.
"""

from __future__ import annotations

from math import log, pi, sqrt

import numpy as np
import pytest
from scipy.special import erf

from hemadose.errors import QuantityError
from hemadose.imaging.calibration.recovery_fit import fit_recovery
from hemadose.imaging.calibration.recovery_forms import NEMA_DIAMETERS_MM, SphereMeasurement, sphere_ml
from hemadose.imaging.recovery import sphere_recovery
from hemadose.imaging.volume_uncertainty import (
    activity_covariance,
    activity_uncertainty,
    diameter_sd_mm,
    edge_share,
    volume_relative_sd,
)

FWHM_PER_SIGMA = 2.354820045
CAMERA_MM = 12.0


def theory_fit(sd=0.02, fwhm=CAMERA_MM, diameters=(*NEMA_DIAMETERS_MM, 60.0, 80.0)):
    made = [
        SphereMeasurement(volume_ml=sphere_ml(d), recovery=sphere_recovery(radius_mm=d / 2, fwhm_mm=fwhm), sd=sd)
        for d in diameters
    ]
    return fit_recovery(made, form="gaussian")


def counts_within(rho, radius, fwhm=CAMERA_MM):
    """Counts of an exactly blurred unit sphere inside a concentric VOI, by radial integration."""
    s = fwhm / FWHM_PER_SIGMA
    x = (np.arange(4000) + 0.5) / 4000 * rho
    body = 0.5 * (erf((radius - x) / (sqrt(2) * s)) + erf((radius + x) / (sqrt(2) * s)))
    tails = np.exp(-((radius - x) ** 2) / (2 * s**2)) - np.exp(-((radius + x) ** 2) / (2 * s**2))
    profile = body - s / (x * sqrt(2 * pi)) * tails
    return float((4 * pi * x**2 * profile).sum() * rho / 4000) / 1000.0


def test_diameter_and_volume_by_hand():
    """u(d)^2 = a^2/6 + FWHM^2/(4 ln 2); u(v)/v = 3 u(d)/d."""
    u = diameter_sd_mm(voxel_mm=4.8, fwhm_mm=6.0)
    assert u**2 == pytest.approx(4.8**2 / 6 + 36 / (4 * log(2)))
    assert volume_relative_sd(sphere_ml(40.0), voxel_mm=4.8, fwhm_mm=6.0) == pytest.approx(3 * u / 40)
    both = volume_relative_sd(sphere_ml(40.0), voxel_mm=4.8, fwhm_mm=6.0, between_observers_relative_sd=0.1)
    assert both == pytest.approx(np.hypot(3 * u / 40, 0.1))
    for bad in ({"voxel_mm": -1.0, "fwhm_mm": 6.0}, {"voxel_mm": 1.0, "fwhm_mm": float("nan")}):
        with pytest.raises(QuantityError):
            diameter_sd_mm(**bad)


@pytest.mark.parametrize("radius", [6.0, 12.0, 25.0, 60.0])
def test_what_the_edge_adds(radius):
    """dC/dv of a concentric VOI at its true radius is phi/2 of the concentration (Gear 2018, figure 5)."""
    h = 0.01
    rise = counts_within(radius + h, radius) - counts_within(radius - h, radius)
    volume = 4 / 3 * pi * ((radius + h) ** 3 - (radius - h) ** 3) / 1000.0
    assert rise / volume == pytest.approx(edge_share(radius_mm=radius, fwhm_mm=CAMERA_MM) / 2, rel=1e-4)


def test_counts_inside_the_true_outline_are_the_recovery():
    assert counts_within(15.0, 15.0) / sphere_ml(30.0) == pytest.approx(0.609, abs=5e-4)


def test_budget_by_hand():
    fit = theory_fit()
    v = 20.0
    found = activity_uncertainty(
        counts_per_s=90.0,
        counts_relative_sd=0.01,
        volume_ml=v,
        volume_relative_sd=0.2,
        recovery=fit,
        fwhm_mm=CAMERA_MM,
        counts_per_s_per_bq=9e-6,
        calibration_relative_sd=0.03,
    )
    r = sphere_recovery(radius_mm=(3000 * v / (4 * pi)) ** (1 / 3), fwhm_mm=CAMERA_MM)
    phi = edge_share(radius_mm=(3000 * v / (4 * pi)) ** (1 / 3), fwhm_mm=CAMERA_MM)
    up, down = (sphere_recovery(radius_mm=(3000 * x / (4 * pi)) ** (1 / 3), fwhm_mm=CAMERA_MM) for x in (20.02, 19.98))
    steep = (up - down) / 0.04 * v / r
    assert found.activity_bq == pytest.approx(90.0 / (9e-6 * r), rel=1e-6)
    assert found.recovery_volume == pytest.approx(steep * 0.2, rel=1e-4)
    assert found.counts_volume == pytest.approx(phi / (2 * r) * 0.2, rel=1e-6)
    assert found.covariance == pytest.approx(phi / (2 * r) * steep * 0.04, rel=1e-4)
    square = (
        0.03**2
        + found.recovery_fit**2
        + found.recovery_volume**2
        + found.counts_volume**2
        - 2 * found.covariance
        + 0.01**2
    )
    assert found.total == pytest.approx(sqrt(square), rel=1e-12)
    assert found.total < found.total_without_covariance
    assert found.volume_exponent == pytest.approx(phi / (2 * r) - steep, rel=1e-4)


@pytest.mark.parametrize(("radius", "volume_sd"), [(10.0, 0.15), (15.0, 0.15), (25.0, 0.1)])
def test_chain_against_drawn_outlines(radius, volume_sd):
    """3000 outlines of a wrong size on an exactly blurred sphere, each corrected at its own volume, with noise and a
    calibration error: the spread of A is the stated one; without the covariance it would be overstated."""
    rng = np.random.default_rng(6)
    fit = theory_fit(sd=1e-4)
    grid = np.linspace(0.3, 1.7, 141) * radius
    table = np.array([counts_within(rho, radius) for rho in grid])
    v = 4 / 3 * pi * radius**3 / 1000.0
    drawn = v * (1.0 + volume_sd * rng.standard_normal(3000))
    rho = np.cbrt(3000 * drawn / (4 * pi))
    counts = np.interp(rho, grid, table) * (1.0 + 0.02 * rng.standard_normal(3000))
    activity = counts / (fit.coefficient(drawn) * (1.0 + 0.03 * rng.standard_normal(3000)))
    stated = activity_uncertainty(
        counts_per_s=counts_within(radius, radius),
        counts_relative_sd=0.02,
        volume_ml=v,
        volume_relative_sd=volume_sd,
        recovery=fit,
        fwhm_mm=CAMERA_MM,
        counts_per_s_per_bq=1.0,
        calibration_relative_sd=0.03,
    )
    assert stated.activity_bq == pytest.approx(v, rel=1e-3)
    spread = (np.percentile(activity, 84.13) - np.percentile(activity, 15.87)) / 2 / v
    assert spread == pytest.approx(stated.total, rel=0.08)
    assert np.mean(np.abs(activity / v - 1.0) < 1.96 * stated.total) == pytest.approx(0.95, abs=0.02)
    assert stated.total_without_covariance > 1.1 * spread
    slope = np.polyfit(np.log(drawn / v), np.log(activity / v), 1)[0]
    assert slope == pytest.approx(stated.volume_exponent, abs=0.08)


def test_volumes_outside_the_phantom_are_noticed():
    fit = theory_fit(diameters=NEMA_DIAMETERS_MM)
    options = {
        "counts_per_s": 10.0,
        "counts_relative_sd": 0.0,
        "recovery": fit,
        "fwhm_mm": CAMERA_MM,
        "counts_per_s_per_bq": 9e-6,
        "calibration_relative_sd": 0.02,
    }
    assert activity_uncertainty(volume_ml=10.0, volume_relative_sd=0.2, **options).notes == ()
    outside = activity_uncertainty(volume_ml=200.0, volume_relative_sd=0.6, **options)
    assert any("extrapolated" in n for n in outside.notes)
    assert any("first-order" in n for n in outside.notes)
    with pytest.raises(QuantityError, match="positive"):
        activity_uncertainty(volume_ml=-1.0, volume_relative_sd=0.2, **options)


def test_times_share_their_errors():
    """Covariance against draws; a time-integral by trapezoid has the variance w V w."""
    a = np.array([5.0, 4.0, 2.0, 0.5]) * 1e6
    v = activity_covariance(a, shared_relative_sd=0.1, independent_relative_sd=[0.02, 0.02, 0.03, 0.05])
    rng = np.random.default_rng(3)
    own = np.array([0.02, 0.02, 0.03, 0.05])
    drawn = a * (1 + 0.1 * rng.standard_normal((40_000, 1))) + a * own * rng.standard_normal((40_000, 4))
    assert np.cov(drawn.T) == pytest.approx(v, rel=0.05)
    weights = np.array([2.0, 10.0, 40.0, 60.0]) * 3600
    assert np.std(drawn @ weights) == pytest.approx(sqrt(weights @ v @ weights), rel=0.02)
    with pytest.raises(QuantityError, match="negative"):
        activity_covariance([-1.0], shared_relative_sd=0.1, independent_relative_sd=0.1)
