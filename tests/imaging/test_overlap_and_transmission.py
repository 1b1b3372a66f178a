"""Overlapping organs and measured attenuation, each against counts made by hand."""

from __future__ import annotations

from math import exp, sqrt

import numpy as np
import pytest

from hemadose.errors import CaseError, FitError, GeometryError, QuantityError, RegionError
from hemadose.imaging.conjugate import conjugate_view_activity_bq
from hemadose.imaging.hybrid import scale_to_spect
from hemadose.imaging.overlap import (
    attenuated_thickness,
    clear_part_counts,
    overlap_parts,
    shape_from_partner,
    split_by_neighbour,
)
from hemadose.imaging.transmission import broad_beam_fit, transmission_factor, transmission_map
from hemadose.model import ActivitySample, ActivitySeries, PlanarRegion

MU = 0.01357


def box(name, rows, columns, shape=(40, 40)):
    mask = np.zeros(shape, dtype=bool)
    mask[slice(*rows), slice(*columns)] = True
    return PlanarRegion(name=name, mask=mask)


def test_parts_of_overlapping_regions():
    parts = overlap_parts(box("liver", (5, 25), (5, 25)), box("kidney_right", (20, 35), (18, 28)))
    assert parts.both.pixels == 5 * 7
    assert parts.second_clear.pixels == 150 - 35
    assert parts.covered_share == pytest.approx(35 / 150)
    assert not (parts.both.mask & parts.first_clear.mask).any()
    apart = overlap_parts(box("liver", (5, 15), (5, 15)), box("kidney_right", (20, 35), (18, 28)))
    assert apart.both is None
    assert apart.covered_share == 0.0
    with pytest.raises(GeometryError, match="size"):
        overlap_parts(box("a", (1, 2), (1, 2)), box("b", (1, 2), (1, 2), shape=(20, 20)))


def test_split_gives_back_both_organs():
    """Liver of 100 mm beside and 60 mm over the kidney, 20 mm deep; kidney behind it: counts per pixel by ray."""
    beside = attenuated_thickness(thickness_mm=100.0, depth_mm=20.0, attenuation_per_mm=MU)
    over = attenuated_thickness(thickness_mm=60.0, depth_mm=20.0, attenuation_per_mm=MU)
    kidney = attenuated_thickness(thickness_mm=50.0, depth_mm=90.0, attenuation_per_mm=MU) * 8.0
    clear, both, kidney_clear = 4000.0, 300.0, 200.0
    counts = split_by_neighbour(
        clear_covering=clear * beside,
        clear_covering_pixels=int(clear),
        overlap=both * (over + kidney),
        overlap_pixels=int(both),
        clear_covered=kidney_clear * kidney,
        thickness_ratio=over / beside,
    )
    assert counts.covered == pytest.approx((both + kidney_clear) * kidney, rel=1e-12)
    assert counts.covering == pytest.approx(clear * beside + both * over, rel=1e-12)
    thick = split_by_neighbour(
        clear_covering=clear * beside,
        clear_covering_pixels=int(clear),
        overlap=both * (over + kidney),
        overlap_pixels=int(both),
        clear_covered=kidney_clear * kidney,
        thickness_ratio=1.0,
    )
    assert thick.covered < counts.covered


def test_split_variance_and_limits():
    rng = np.random.default_rng(1)
    given = {"clear_covering_pixels": 1000, "overlap_pixels": 200, "thickness_ratio": 0.7}
    means = (50_000.0, 12_000.0, 9_000.0)
    drawn = [
        split_by_neighbour(
            clear_covering=float(rng.poisson(means[0])),
            overlap=float(rng.poisson(means[1])),
            clear_covered=float(rng.poisson(means[2])),
            **given,
        ).covered
        for _ in range(4000)
    ]
    stated = split_by_neighbour(clear_covering=means[0], overlap=means[1], clear_covered=means[2], **given)
    assert np.var(drawn) == pytest.approx(stated.covered_variance, rel=0.08)
    greedy = split_by_neighbour(clear_covering=5e6, overlap=100.0, clear_covered=50.0, **given)
    assert greedy.covered == 50.0
    with pytest.raises(RegionError, match="clear"):
        split_by_neighbour(
            clear_covering=1.0, clear_covering_pixels=0, overlap=1.0, overlap_pixels=1, clear_covered=1.0,
            thickness_ratio=1.0,
        )  # fmt: skip


def test_attenuated_thickness_is_the_integral():
    t = (np.arange(20_000) + 0.5) / 20_000 * 100.0
    assert attenuated_thickness(thickness_mm=100.0, depth_mm=20.0, attenuation_per_mm=MU) == pytest.approx(
        np.exp(-MU * (20.0 + t)).mean() * 100.0, rel=1e-8
    )
    assert attenuated_thickness(thickness_mm=100.0, depth_mm=20.0, attenuation_per_mm=0.0) == 100.0


def test_clear_part():
    assert clear_part_counts(anterior=100.0, posterior=400.0, clear_volume_share=0.4) == pytest.approx(500.0)
    with pytest.raises(QuantityError, match="too little"):
        clear_part_counts(anterior=1.0, posterior=1.0, clear_volume_share=0.05)


def series(region, activities, sd=0.03):
    return ActivitySeries(
        region=region,
        samples=tuple(
            ActivitySample(region=region, time_s=3600.0 * h, activity_bq=a, sd_bq=sd * a, method="planar")
            for h, a in zip((1, 4, 24, 48, 168), activities, strict=True)
        ),
    )


def test_partner_lends_its_shape_and_spect_the_scale():
    """The covered kidney's own series is bent by liver; with the partner's shape and one SPECT it comes right."""
    true = np.array([6.0, 5.7, 4.2, 2.9, 0.5]) * 1e6
    left, right = series("kidney_left", 1.1 * true), series("kidney_right", true + 2e6)
    spect = ActivitySeries(
        region="kidney_right",
        samples=(ActivitySample(region="kidney_right", time_s=24 * 3600.0, activity_bq=4.2e6, sd_bq=5e4),),
    )
    found = scale_to_spect(shape_from_partner(right, left, shape_relative_sd=0.05), spect)
    assert found.region == "kidney_right"
    assert found.activities_bq == pytest.approx(true, rel=1e-6)
    bent = scale_to_spect(right, spect)
    assert abs(bent.activities_bq[-1] / true[-1] - 1.0) > 1.0
    assert any("kidney_left" in n for n in found.notes)
    assert found.sds_bq[0] / found.activities_bq[0] == pytest.approx(sqrt(0.03**2 + 0.05**2), rel=1e-6)
    with pytest.raises(CaseError, match="itself"):
        shape_from_partner(left, left, shape_relative_sd=0.05)


# transmission


def test_transmission_gives_the_attenuation():
    """A slab of 240 mm: exp(mu T / 2) at 208 keV from its transmission at 122 keV (XCOM 0.1357, 0.1537 /cm)."""
    through = 1000.0 * exp(-0.01537 * 240.0)
    found = transmission_factor(open_per_s=1000.0, through_per_s=through, attenuation_ratio=0.1357 / 0.1537)
    assert found == pytest.approx(exp(0.01357 * 120.0), rel=1e-12)
    with pytest.raises(QuantityError, match="more counts with"):
        transmission_factor(open_per_s=1.0, through_per_s=2.0)
    with pytest.raises(QuantityError, match="broad"):
        transmission_factor(open_per_s=2.0, through_per_s=1.0, scatter_free=False)


def test_transmission_map():
    thickness = np.zeros((60, 60))
    thickness[15:45, 15:45] = 200.0
    sent = np.full((60, 60), 5e4)
    came = 0.5 * sent * np.exp(-0.01537 * thickness)
    found = transmission_map(sent, came, open_s=600.0, through_s=300.0, attenuation_ratio=0.883)
    assert found[30, 30] == pytest.approx(exp(0.01537 * 0.883 * 100.0), rel=1e-3)
    assert found[3, 3] == pytest.approx(1.0, rel=1e-6)
    with pytest.raises(GeometryError, match="size"):
        transmission_map(sent, came[:50], open_s=1.0, through_s=1.0, attenuation_ratio=0.9)
    with pytest.raises(QuantityError, match="without counts"):
        transmission_map(sent, np.zeros_like(sent), open_s=1.0, through_s=1.0, attenuation_ratio=0.9)


def built_up(x, number=1.25, mu=0.0115, reach=15.0):
    """Broad-beam counts: N exp(-mu x) with a shoulder that starts at 1 in air."""
    return exp(-mu * x) * (number - (number - 1.0) * exp(-x / reach))


def test_pseudo_extrapolation_number_and_activity():
    """An organ at 90 and 150 mm in broad beam: dividing by N and exp(-mu_e T / 2) gives back its activity."""
    depths = [10, 20, 40, 70, 100, 130, 160, 190]
    found = broad_beam_fit(depths, [800.0 * built_up(x) for x in depths], air_per_s=800.0, relative_sd=0.005)
    assert found.number == pytest.approx(1.25, rel=0.01)
    assert found.attenuation_per_mm == pytest.approx(0.0115, rel=0.01)
    seen = [1e6 * 9e-6 * built_up(x) for x in (90.0, 150.0)]
    activity = sqrt(seen[0] * seen[1]) * found.conjugate_factor(body_mm=240.0) / 9e-6
    assert activity == pytest.approx(1e6, rel=0.01)
    without = conjugate_view_activity_bq(
        anterior_per_s=seen[0], posterior_per_s=seen[1], attenuation_per_mm=found.attenuation_per_mm, body_mm=240.0,
        organ_mm=0.0, counts_per_s_per_bq=9e-6,
    )  # fmt: skip
    assert without == pytest.approx(1.25e6, rel=0.02)


def test_pseudo_extrapolation_uncertainty_covers():
    rng = np.random.default_rng(2)
    depths = np.array([60, 80, 100, 120, 150, 180, 210])
    logs, stated = [], []
    for _ in range(500):
        counts = 500.0 * 1.25 * np.exp(-0.0115 * depths) * (1 + 0.01 * rng.standard_normal(depths.size))
        found = broad_beam_fit(depths, counts, air_per_s=500.0, relative_sd=0.01)
        logs.append(np.log(found.conjugate_factor(body_mm=240.0)))
        stated.append(found.conjugate_relative_sd(body_mm=240.0))
    assert np.std(logs) == pytest.approx(np.median(stated), rel=0.15)
    assert np.mean(logs) == pytest.approx(np.log(exp(0.0115 * 120) / 1.25), abs=0.002)


def test_broad_beam_refuses():
    with pytest.raises(FitError, match="three depths"):
        broad_beam_fit([10, 60, 90], [5.0, 3.0, 2.0], air_per_s=6.0, relative_sd=0.01)
    with pytest.raises(FitError, match="do not fall"):
        broad_beam_fit([60, 90, 120], [2.0, 3.0, 4.0], air_per_s=6.0, relative_sd=0.01)
    noisy = broad_beam_fit([60, 90, 120, 150], [4.0, 2.0, 2.5, 1.2], air_per_s=6.0, relative_sd=0.001)
    assert any("scatter" in n for n in noisy.notes)
