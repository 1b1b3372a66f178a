"""Projection sets: what they refuse, the grid they are reconstructed on, decay within the acquisition."""

from __future__ import annotations

import pickle
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from hemadose.errors import GeometryError, HemadoseError, QuantityError, TimingError
from hemadose.model import EnergyWindow
from hemadose.model.projections import ProjectionSet, largest_gap_deg, require_same_camera

NOON = datetime(2025, 3, 3, 12, tzinfo=UTC)
WINDOWS = (
    EnergyWindow(name="peak", lower_kev=187.2, upper_kev=228.8),
    EnergyWindow(name="wide", lower_kev=100.0, upper_kev=300.0),
)


def views(**changes):
    given = {
        "counts": np.ones((2, 4, 3, 8)),
        "windows": WINDOWS,
        "angle_deg": np.array([0.0, 90.0, 180.0, 270.0]),
        "radius_mm": np.full(4, 250.0),
        "bin_mm": 4.0,
        "slice_mm": 5.0,
        "frame_duration_s": np.full(4, 20.0),
        "frame_start_s": np.array([0.0, 20.0, 0.0, 20.0]),
        "started_at": NOON,
        "duration_s": 40.0,
        "nuclide": "Lu-177",
        "frame_of_reference_uid": "2.25.1",
        "axis_mm": (3.0, -100.0),
        "first_slice_mm": -50.0,
    }
    return ProjectionSet(**{**given, **changes})


def test_the_grid_is_centred_on_the_axis():
    grid = views().grid()
    assert grid.shape == (3, 8, 8)
    assert grid.spacing_mm == (5.0, 4.0, 4.0)
    middle = grid.index_to_mm([1.0, 3.5, 3.5])
    assert middle == pytest.approx([3.0, -100.0, -45.0])
    assert views().last_slice_mm == -40.0


def test_counts_are_read_only_and_single_precision():
    made = views()
    assert made.counts.dtype == np.float32
    with pytest.raises(ValueError, match="read-only"):
        made.counts[0, 0, 0, 0] = 2.0
    again = pickle.loads(pickle.dumps(made))
    assert np.array_equal(again.counts, made.counts)


@pytest.mark.parametrize(
    ("changes", "kind", "text"),
    [
        ({"counts": np.ones((4, 3, 8))}, GeometryError, "four dimensions"),
        ({"counts": -np.ones((2, 4, 3, 8))}, QuantityError, "not negative"),
        ({"counts": np.full((2, 4, 3, 8), np.nan)}, QuantityError, "finite"),
        ({"windows": WINDOWS[:1]}, GeometryError, "energy windows differ in number"),
        ({"windows": (WINDOWS[0], replace(WINDOWS[1], name="peak"))}, QuantityError, "share a name"),
        ({"angle_deg": [0.0, 90.0]}, GeometryError, "one finite number"),
        ({"angle_deg": [0.0, 90.0, 180.0, np.inf]}, GeometryError, "one finite number"),
        ({"radius_mm": np.zeros(4)}, GeometryError, "on the axis"),
        ({"frame_duration_s": np.zeros(4)}, QuantityError, "no time"),
        ({"frame_start_s": [-1.0, 0.0, 0.0, 0.0]}, QuantityError, "before the acquisition"),
        ({"bin_mm": 0.0}, QuantityError, "bin_mm"),
        ({"duration_s": -1.0}, QuantityError, "duration_s"),
        ({"started_at": NOON.replace(tzinfo=None)}, TimingError, "time zone"),
        ({"frame_of_reference_uid": ""}, GeometryError, "frame of reference"),
        ({"nuclide": ""}, QuantityError, "nuclide"),
        ({"axis_mm": (np.nan, 0.0)}, QuantityError, "finite"),
    ],
)
def test_what_is_refused(changes, kind, text):
    with pytest.raises(kind, match=text) as caught:
        views(**changes)
    assert isinstance(caught.value, HemadoseError)


def test_decay_during_each_view_against_the_integral():
    """Mean of 2^(-t/T) over each view, by numerical integration."""
    half_life = 60.0
    found = views().decay_factors(half_life)
    for k, (start, length) in enumerate([(0.0, 20.0), (20.0, 20.0), (0.0, 20.0), (20.0, 20.0)]):
        t = np.linspace(start, start + length, 20001)
        assert found[k] == pytest.approx(np.trapezoid(2.0 ** (-t / half_life), t) / length, rel=1e-8)


def test_decay_without_frame_times_is_that_of_the_whole_acquisition():
    """Closed form of the mean over 40 s at a half-life of 40 s: 1 / (2 ln 2)."""
    found = views(frame_start_s=None).decay_factors(40.0)
    assert found == pytest.approx(np.full(4, 1.0 / (2.0 * np.log(2.0))))


def test_the_narrowest_window_holds_the_line():
    assert views().window_holding(208.37).name == "peak"
    assert views().window_holding(112.95).name == "wide"
    with pytest.raises(QuantityError, match="364") as caught:
        views().window_holding(364.49)
    assert "radionuclide" in str(caught.value)


def test_windows_by_name():
    assert views().window_index("wide") == 1
    with pytest.raises(QuantityError, match="no energy window of that name"):
        views().window_index("upper")


@pytest.mark.parametrize(
    ("angles", "gap"),
    [
        (np.arange(60) * 6.0, 6.0),
        (np.arange(60) * 6.0 + 720.0, 6.0),
        (np.arange(32) * 180.0 / 32.0, 180.0 + 180.0 / 32.0),
        ([359.9999999, 90.0, 180.0, 270.0, 0.0], 90.0),
        ([5.0], 360.0),
    ],
)
def test_gaps_of_a_rotation(angles, gap):
    assert largest_gap_deg(angles) == pytest.approx(gap)


def test_beds_must_come_from_one_camera():
    one = views()
    require_same_camera([one, views(first_slice_mm=-35.0, radius_mm=np.full(4, 240.0))])
    for changes in ({"bin_mm": 4.1}, {"nuclide": "I-131"}, {"frame_of_reference_uid": "2.25.2"}):
        with pytest.raises(GeometryError, match="not beds of one study"):
            require_same_camera([one, views(**changes)])
    with pytest.raises(GeometryError, match="axis of rotation"):
        require_same_camera([one, views(axis_mm=(3.0, -90.0))])
