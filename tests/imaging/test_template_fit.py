"""Planar images as a sum of projected organs: found exactly where the model holds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hemadose.errors import GeometryError
from hemadose.imaging import PlanarProtocol, bone_regions, project_templates, quantify_by_templates
from hemadose.model import Image, Quantity, Region

TRUE = {"liver": 30e6, "kidney_left": 4e6, "whole_body": 60e6}
PROTOCOL = PlanarProtocol(background={}, point_relative_sd=0.0)


def templates_of(phantom, regions=None, **changes):
    options = {
        "shape": (phantom.ct.grid.shape[0], phantom.ct.grid.shape[2]),
        "pixel_mm": phantom.pixel_mm,
        "planar_origin_mm": phantom.origin_mm,
        "water_per_mm": phantom.water_per_mm,
        "fwhm_mm": 0.5,
    } | changes
    ct = options.pop("ct", phantom.ct)
    return project_templates(ct, regions or list(phantom.regions.values()), **options)


@pytest.fixture(scope="module")
def templates(phantom):
    return templates_of(phantom)


def fit(phantom, scans, templates, injection):
    found = quantify_by_templates(
        scans, templates, administration=injection, protocol=PROTOCOL, counts_per_s_per_bq=phantom.sensitivity
    )
    return {s.region: s for s in found}


def test_activities_return(phantom, templates, injection):
    found = fit(phantom, [phantom.sweep(TRUE)], templates, injection)
    assert set(found) == {"liver", "kidney_left"}
    for name, series in found.items():
        assert series.activities_bq[0] == pytest.approx(TRUE[name], rel=0.005)
        assert series.samples[0].method == "planar"


def test_organs_behind_each_other_are_told_apart(phantom, injection):
    """The case conjugate views cannot do: a kidney half behind the liver."""
    kidney = phantom.regions["kidney_left"]
    shifted = Region(
        name="kidney_right", mask=np.roll(kidney.mask, -20, axis=2) & ~phantom.regions["liver"].mask, grid=kidney.grid
    )
    regions = {
        "liver": phantom.regions["liver"],
        "kidney_right": shifted,
        "whole_body": phantom.regions["whole_body"],
    }
    covered = replace(phantom, regions=regions)
    true = {"liver": 30e6, "kidney_right": 4e6, "whole_body": 60e6}
    found = fit(covered, [covered.sweep(true)], templates_of(covered), injection)
    assert found["kidney_right"].activities_bq[0] == pytest.approx(4e6, rel=0.01)
    assert found["liver"].activities_bq[0] == pytest.approx(30e6, rel=0.01)


def test_stated_uncertainty_matches_the_spread(phantom, templates, injection):
    """25 realisations of a faint study: z has a standard deviation of 0.7-1.4."""
    faint = {n: a / 50 for n, a in TRUE.items()}
    z = []
    for seed in range(25):
        found = fit(phantom, [phantom.sweep(faint, seed=seed)], templates, injection)
        z += [(s.activities_bq[0] - faint[n]) / s.sds_bq[0] for n, s in found.items()]
    assert 0.7 < np.std(z) < 1.4
    assert abs(np.mean(z)) < 0.5


def test_no_activity_is_never_negative(phantom, templates, injection):
    found = fit(phantom, [phantom.sweep({"whole_body": 60e6}, seed=1)], templates, injection)
    for series in found.values():
        assert 0.0 <= series.activities_bq[0] < 0.2e6


def test_templates_hold_fewer_photons_than_emitted(templates):
    sums = templates.images.sum(axis=(2, 3))
    assert templates.names == ("liver", "kidney_left", "rest_of_body")
    assert (sums > 0.0).all()
    assert (sums < 1.0).all()
    kidney = templates.names.index("kidney_left")
    assert sums[kidney, 1] > 2.0 * sums[kidney, 0]  # it lies at the back


def test_bone_is_a_region_of_its_own(phantom):
    hu = np.array(phantom.ct.values)
    hu[:, 28:34, 28:32] = 400
    ct = Image(values=hu, grid=phantom.ct.grid, quantity=Quantity.HOUNSFIELD)
    spine = np.zeros(hu.shape, dtype=bool)
    spine[5:15, 28:34, 28:32] = True
    lumbar = Region(name="lumbar_l2_l4", mask=spine, grid=phantom.ct.grid)
    found = {r.name: r for r in bone_regions(ct, phantom.ct.grid, drawn=[*phantom.regions.values(), lumbar])}
    assert set(found) == {"other_vertebrae"}
    assert found["other_vertebrae"].mask.sum() == 30 * 6 * 4
    assert not (found["other_vertebrae"].mask & spine).any()
    assert bone_regions(phantom.ct, phantom.ct.grid, drawn=[]) == ()


def test_bad_input_is_refused(phantom, templates, injection):
    with pytest.raises(GeometryError, match="outside the planar images"):
        templates_of(phantom, planar_origin_mm=(2000.0, 0.0))
    with pytest.raises(GeometryError, match="CT in HU"):
        templates_of(phantom, ct=Image(values=phantom.ct.values, grid=phantom.ct.grid, quantity=Quantity.COUNTS))
    other = replace(phantom.ct.grid, frame_of_reference_uid="9.9.9")
    liver = Region(name="liver", mask=phantom.regions["liver"].mask, grid=other)
    with pytest.raises(GeometryError, match="frames of reference"):
        templates_of(phantom, regions=[liver])
    affine = np.array(phantom.ct.grid.affine)
    affine[2, 3] += 5000.0
    away = Region(name="liver", mask=phantom.regions["liver"].mask, grid=replace(phantom.ct.grid, affine=affine))
    with pytest.raises(GeometryError, match="does not cover"):
        templates_of(phantom, regions=[away])
    scan = phantom.sweep(TRUE)
    cropped = replace(scan, frames=tuple(replace(f, counts=f.counts[:-2]) for f in scan.frames))
    with pytest.raises(GeometryError, match="differ in size"):
        fit(phantom, [cropped], templates, injection)
