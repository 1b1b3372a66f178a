"""Uptake of one patient from ranges by site: a made-up truth found again, and the published case."""

import pytest

from hemadose.errors import InputError
from hemadose.outcome.papers import Summary, solve_sites


def site(low: str, high: str = "20.00") -> Summary:
    return Summary(name="site", unit="SUVmax", n=7, centre_kind="not stated", centre=high, low=low, high=high)


def patient(mean: str, low: str, high: str) -> Summary:
    return Summary(name="patient", unit="SUVmax", n=5, centre_kind="mean", centre=mean, low=low, high=high)


PUBLISHED = {"skull": "4.61", "C4": "1.13", "T5": "1.78", "L5": "1.77", "left": "2.31", "right": "2.50"}


def test_patient_5_of_braitsch_2025() -> None:
    """Minima add up to 9.49 (mean 1.898, printed 1.90); the largest sum the mean allows is 0.035 higher."""
    found = solve_sites({name: site(low) for name, low in PUBLISHED.items()}, patient("1.90", "1.13", "2.50"))
    assert found.impossible == ("skull",)
    assert found.total == pytest.approx(9.49)
    assert found.mean == pytest.approx(1.898)
    assert found.slack == pytest.approx(0.035)
    assert found.low == {name: float(low) for name, low in PUBLISHED.items() if name != "skull"}
    assert all(0.0 <= found.high[name] - found.low[name] <= 0.035 + 1e-9 for name in found.low)
    assert found.high["right"] == 2.50


def test_the_truth_lies_within_the_bounds() -> None:
    """A patient who has the lowest value at two sites and is 0.02 above it at the third."""
    truth = {"a": 1.00, "b": 2.02, "c": 3.00}
    found = solve_sites({"a": site("1.00"), "b": site("2.00"), "c": site("3.00")}, patient("2.01", "1.00", "3.00"))
    assert all(found.low[n] <= v <= found.high[n] + 1e-12 for n, v in truth.items())


def test_a_mean_below_all_minima_cannot_be() -> None:
    with pytest.raises(InputError):
        solve_sites({"a": site("2.00"), "b": site("3.00")}, patient("2.10", "2.00", "3.00"))


def test_a_highest_value_that_no_site_reaches_cannot_be() -> None:
    with pytest.raises(InputError):
        solve_sites({"a": site("2.00"), "b": site("2.10")}, patient("2.06", "2.00", "3.00"))


def test_no_site_at_all() -> None:
    with pytest.raises(InputError):
        solve_sites({"a": site("9.00")}, patient("2.06", "2.00", "3.00"))
