"""Gamma analysis against brute force and closed forms."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from hemadose.dose.gamma import gamma_analysis
from hemadose.errors import GeometryError, QuantityError


def bump(shift_mm=(0.0, 0.0, 0.0), *, n=16, spacing=(3.0, 2.0, 2.0), scale=1.0):
    z, y, x = (s * (np.arange(n) - n / 2) - d for s, d in zip(spacing, shift_mm, strict=True))
    r = z[:, None, None] ** 2 / 150 + y[:, None] ** 2 / 80 + x**2 / 80
    return scale * np.exp(-r)


def brute_gamma(reference, evaluated, spacing, percent, distance, most, steps):
    step = distance / steps
    axis = step * np.arange(-int(most * steps), int(most * steps) + 1)
    best = np.full(reference.shape, most**2)
    index = np.indices(reference.shape).astype(float)
    limits = np.array(reference.shape) - 1
    for offset in product(axis, axis, axis):
        away = float(np.dot(offset, offset)) / distance**2
        if away > most**2:
            continue
        at = index + (np.array(offset) / np.array(spacing))[:, None, None, None]
        inside = ((at >= 0) & (at <= limits[:, None, None, None])).all(axis=0)
        value = map_coordinates(evaluated, at.reshape(3, -1), order=1, mode="nearest").reshape(reference.shape)
        found = away + ((value - reference) / (percent / 100 * reference.max())) ** 2
        best = np.where(inside, np.minimum(best, found), best)
    return np.sqrt(best)


def test_gamma_against_brute_force():
    spacing = (3.0, 2.0, 2.0)
    rng = np.random.default_rng(7)
    reference = bump(n=10)
    evaluated = bump((1.0, -2.0, 0.5), n=10) + 0.01 * rng.standard_normal((10, 10, 10))
    told = gamma_analysis(reference, evaluated, spacing_mm=spacing, threshold_percent=0.0, steps=3)
    brute = brute_gamma(reference, evaluated, spacing, 3.0, 3.0, 2.0, 3)
    assert np.allclose(told.gamma, brute, atol=1e-9)
    assert told.pass_fraction == pytest.approx(np.mean(brute <= 1.0 + 1e-12))
    assert 0.3 < told.pass_fraction < 1.0


def test_the_same_map_has_gamma_zero():
    told = gamma_analysis(bump(), bump(), spacing_mm=(3.0, 2.0, 2.0))
    assert np.nanmax(told.gamma) == 0.0
    assert told.pass_fraction == 1.0
    assert told.judged == int((bump() >= 0.1 * bump().max()).sum())


def test_a_flat_field_knows_only_dose():
    flat = np.full((9, 9, 9), 50.0)
    told = gamma_analysis(flat, 1.02 * flat, spacing_mm=(2.0, 2.0, 2.0), steps=5)
    assert np.allclose(told.gamma, 2.0 / 3.0)
    assert gamma_analysis(flat, 1.05 * flat, spacing_mm=(2.0, 2.0, 2.0), most=1.2, steps=4).pass_fraction == 0.0


def test_a_linear_gradient_has_a_closed_form():
    # min over r of r^2/a^2 + (c - g r)^2/d^2 is c^2/(d^2 + g^2 a^2): offset c, gradient g, distance a, dose d
    field = np.broadcast_to(10.0 + 1.0 * np.arange(41), (7, 7, 41)).copy()  # 0.5 Gy/mm
    told = gamma_analysis(field, field + 1.2, spacing_mm=(2.0, 2.0, 2.0), most=1.2, steps=15)
    d = 0.03 * field.max()
    exact = 1.2 / np.sqrt(d**2 + (0.5 * 3.0) ** 2)
    assert np.allclose(told.gamma[2:5, 2:5, 10:30], exact, atol=3e-3)


def test_a_shift_costs_no_more_than_its_distance():
    told = gamma_analysis(bump(), bump((0.0, 2.0, 0.0)), spacing_mm=(3.0, 2.0, 2.0), steps=12)
    middle = told.gamma[3:-3, 3:-3, 3:-3]
    assert np.nanmax(middle) <= 2.0 / 3.0 + 1e-9
    assert np.nanmax(middle) > 0.3


def test_local_criteria_are_stricter_at_low_dose():
    both = {
        k: gamma_analysis(bump(), 1.02 * bump() + 0.005, spacing_mm=(3.0, 2.0, 2.0), local=k) for k in (False, True)
    }
    assert both[True].mean_gamma > both[False].mean_gamma


def test_maps_that_are_refused():
    with pytest.raises(GeometryError, match="one shape"):
        gamma_analysis(bump(), bump(n=12), spacing_mm=(3.0, 2.0, 2.0))
    with pytest.raises(QuantityError, match="no dose"):
        gamma_analysis(np.zeros((3, 3, 3)), np.zeros((3, 3, 3)), spacing_mm=(1.0, 1.0, 1.0))
    with pytest.raises(QuantityError, match="must be positive"):
        gamma_analysis(bump(), bump(), spacing_mm=(3.0, 2.0, 2.0), distance_mm=0.0)
    for share in (101.0, -1.0, float("nan")):
        with pytest.raises(QuantityError, match="share of the highest"):
            gamma_analysis(bump(), bump(), spacing_mm=(3.0, 2.0, 2.0), threshold_percent=share)
