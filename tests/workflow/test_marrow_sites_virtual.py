"""Red marrow from several sites of a virtual patient against its truth (goal: within 10 %)."""

from __future__ import annotations

import numpy as np
import pytest

from hemadose.dose import source_from_fits
from hemadose.dose.marrow_sites import combine_sites
from hemadose.imaging import SpectCalibration, bone_regions, quantify_spect
from hemadose.kinetics import FitOptions, fit_series
from hemadose.model import Region
from hemadose.model.marrow import MarrowSite
from hemadose.simulate.camera import Camera
from hemadose.simulate.projection import anatomy_axes, project
from hemadose.simulate.study import Schedule, virtual_study
from hemadose.simulate.tomography import carry, grid_axes
from hemadose.workflow.simulate import SimulationOptions, administration_of, anatomy_of, kinetics_of

SITES = {
    "lumbar_l1_l5": tuple(f"lumbar_l{n}" for n in range(1, 6)),
    "lumbar_l2_l4": ("lumbar_l2", "lumbar_l3", "lumbar_l4"),
    "pelvis": ("pelvis",),
    "thoracic_spine": ("spine_middle",),
}


@pytest.fixture(scope="module")
def virtual():
    """Study, anatomy, kinetics: the default virtual man, with SPECT at every time."""
    options = SimulationOptions(seed=11, voxel_mm=6.0)
    anatomy, _ = anatomy_of(options)
    administration = administration_of(options)
    study = virtual_study(
        projected=project(anatomy, Camera()),
        camera=Camera(),
        administration=administration,
        biokinetics=kinetics_of(anatomy, administration, options),
        schedule=Schedule.spect_at_every_time(),
        seed=11,
    )
    return study, anatomy


def drawn(study, anatomy, name):
    """A site on the SPECT grid, and its share of the phantom's red marrow as far as it lies in the field of view."""
    grid = study.regions[0].grid
    mask = anatomy.region(*SITES[name]).mask
    share = carry(mask, anatomy_axes(anatomy.labels.grid), grid_axes(grid))
    share = share * anatomy.labels.grid.voxel_volume_ml / grid.voxel_volume_ml
    chosen = np.zeros(grid.shape, dtype=bool)
    count = round(float(share.sum(dtype=np.float64)))
    chosen.flat[np.argsort(-share, axis=None, kind="stable")[:count]] = True
    seen = (
        float(share.sum(dtype=np.float64)) * grid.voxel_volume_ml / (mask.sum() * anatomy.labels.grid.voxel_volume_ml)
    )
    total = sum(t.red_marrow_fraction for t in anatomy.tissues)
    fraction = seen * sum(anatomy.tissue(part).red_marrow_fraction for part in SITES[name]) / total
    site = MarrowSite(
        name=name, title=name, fraction=fraction, relative_sd=0.02, source="the phantom's own", evidence="given"
    )
    return Region(name=name, mask=chosen, grid=grid), site


def marrow_of(virtual, names):
    """Whole marrow from some sites, by the steps of a plan."""
    study, anatomy = virtual
    pairs = [drawn(study, anatomy, name) for name in names]
    organs = [r for r in study.regions if not r.name.startswith(("marrow", "lumbar", "whole"))]
    regions = [*organs, *(region for region, _ in pairs)]
    series = quantify_spect(
        study.spect_scans,
        regions,
        administration=study.administration,
        calibration=SpectCalibration(
            counts_per_s_per_bq=study.stated_spect_counts_per_s_per_bq,
            relative_sd=study.calibration_relative_sd,
            fwhm_mm=study.spect_fwhm_mm,
            fwhm_sd_mm=0.0,
        ),
        recovery="geometric_transfer",
        volume_relative_sd=0.005,
        surroundings=bone_regions(study.ct, regions[0].grid, drawn=regions),
    )
    shared = np.random.default_rng(3).standard_normal(400)
    fits = [
        fit_series(s, nuclide=study.administration.nuclide, options=FitOptions(draws=400, seed=3), shared_normal=shared)
        for s in series
        if s.region in names
    ]
    return combine_sites(
        [source_from_fits(f.region, [f]) for f in fits],
        sites=[next(site for _, site in pairs if site.name == f.region) for f in fits],
        seed=3,
    )


@pytest.mark.parametrize("name", ["lumbar_l1_l5", "lumbar_l2_l4", "pelvis", "thoracic_spine"])
def test_one_site_gives_the_marrow_within_ten_percent(virtual, name):
    truth = virtual[0].truth.tia_bq_s["red_marrow"]
    found = marrow_of(virtual, [name])
    assert found.source.tia_bq_s == pytest.approx(truth, rel=0.10)


def test_sites_together_agree_and_are_surer(virtual):
    truth = virtual[0].truth.tia_bq_s["red_marrow"]
    names = ["lumbar_l1_l5", "pelvis", "thoracic_spine"]
    together = marrow_of(virtual, names)
    assert together.source.tia_bq_s == pytest.approx(truth, rel=0.10)
    sd = np.std(together.source.ensemble.integral_bq_s(), ddof=1)
    assert sd <= min(e.sd_bq_s for e in together.estimates) * 1.001
    assert sum(e.weight for e in together.estimates) == pytest.approx(1.0)


def test_a_wrong_share_is_noticed(virtual):
    """Negative: half the share of one site, and the same measurement, is twice the marrow."""
    study, anatomy = virtual
    _, site = drawn(study, anatomy, "lumbar_l2_l4")
    right = marrow_of(virtual, ["lumbar_l2_l4"])
    wrong = right.source.tia_bq_s * site.fraction / (0.5 * site.fraction)
    assert wrong > 1.5 * study.truth.tia_bq_s["red_marrow"]
