"""Marrow from sites: closed forms, agreement, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from hemadose.dose import SourceCurve
from hemadose.dose.marrow_sites import combine_sites, marrow_from_site
from hemadose.errors import QuantityError
from hemadose.model import CurveEnsemble, ExponentialCurve
from hemadose.model.marrow import MarrowSite
from hemadose.units import HOUR_S

DRAWS = 4000


def site(name="sacrum", fraction=0.099, relative_sd=0.0):
    return MarrowSite(
        name=name, title=name, fraction=fraction, relative_sd=relative_sd, source="test", evidence="given"
    )


def region(name, tia_h, *, factor=None, half_life_h=92.0):
    rate = np.log(2) / (half_life_h * HOUR_S)
    amplitude = tia_h * HOUR_S * rate
    factor = np.ones(DRAWS) if factor is None else factor
    return SourceCurve(
        name=name,
        curve=ExponentialCurve(amplitudes_bq=np.array([amplitude]), rates_per_s=np.array([rate])),
        ensemble=CurveEnsemble(amplitudes_bq=factor[:, None] * amplitude, rates_per_s=np.full((factor.size, 1), rate)),
    )


def spread(relative_sd, seed):
    return np.exp(relative_sd * np.random.default_rng(seed).standard_normal(DRAWS))


def test_bm4_by_site():
    """BM4: 0.61 MBq h in L2-L4 at 6.7 % is 9.1045 MBq h; the same law for the sacrum at 9.9 %."""
    for name, fraction, expected in (("lumbar_l2_l4", 0.067, 9.1045), ("sacrum", 0.099, 0.61 / 0.099)):
        whole = marrow_from_site(region(name, 0.61), site=site(name, fraction), normal=np.zeros(DRAWS))
        assert whole.tia_bq_s / HOUR_S == pytest.approx(expected, rel=1e-4)


def test_the_share_brings_its_uncertainty():
    found = combine_sites([region("sacrum", 1.0)], sites=[site(relative_sd=0.1)], seed=1)
    assert found.estimates[0].sd_bq_s / found.estimates[0].tia_bq_s == pytest.approx(0.1, rel=0.05)
    assert found.probability is None


def test_inverse_variance_of_independent_sites():
    """Closed form: 5 and 10 % make weights 0.8 and 0.2, and an uncertainty of 1/sqrt(1/5^2 + 1/10^2) = 4.47 %."""
    sites = [site("sacrum", 0.1), site("os_coxae", 0.2)]
    measured = [region("sacrum", 1.0, factor=spread(0.05, 1)), region("os_coxae", 2.0, factor=spread(0.10, 2))]
    found = combine_sites(measured, sites=sites, seed=1)
    assert [e.weight for e in found.estimates] == pytest.approx([0.8, 0.2], abs=0.02)
    assert found.source.tia_bq_s / HOUR_S == pytest.approx(10.0)
    sd = np.std(found.source.ensemble.integral_bq_s()) / HOUR_S / 10.0
    assert sd == pytest.approx(0.0447, rel=0.05)
    assert found.probability > 0.5
    assert found.source.notes == ()


def test_what_sites_share_does_not_average_out():
    """A calibration error of 8 % that both have stays 8 %."""
    common = spread(0.08, 3)
    found = combine_sites(
        [region("sacrum", 1.0, factor=common), region("os_coxae", 2.0, factor=common * spread(0.01, 4))],
        sites=[site("sacrum", 0.1), site("os_coxae", 0.2)],
        seed=1,
    )
    assert np.std(found.source.ensemble.integral_bq_s()) / found.source.tia_bq_s == pytest.approx(0.08, rel=0.06)


def test_sites_that_disagree_are_said_and_widened():
    """10 against 14 with 3 % each: chi-square (ln 1.4)^2 / (2 x 0.03^2) = 63, Birge ratio 7.9."""
    sites = [site("sacrum", 0.1), site("os_coxae", 0.2)]
    apart = combine_sites(
        [region("sacrum", 1.0, factor=spread(0.03, 1)), region("os_coxae", 2.8, factor=spread(0.03, 2))],
        sites=sites,
        seed=1,
    )
    assert apart.chi_square == pytest.approx(np.log(1.4) ** 2 / (2 * 0.03**2), rel=0.1)
    assert apart.probability < 1e-6
    assert "disagree" in apart.source.notes[0]
    alike = combine_sites(
        [region("sacrum", 1.0, factor=spread(0.03, 1)), region("os_coxae", 2.0, factor=spread(0.03, 2))],
        sites=sites,
        seed=1,
    )

    def width(found):
        return np.std(found.source.ensemble.integral_bq_s()) / found.source.tia_bq_s

    assert width(apart) / width(alike) == pytest.approx(np.sqrt(apart.chi_square), rel=0.15)


def test_curves_of_two_sites_are_averaged_over_time():
    found = combine_sites(
        [
            region("sacrum", 1.0, factor=spread(0.05, 1), half_life_h=50.0),
            region("os_coxae", 2.0, factor=spread(0.05, 2), half_life_h=90.0),
        ],
        sites=[site("sacrum", 0.1), site("os_coxae", 0.2)],
        seed=1,
    )
    weights = [e.weight for e in found.estimates]
    expected = sum(
        w * 10 * HOUR_S * np.log(2) / (t * HOUR_S) * 2.0 ** (-20.0 / t) for w, t in zip(weights, (50, 90), strict=True)
    )
    assert found.source.curve.activity_bq(20 * HOUR_S) == pytest.approx(expected, rel=1e-9)


def test_the_draws_of_l2_l4_do_not_depend_on_other_sites():
    lumbar = site("lumbar_l2_l4", 0.067, relative_sd=0.1)
    alone = combine_sites([region("lumbar_l2_l4", 1.0)], sites=[lumbar], seed=7)
    normal = np.random.default_rng([7, 5]).standard_normal(DRAWS)
    expected = marrow_from_site(region("lumbar_l2_l4", 1.0), site=lumbar, normal=normal)
    np.testing.assert_array_equal(alone.source.ensemble.amplitudes_bq, expected.ensemble.amplitudes_bq)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("sacrum", "sacrum"), "named twice"),
        (("pelvis", "sacrum"), "lies in pelvis"),
        (("lumbar_l2_l4", "lumbar_l1_l5"), "lies in lumbar_l1_l5"),
        (("spongiosa", "sacrum"), "lies in spongiosa"),
        (("lumbar_l2_l4", "lumbar_l3"), "lies in lumbar_l2_l4"),
        (("os_coxae", "hip_left"), "lies in os_coxae"),
    ],
)
def test_overlapping_sites_are_refused(names, message):
    with pytest.raises(QuantityError, match=message):
        combine_sites([region(n, 1.0) for n in names], sites=[site(n, 0.1) for n in names], seed=1)


@pytest.mark.parametrize("tia", [0.0, -1.0])
def test_a_site_without_activity_is_refused(tia):
    with pytest.raises(QuantityError, match="tells nothing"):
        combine_sites([region("sacrum", tia)], sites=[site()], seed=1)


@pytest.mark.parametrize("fraction", [0.0, 1.2, -0.1, float("nan")])
def test_a_share_is_a_share(fraction):
    with pytest.raises(QuantityError):
        site(fraction=fraction)


def test_no_site_is_refused():
    with pytest.raises(QuantityError, match="one site or more"):
        combine_sites([], sites=[], seed=1)
