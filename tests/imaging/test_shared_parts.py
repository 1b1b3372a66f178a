"""The shared uncertainty of a SPECT region by cause: parts add up to the whole, Gear 2018 inside."""

from __future__ import annotations

from math import hypot

import numpy as np
import pytest

from hemadose.errors import QuantityError
from hemadose.imaging import RecoveryCurve
from hemadose.imaging.shared_parts import shared_with_parts
from hemadose.imaging.spect_recovery import Outline, Resolution, outline_budget
from hemadose.model import ActivitySample, ActivitySeries
from hemadose.model.activity import SharedParts

RESOLUTION = Resolution(fwhm_mm=12.0, sd_mm=0.5)
GEAR = Outline(voxel_mm=4.8, fwhm_mm=6.0)
RECOVERIES = ["none", "geometric_transfer", "ellipsoid", RecoveryCurve(alpha_ml=5.0, beta=1.0, relative_sd=0.04)]


@pytest.fixture(scope="module")
def kidney(phantom):
    return phantom.regions["kidney_left"]


@pytest.mark.parametrize("recovery", RECOVERIES)
@pytest.mark.parametrize("outline", [0.05, GEAR])
def test_parts_add_up(kidney, recovery, outline):
    shared, parts = shared_with_parts(kidney, recovery, RESOLUTION, calibration_relative_sd=0.03, outline=outline)
    assert parts.relative_sd == pytest.approx(shared.relative_sd, rel=1e-9)
    assert parts.calibration == 0.03
    assert (parts.recovery == 0.0) is (recovery == "none")


def test_the_outline_of_gear_keeps_its_covariance(kidney):
    """Outline part = |volume exponent| u(v)/v: counts and recovery partly cancel."""
    recovery = RECOVERIES[3]
    budget = outline_budget(kidney.volume_ml, recovery, RESOLUTION, calibration_relative_sd=0.03, outline=GEAR)
    _, parts = shared_with_parts(kidney, recovery, RESOLUTION, calibration_relative_sd=0.03, outline=GEAR)
    assert parts.volume == pytest.approx(budget.volume)
    assert parts.outline == pytest.approx(abs(budget.volume_exponent) * budget.volume)
    assert parts.outline < hypot(budget.counts_volume, budget.recovery_volume)
    assert parts.recovery == pytest.approx(0.04)


def test_a_stated_number_says_nothing_about_the_mass(kidney):
    _, parts = shared_with_parts(kidney, "none", RESOLUTION, calibration_relative_sd=0.03, outline=0.05)
    assert parts.outline == 0.05
    assert parts.volume is None
    assert parts.volume_exponent is None


def series(**changes):
    samples = (ActivitySample(region="kidney", time_s=1.0, activity_bq=1.0),)
    return ActivitySeries(region="kidney", samples=samples, **changes)


def test_a_series_refuses_parts_that_do_not_add_up():
    parts = SharedParts(calibration=0.03, outline=0.04)
    assert series(shared_relative_sd=0.05, shared_parts=parts).shared_parts is parts
    with pytest.raises(QuantityError, match="do not add up"):
        series(shared_relative_sd=0.06, shared_parts=parts)
    for bad in ({"calibration": -0.1}, {"volume": np.nan}, {"volume_exponent": np.inf}, {"scale": -1.0}):
        with pytest.raises(QuantityError):
            SharedParts(**bad)
