"""Photopeak and scatter windows out of what was acquired, by energy and never by name."""

from __future__ import annotations

import pytest

from hemadose.errors import QuantityError
from hemadose.imaging.camera.peaks import photopeak_window, scatter_windows
from hemadose.model import EnergyWindow
from hemadose.refdata.nuclides import nuclide


def window(name, lower, upper):
    return EnergyWindow(name=name, lower_kev=lower, upper_kev=upper)


# 20 % at 208 and 113 keV with 10 % scatter windows, the usual six windows of 177Lu (MIRD 26, Ljungberg 2016)
LU177 = (
    window("a", 91.5, 101.7),
    window("b", 101.7, 124.3),
    window("c", 124.3, 134.5),
    window("d", 166.4, 187.2),
    window("e", 187.2, 228.8),
    window("f", 228.8, 249.6),
)
LINES = nuclide("Lu-177").gamma_lines


def test_the_most_abundant_line_is_chosen():
    found, energy = photopeak_window(LU177, LINES)
    assert (found.name, energy) == ("e", 208.37)


def test_the_other_line_on_request():
    assert photopeak_window(LU177, LINES, energy_kev=112.95)[0].name == "b"


def test_the_other_line_where_only_it_was_acquired():
    assert photopeak_window(LU177[:3], LINES) == (LU177[1], 112.95)


def test_wrong_radionuclide():
    technetium = (window("peak", 126.45, 154.55),)
    with pytest.raises(QuantityError, match="gamma line") as caught:
        photopeak_window(technetium, LINES)
    assert "208.37 keV" in str(caught.value)
    assert "126.45-154.55 keV" in str(caught.value)


def test_a_line_at_the_rim_is_no_peak():
    """A scatter window up to 208.5 keV holds the line, but is not its window."""
    with pytest.raises(QuantityError, match="gamma line"):
        photopeak_window((window("scatter", 180.0, 208.5),), LINES)


def test_a_nuclide_without_lines():
    with pytest.raises(QuantityError, match="gamma line"):
        photopeak_window(LU177, nuclide("Y-90").gamma_lines)


@pytest.mark.parametrize(("peak", "sides"), [(4, ("d", "f")), (1, ("a", "c"))])
def test_windows_beside_the_peak(peak, sides):
    lower, upper = scatter_windows(LU177, LU177[peak])
    assert (lower.name, upper.name) == sides


def test_missing_sides():
    assert scatter_windows(LU177[3:5], LU177[4]) == (LU177[3], None)
    assert scatter_windows(LU177[4:], LU177[4]) == (None, LU177[5])
    assert scatter_windows((LU177[1], LU177[4]), LU177[4]) == (None, None)


def test_narrow_windows_a_little_apart():
    """3 % windows of TEW that do not quite touch the peak."""
    peak, low = window("peak", 187.2, 228.8), window("low", 179.0, 185.0)
    assert scatter_windows((low, peak), peak)[0] is low
