"""Bias and coverage of SPECT activities of virtual patients, from projections, with known truth.

Run: python benchmarks/virtual_projections.py [--realisations 20] [--anatomy male|female|FOLDER] [--calibration KIND]
Projections come from `hemadose.simulate` (rays through the anatomy's own voxels, forced-detection Monte Carlo of
scatter, energy resolution, Poisson noise); the analysis has projections, CT and outlines alone: attenuation from the
CT, TEW, OSEM 8 x 4 with resolution recovery, `recovered_regions`, and a factor from a simulated phantom that went
through the same chain. Prints, per region, bias, spread, how often the stated 95 % interval holds the truth, and the
bias without recovery correction.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from datetime import UTC, datetime

import numpy as np

from hemadose.imaging import bone_regions
from hemadose.imaging.calibration.sphere_phantom import PhantomSphere
from hemadose.imaging.camera.attenuation import attenuation_map
from hemadose.imaging.camera.support import body_support
from hemadose.imaging.reconstruction.osem import OsemOptions
from hemadose.imaging.reconstruction.reconstruct import set_projector, view_weights
from hemadose.imaging.reconstruction.region_recovery import recovered_regions
from hemadose.imaging.reconstruction.scatter_windows import scatter_estimate
from hemadose.model import Administration
from hemadose.refdata.nuclides import nuclide
from hemadose.simulate.gamma_camera import TomoProtocol
from hemadose.simulate.lesions import with_lesion
from hemadose.simulate.outlines import spect_regions
from hemadose.simulate.sources import activity_fraction, source_maps
from hemadose.simulate.tomo_phantoms import ball_region, filled, sphere_sources, water_phantom
from hemadose.simulate.tomo_scene import tomo_scene
from hemadose.simulate.tomo_views import acquire, tomo_views
from hemadose.simulate.truth import l2_l4_marrow_fraction
from hemadose.simulate.virtual_ct import virtual_ct
from hemadose.workflow.simulate import SimulationOptions, anatomy_of, kinetics_of
from hemadose.workflow.simulate_projections import bed_centres_mm, imaged_lines, virtual_camera

LUTETIUM = nuclide("Lu-177")
NOON = datetime(2025, 3, 3, 9, tzinfo=UTC)
HOURS = 24.6
DOSE_CALIBRATOR_SD = 0.02
SCATTER_GEOMETRY_SD = 0.02
"""TEW takes away another share in a phantom than in a patient (see docs/methods/virtual-projections.md)."""
VOLUME_SD = 0.01
OPTIONS = OsemOptions(iterations=8, subsets=4)
PHANTOMS = ("sphere", "large-sphere", "cylinder")


def analysed(bed, ct, camera, regions):
    """Reconstruct and recover, as a clinic could: projections, CT, outlines."""
    mu = attenuation_map(ct, bed.grid(), energy_kev=208.37, kvp=120.0).image_per_cm
    scatter = scatter_estimate(bed, peak="photopeak", lower="lower_scatter", upper="upper_scatter", smooth_fwhm_mm=15.0)
    projector = set_projector(bed, mu_per_cm=mu, response=camera.response, support=body_support(mu, bed.grid()))
    return recovered_regions(
        bed.counts[bed.window_index("photopeak")],
        projector,
        regions,
        options=OPTIONS,
        scatter=scatter,
        view_weight=view_weights(bed, half_life_s=LUTETIUM.half_life_s),
    )


def tissue_regions(ct, grid, drawn):
    """Outlines, and what is left of the body by CT number: bone, lung, the rest."""
    mu = attenuation_map(ct, grid, energy_kev=208.37, kvp=120.0).image_per_cm
    organs = [r for r in drawn if not r.name.startswith("marrow_sphere") and r.name != "whole_body"]
    body = next(r for r in drawn if r.name == "whole_body").mask
    regions = {r.name: r.mask for r in (*organs, *bone_regions(ct, grid, drawn=organs))}
    left = body & ~np.any(list(regions.values()), axis=0)
    lung = left & (mu < 0.08)
    if np.count_nonzero(lung) > 50:
        regions["lungs"] = lung
        left &= ~lung
    regions["rest"] = left
    return regions


def calibrated(kind, camera, lines):
    """Counts/s per Bq of a phantom that goes through the same chain, without noise."""
    uid, protocol = "1.2.3", TomoProtocol(bins=80, slices=50)
    if kind == "cylinder":
        phantom = water_phantom(width_mm=200, depth_mm=200, length_mm=200, frame_of_reference_uid=uid)
        sources, activity = [filled(phantom)], {"water": 5e8}
    else:
        phantom = water_phantom(width_mm=300, depth_mm=230, length_mm=190, voxel_mm=3.0, frame_of_reference_uid=uid)
        centre, diameter = ((57.6, 0.9, 0.7), 37.0) if kind == "sphere" else ((0.4, 0.9, 0.7), 60.0)
        ball = sphere_sources(phantom, [PhantomSphere(name="sphere", diameter_mm=diameter, centre_mm=centre)])
        volume = np.pi / 6.0 * (diameter / 10.0) ** 3
        sources = [*ball, filled(phantom, without=ball)]
        activity = {"sphere": 1e6 * volume, "water": 1e5 * (phantom.region("water").volume_ml - volume)}
    scene = tomo_scene(phantom, protocol, main_kev=lines[0].energy_kev, centre_z_mm=1.3, axis_mm=(1.1, -0.7))
    views = tomo_views(scene, sources, camera, lines)
    bed = acquire(views, activity_bq=activity, started_at=NOON, nuclide="Lu-177", rng=None)
    ct = virtual_ct(phantom, rng=None)
    water = attenuation_map(ct, bed.grid(), energy_kev=208.37, kvp=120.0).image_per_cm > 0.06
    if kind == "cylinder":
        found = analysed(bed, ct, camera, {"water": water})
        return float(found.values[0]) / activity["water"], views.counts_per_s_per_bq
    inside = ball_region("sphere", bed.grid(), centre, diameter / 2.0).mask
    found = analysed(bed, ct, camera, {"sphere": inside, "rest": water & ~inside})
    return float(found.values[0]) / activity["sphere"], views.counts_per_s_per_bq


def patient(options, camera, lines):
    """Projections per becquerel, and the true activities at the start of the acquisition."""
    anatomy, _ = anatomy_of(SimulationOptions(anatomy=options.anatomy))
    protocol = TomoProtocol(orbit="contour")
    (centre,) = bed_centres_mm(anatomy, protocol, beds=1)
    if options.anatomy in ("male", "female"):
        anatomy = with_lesion(anatomy, between_z_mm=(centre - 150.0, centre + 150.0))
    scene = tomo_scene(anatomy, protocol, main_kev=lines[0].energy_kev, centre_z_mm=centre + 0.9)
    sources = source_maps(anatomy)
    views = tomo_views(scene, sources, camera, lines)
    given = Administration(
        agent="lu177-pentixather", nuclide=LUTETIUM, measured_activity_bq=202e6, measured_at=NOON,
        residual_activity_bq=4e6, residual_measured_at=NOON, administered_at=NOON,
    )  # fmt: skip
    kinetics = kinetics_of(anatomy, given, SimulationOptions())
    amount = given.administered_activity_bq
    start = HOURS * 3600.0
    middle = start + protocol.frame_start_s + protocol.frame_s / 2.0
    truth = {s.name: amount * float(activity_fraction(kinetics, s, start)) for s in sources}
    during = {s.name: amount * activity_fraction(kinetics, s, middle) for s in sources}
    truth["lumbar_l2_l4"] = l2_l4_marrow_fraction(anatomy) * truth["red_marrow"]
    return anatomy, views, during, truth


def run(options):
    """Ratios to the truth, corrected and not, coverage and stated noise by region, and the factors of all phantoms."""
    camera, lines = virtual_camera("siemens-symbia-melp"), imaged_lines("Lu-177")
    clock = time.process_time()
    factors = {kind: calibrated(kind, camera, lines) for kind in PHANTOMS}
    factor = factors[options.calibration][0]
    for kind, (found, air) in factors.items():
        print(f"{kind}: {found * 1e6:.3f} cps/MBq, in air {air * 1e6:.3f}", flush=True)
    anatomy, views, during, truth = patient(options, camera, lines)
    print(f"simulated in {time.process_time() - clock:.0f} CPU-s", flush=True)
    drawn = spect_regions(anatomy, views.grid())
    whole = truth | {"kidneys": truth["kidney_left"] + truth["kidney_right"]}
    tables = tuple(defaultdict(list) for _ in range(4))
    for seed in range(options.first_seed, options.first_seed + options.realisations):
        rng = np.random.default_rng([seed, 4])
        bed = acquire(views, activity_bq=during, started_at=NOON, nuclide="Lu-177", rng=rng)
        ct = virtual_ct(anatomy, rng=rng)
        sensitivity = factor * (1.0 + DOSE_CALIBRATOR_SD * rng.standard_normal())
        clock = time.process_time()
        found = analysed(bed, ct, camera, tissue_regions(ct, bed.grid(), drawn))
        note(found, whole, (factor, sensitivity), tables)
        line = " ".join(f"{n} {100 * (v[-1] - 1):+.1f}" for n, v in tables[0].items())
        print(f"  {seed}: {time.process_time() - clock:.0f} CPU-s  {line}", flush=True)
    return tables, {kind: found for kind, (found, _) in factors.items()}


def note(found, truth, factors, tables):
    """Add one realisation; intervals hold the stated factor, which is off by the drawn error of the dose calibrator."""
    ratios, plain, covered, stated = tables
    factor, sensitivity = factors
    numbers = list(zip(found.names, found.measured, found.values, found.sd, strict=True))
    kidneys = [found.names.index(n) for n in ("kidney_left", "kidney_right")]
    both = float(np.sqrt(found.covariance[np.ix_(kidneys, kidneys)].sum()))
    numbers.append(("kidneys", found.measured[kidneys].sum(), found.values[kidneys].sum(), both))
    shared = np.sqrt(DOSE_CALIBRATOR_SD**2 + SCATTER_GEOMETRY_SD**2 + VOLUME_SD**2)
    for name, measured, value, noise in numbers:
        if name not in truth:
            continue
        activity = value / sensitivity
        sd = float(np.hypot(noise / sensitivity, shared * activity))
        ratios[name].append(value / factor / truth[name])
        plain[name].append(measured / factor / truth[name])
        covered[name].append(abs(activity - truth[name]) <= 1.96 * sd)
        stated[name].append(noise / value)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--realisations", type=int, default=20)
    parser.add_argument("--anatomy", default="male")
    parser.add_argument("--calibration", choices=PHANTOMS, default="cylinder")
    parser.add_argument("--first-seed", type=int, default=0)
    options = parser.parse_args()
    (ratios, plain, covered, stated), factors = run(options)
    print(f"{options.anatomy}, {options.realisations} realisations, calibration {options.calibration}")
    others = [kind for kind in PHANTOMS if kind != options.calibration]
    print(
        f"{'region':14s} {'bias':>7s} {'SE':>5s} {'SD':>6s} {'stated':>7s} {'covered':>8s} {'uncorrected':>12s}"
        + "".join(f" {kind:>13s}" for kind in others)
    )
    for name, values in ratios.items():
        mean, error = np.mean(values), np.std(values) / np.sqrt(max(len(values) - 1, 1))
        print(
            f"{name:14s} {100 * (mean - 1):6.1f}% {100 * error:5.1f} {100 * np.std(values):5.1f}% "
            f"{100 * np.mean(stated[name]):6.1f}% {100 * np.mean(covered[name]):7.0f}% "
            f"{100 * (np.mean(plain[name]) - 1):11.1f}%"
            + "".join(f" {100 * (mean * factors[options.calibration] / factors[kind] - 1):12.1f}%" for kind in others)
        )
    everything = [c for n, values in covered.items() if n != "kidneys" for c in values]
    print(f"covered in all: {100 * np.mean(everything):.0f} % of {len(everything)}")


if __name__ == "__main__":
    main()
