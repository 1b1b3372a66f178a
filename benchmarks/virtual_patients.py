"""Bias and coverage of the whole imaging and kinetics chain on virtual patients of known truth.

Run: python benchmarks/virtual_patients.py [--realisations 20] [--anatomy male|female|FOLDER]
Prints, per region and method, the bias of the time-integrated activity (mean over noise
realisations), its spread, and how often the stated 95 % interval holds the truth.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from datetime import UTC, datetime

import numpy as np

from hemadose.imaging import (
    PlanarProtocol,
    ProbePoint,
    SpectCalibration,
    bone_regions,
    planar_geometry,
    project_templates,
    quantify_by_templates,
    quantify_planar,
    quantify_spect,
    scale_to_spect,
)
from hemadose.kinetics import FitOptions, fit_series
from hemadose.model import Administration
from hemadose.refdata.nuclides import nuclide
from hemadose.simulate import Camera, Schedule, project, virtual_study
from hemadose.workflow.simulate import SimulationOptions, anatomy_of, kinetics_of

REGIONS = ("kidney_left", "kidney_right", "liver", "spleen", "lumbar_l2_l4")
WATER_208_PER_MM = 0.01357


def administration() -> Administration:
    """A tracer injection of 198 MBq."""
    noon = datetime(2025, 3, 3, 9, tzinfo=UTC)
    return Administration(
        agent="lu177-pentixather",
        nuclide=nuclide("Lu-177"),
        measured_activity_bq=202e6,
        measured_at=noon,
        residual_activity_bq=4e6,
        residual_measured_at=noon,
        administered_at=noon,
    )


def analyse(study, sd):
    """Give every method's series of every region."""
    organs = [r for r in study.regions if not r.name.startswith("marrow_sphere")]
    spect = quantify_spect(
        study.spect_scans,
        organs,
        administration=study.administration,
        calibration=SpectCalibration(
            counts_per_s_per_bq=study.stated_spect_counts_per_s_per_bq, relative_sd=sd, fwhm_mm=study.spect_fwhm_mm
        ),
        recovery="geometric_transfer",
        volume_relative_sd=0.005,  # volumes are drawn exactly here
        surroundings=bone_regions(study.ct, organs[0].grid, drawn=organs),
    )
    plane = study.planar_plane
    pixel = study.planar_scans[0].pixel_spacing_mm
    geometry = planar_geometry(
        study.ct,
        organs,
        study.planar_regions,
        pixel_mm=pixel,
        planar_origin_mm=(plane.rows.first_mm, plane.columns.first_mm),
        water_per_mm=WATER_208_PER_MM,
    )
    planar = quantify_planar(
        study.planar_scans,
        study.planar_regions,
        administration=study.administration,
        protocol=PlanarProtocol(
            calibration="sensitivity",
            counts_per_s_per_bq=study.stated_planar_counts_per_s_per_bq,
            calibration_relative_sd=sd,
        ),
        geometry=geometry,
        probe=[
            ProbePoint(measured_at=p.measured_at, counts_per_s=p.counts / p.duration_s - p.background_counts_per_s)
            for p in study.probe_readings
        ],
    )
    templates = project_templates(
        study.ct,
        organs,
        shape=study.planar_scans[0].shape,
        pixel_mm=pixel,
        planar_origin_mm=(plane.rows.first_mm, plane.columns.first_mm),
        water_per_mm=WATER_208_PER_MM,
        fwhm_mm=14.0,
    )
    fitted = quantify_by_templates(
        study.planar_scans,
        templates,
        administration=study.administration,
        protocol=PlanarProtocol(calibration_relative_sd=sd, attenuation_relative_sd=0.03),
        counts_per_s_per_bq=study.stated_planar_counts_per_s_per_bq,
    )
    by_fitted = {s.region: s for s in fitted}
    by_spect = {s.region: s for s in spect}
    by_planar = {s.region: s for s in planar}
    first = {n: by_spect[n] for n in REGIONS}
    one = {n: scale_to_spect(by_planar[n], _only(first[n], 2)) for n in REGIONS if n in by_planar}
    two = {n: scale_to_spect(by_fitted[n], _only(first[n], 2)) for n in REGIONS}
    return {"spect": by_spect, "planar": by_planar, "hybrid": one, "template": by_fitted, "t-hybrid": two}


def _only(series, index):
    from dataclasses import replace

    return replace(series, samples=(series.samples[min(index, len(series.samples) - 1)],))


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--realisations", type=int, default=20)
    parser.add_argument("--anatomy", default="male")
    options = parser.parse_args()
    camera = Camera()
    anatomy, _ = anatomy_of(SimulationOptions(anatomy=options.anatomy))
    projected = project(anatomy, camera)
    kinetics = kinetics_of(anatomy, administration(), SimulationOptions())
    ratios, covered, models, pulls = (defaultdict(list) for _ in range(4))
    for seed in range(options.realisations):
        study = virtual_study(
            projected=projected,
            camera=camera,
            administration=administration(),
            biokinetics=kinetics,
            schedule=Schedule.spect_at_every_time(),
            seed=seed,
        )
        for method, table in analyse(study, study.calibration_relative_sd).items():
            for name in REGIONS:
                if name not in table:
                    continue
                truth = study.truth.tia_bq_s[name]
                if (table[name].activities_bq > 0).sum() < 4:
                    continue
                fit = fit_series(table[name], nuclide=nuclide("Lu-177"), options=FitOptions(seed=seed, draws=1000))
                ratios[method, name].append(fit.tia_bq_s / truth)
                covered[method, name].append(abs(fit.tia_bq_s - truth) <= 1.96 * fit.tia_sd_bq_s)
                pulls[method, name].append((fit.tia_bq_s - truth) / fit.tia_sd_bq_s)
                models[method, name].append(fit.model)
    print(f"{options.anatomy}, {options.realisations} realisations")
    print(f"{'method':8s} {'region':14s} {'bias':>7s} {'SD':>6s} {'covered':>8s} {'pull SD':>8s}  models")
    for key, values in ratios.items():
        found = {m: models[key].count(m) for m in set(models[key])}
        print(
            f"{key[0]:8s} {key[1]:14s} {100 * (np.mean(values) - 1):6.1f}% {100 * np.std(values):5.1f}% "
            f"{100 * np.mean(covered[key]):7.0f}% {np.std(pulls[key]):8.2f}  {found}"
        )


if __name__ == "__main__":
    main()
