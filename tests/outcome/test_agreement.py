"""Pre against post therapy: numbers of the clinical reference, A18."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from hemadose.errors import InputError, QuantityError
from hemadose.outcome import paired_agreement, signed_rank_p

PRE = {"kidneys": [1.59, 1.44, 1.18, 1.30], "liver": [0.29, 0.40, 0.66, 0.38], "red_marrow": [0.42, 0.57, 0.44, 0.16]}
POST = {"kidneys": [0.87, 1.21, 0.68, 0.68], "liver": [0.20, 0.36, 0.32, 0.36], "red_marrow": [0.14, 0.41, 0.30, 0.10]}


@pytest.mark.parametrize(
    ("organ", "ratio", "low", "high", "t_p", "bias", "loa"),
    [
        # "kidney GMR 0.610 (95 % CI 0.432-0.862), liver 0.731 (0.448-1.191), BM 0.565 (0.320-0.998)";
        # "paired t 0.016/0.196/0.039"; bias and limits in Gy/GBq
        ("kidneys", 0.610, 0.432, 0.862, 0.016, -0.52, (-0.93, -0.10)),
        ("liver", 0.731, 0.448, 1.191, 0.196, -0.12, (-0.41, 0.17)),
        ("red_marrow", 0.565, 0.320, 0.998, 0.039, -0.16, (-0.34, 0.02)),
    ],
)
def test_published_pairs(
    organ: str, ratio: float, low: float, high: float, t_p: float, bias: float, loa: tuple[float, float]
) -> None:
    found = paired_agreement(first=PRE[organ], second=POST[organ])
    assert found.n == 4
    assert found.geometric_mean_ratio == pytest.approx(ratio, abs=6e-4)
    assert (found.ratio_low, found.ratio_high) == pytest.approx((low, high), abs=6e-4)
    assert found.paired_t_p == pytest.approx(t_p, abs=6e-4)
    assert found.bias == pytest.approx(bias, abs=0.006)
    assert (found.limit_low, found.limit_high) == pytest.approx(loa, abs=0.006)
    assert found.wilcoxon_p == found.wilcoxon_least_p == 0.125


def test_single_ratios() -> None:
    # dosimetry reference 0: kidney post/pre = .547 .840 .576 .523
    found = paired_agreement(first=PRE["kidneys"], second=POST["kidneys"])
    assert found.ratios == pytest.approx((0.547, 0.840, 0.576, 0.523), abs=6e-4)


def test_signed_rank_agrees_with_scipy_without_ties() -> None:
    differences = np.array([0.3, -1.1, 2.2, 0.7, -0.5, 1.9, 2.5])
    assert signed_rank_p(list(differences)) == pytest.approx(stats.wilcoxon(differences, mode="exact").pvalue)


def test_signed_rank_with_ties_by_hand() -> None:
    # ranks 1.5, 1.5, 3, all positive: only the two extremes of 8 sign patterns
    assert signed_rank_p([1.0, 1.0, 2.0]) == pytest.approx(0.25)
    assert signed_rank_p([0.0, 0.0]) == 1.0


def test_identical_pairs_show_no_difference() -> None:
    same = paired_agreement(first=[1.0, 2.0, 3.0], second=[1.0, 2.0, 3.0])
    assert (same.bias, same.paired_t_p, same.wilcoxon_p) == (0.0, 1.0, 1.0)
    assert same.geometric_mean_ratio == pytest.approx(1.0)


def test_bad_pairs_are_refused() -> None:
    with pytest.raises(InputError, match="two pairs"):
        paired_agreement(first=[1.0], second=[2.0])
    with pytest.raises(InputError, match="two pairs"):
        paired_agreement(first=[1.0, 2.0], second=[2.0])
    with pytest.raises(QuantityError, match="positive"):
        paired_agreement(first=[1.0, 2.0], second=[2.0, -1.0])
    with pytest.raises(InputError, match="up to 20"):
        signed_rank_p([0.1 * i for i in range(1, 30)])


@given(
    pairs=st.lists(st.tuples(st.floats(0.1, 10), st.floats(0.1, 10)), min_size=2, max_size=8),
    scale=st.floats(0.1, 10),
)
def test_scaling_moves_the_bias_and_not_the_ratio(pairs: list[tuple[float, float]], scale: float) -> None:
    first, second = [p[0] for p in pairs], [p[1] for p in pairs]
    one = paired_agreement(first=first, second=second)
    two = paired_agreement(first=[scale * v for v in first], second=[scale * v for v in second])
    assert two.geometric_mean_ratio == pytest.approx(one.geometric_mean_ratio)
    assert two.bias == pytest.approx(scale * one.bias, abs=1e-9)
    assert one.ratio_low <= one.geometric_mean_ratio <= one.ratio_high
