"""Values behind medians and ranges, against enumeration of all possible samples."""

from itertools import combinations_with_replacement

import numpy as np
import pytest

from hemadose.errors import InputError, QuantityError
from hemadose.outcome.papers import Summary, ordered_values, sd_bounds, slack_of


def summary(n: int, centre: str, low: str, high: str, *, kind: str = "median", whole: bool = True) -> Summary:
    return Summary(name="x", unit="d", n=n, centre_kind=kind, centre=centre, low=low, high=high, whole=whole)


def test_three_deaths_are_known_to_the_day() -> None:
    """Braitsch 2025: three deaths in hospital, median 41 (30-83) days."""
    found = ordered_values(summary(3, "41", "30", "83"))
    assert found.determined
    assert found.low == (30.0, 41.0, 83.0)


def test_four_stays_leave_one_free_number() -> None:
    """Braitsch 2025: 41 (35-89) days in four patients: 35, y, 82 - y, 89."""
    found = ordered_values(summary(4, "41", "35", "89"))
    assert not found.determined
    assert (found.low[0], found.pair_sum, found.high[-1]) == (35.0, 82.0, 89.0)
    assert (found.low[1], found.high[1], found.low[2], found.high[2]) == (35.0, 41.0, 41.0, 47.0)


@pytest.mark.parametrize(("n", "centre", "low", "high"), [
    (2, "5", "4", "6"), (3, "6", "4", "9"), (4, "6", "4", "9"), (4, "5", "4", "9"), (5, "6", "4", "9"),
    (6, "6", "4", "9"), (6, "6.5", "4", "9"), (7, "6", "4", "8"),
])  # fmt: skip
def test_bounds_and_number_of_solutions_equal_enumeration(n: int, centre: str, low: str, high: str) -> None:
    samples = np.array([
        s for s in combinations_with_replacement(range(int(low), int(high) + 1), n)
        if s[0] == int(low) and s[-1] == int(high) and np.median(s) == float(centre)
    ])  # fmt: skip
    found = ordered_values(summary(n, centre, low, high))
    assert found.solutions == len(samples)
    assert found.low == tuple(samples.min(axis=0))
    assert found.high == tuple(samples.max(axis=0))


def test_impossible_or_unsuitable_summaries_are_refused() -> None:
    with pytest.raises(QuantityError):
        ordered_values(summary(2, "5", "4", "7"))
    with pytest.raises(QuantityError):
        ordered_values(summary(1, "5", "4", "6"))
    with pytest.raises(InputError):
        ordered_values(summary(3, "5", "4", "7", kind="mean"))
    with pytest.raises(QuantityError):
        summary(3, "9", "4", "7")


def test_sd_bounds_enclose_every_sample_and_are_reached() -> None:
    rng = np.random.default_rng(3)
    low, high = sd_bounds(summary(5, "5", "2", "9", kind="mean", whole=False))
    seen = []
    for _ in range(20_000):
        rest = rng.uniform(2.0, 9.0, size=3)
        rest += (14.0 - rest.sum()) / 3.0
        if rest.min() >= 2.0 and rest.max() <= 9.0:
            seen.append(np.std([2.0, 9.0, *rest], ddof=1))
    assert low <= min(seen)
    assert max(seen) <= high
    assert min(seen) - low < 0.02
    assert high - max(seen) < 0.1
    assert low == pytest.approx(np.std([2, 9, 14 / 3, 14 / 3, 14 / 3], ddof=1))
    assert high == pytest.approx(np.std([2, 9, 2, 3, 9], ddof=1))


def test_printed_tracer_activity_is_possible() -> None:
    """Braitsch 2025: 198 +- 9.7 MBq (182-213) in seven patients."""
    low, high = sd_bounds(summary(7, "198", "182", "213", kind="mean", whole=False))
    assert low < 9.7 < high


def test_a_mean_outside_its_range_is_impossible() -> None:
    with pytest.raises(QuantityError):
        sd_bounds(summary(3, "9", "2", "9", kind="mean"))
    with pytest.raises(InputError):
        sd_bounds(summary(3, "5", "2", "9"))


def test_slack_is_half_the_last_digit() -> None:
    assert (slack_of("1.90"), slack_of("41")) == (0.005, 0.5)
