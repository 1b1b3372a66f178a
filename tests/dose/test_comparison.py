"""Two methods side by side: Bland-Altman against a published example's formulas."""

from __future__ import annotations

import numpy as np
import pytest

from hemadose.dose.comparison import bland_altman, compare_studies
from hemadose.errors import QuantityError
from hemadose.model import DoseContribution, OrganDose, StudyDoses


def study(**doses):
    return StudyDoses(
        organs=tuple(
            OrganDose(
                target=target,
                gy_per_bq=value,
                gy_per_bq_draws=value * np.array([0.9, 1.0, 1.1]),
                contributions=(DoseContribution(source=target, gy_per_bq=value),),
                mass_kg=0.3,
                method="mird-organ",
            )
            for target, value in doses.items()
        ),
        marrow_residual=None,
        s_value_source="test",
    )


def test_studies_are_compared_by_organ():
    rows = compare_studies(study(kidneys=1.0, liver=2.0, spleen=1.0), study(liver=1.0, kidneys=1.2))
    assert [row.target for row in rows] == ["kidneys", "liver"]
    assert rows[0].ratio == pytest.approx(1.2)
    assert rows[1].difference_gy_per_bq == pytest.approx(-1.0)
    assert rows[0].in_standard_deviations == pytest.approx(0.2 / np.hypot(0.1, 0.12))
    with pytest.raises(QuantityError, match="share no organ"):
        compare_studies(study(kidneys=1.0), study(liver=1.0))


def test_bland_altman_of_known_differences():
    first = np.array([10.0, 12.0, 9.0, 15.0, 11.0])
    second = first + np.array([1.0, -1.0, 2.0, 0.0, 3.0])
    told = bland_altman(first, second)
    assert told.bias == pytest.approx(1.0)
    assert told.sd == pytest.approx(np.sqrt(2.5))
    assert told.limits == pytest.approx((1.0 - 1.96 * np.sqrt(2.5), 1.0 + 1.96 * np.sqrt(2.5)))
    # t(0.975, 4) = 2.7764
    assert told.bias_interval[1] - 1.0 == pytest.approx(2.7764 * np.sqrt(2.5 / 5), rel=1e-4)


def test_limits_hold_95_percent_of_normal_differences():
    rng = np.random.default_rng(4)
    true = rng.uniform(5, 50, 4000)
    told = bland_altman(true + rng.normal(0.0, 1.5, 4000), true + rng.normal(0.5, 1.5, 4000))
    inside = (told.limits[0] < told.differences) & (told.differences < told.limits[1])
    assert inside.mean() == pytest.approx(0.95, abs=0.01)
    assert told.slope_p > 0.01


def test_a_bias_that_grows_is_seen_and_relative_differences_take_it_off():
    rng = np.random.default_rng(4)
    first = rng.uniform(5, 50, 200)
    second = 1.1 * first * (1 + 0.02 * rng.standard_normal(200))
    assert bland_altman(first, second).slope_p < 1e-6
    told = bland_altman(first, second, relative=True)
    assert told.bias == pytest.approx(100 * 0.1 / 1.05, abs=0.5)
    assert told.slope_p > 0.001


def test_pairs_that_are_refused():
    with pytest.raises(QuantityError, match="three or more"):
        bland_altman([1.0, 2.0], [1.0, 2.0])
    with pytest.raises(QuantityError, match="not finite"):
        bland_altman([1.0, 2.0, np.nan], [1.0, 2.0, 3.0])
    with pytest.raises(QuantityError, match="positive means"):
        bland_altman([0.0, 2.0, 1.0], [0.0, 2.0, 3.0], relative=True)
