"""OSEM with attenuation and resolution recovery: hemadose against PyTomography on one processor.

128^3 voxels, 64 angles, 8 iterations of 4 subsets, a torso with hot organs and spheres, MELP collimator at 208 keV.
Every contender runs in a process of its own; seconds are processor seconds of all threads, set-up included,
compilation not; of hemadose the least of three runs counts. Projections are also compared with a dense Gaussian for
each depth (float64).

Run: python benchmarks/osem.py --peer-python PATH

PATH is a Python with PyTomography (pip install torch --index-url https://download.pytorch.org/whl/cpu; pip install
pytomography). It takes minutes: one of its 8 iterations is timed and counted eight times, its sensitivities once.
Without --peer-python only hemadose runs.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

SIZE, PITCH_MM, VIEWS, RADIUS_MM = 128, 4.8, 64, 250.0
ITERATIONS, SUBSETS = 8, 4
REPEATS = 3
EXACT_VIEWS = (0, 5, 8, 21, 37)
RESPONSE = {"intrinsic_fwhm_mm": 3.12, "at_face_mm": 3.32, "per_mm": 0.0758}  # MELP at 208 keV
GOALS = {"seconds": 6.0, "ratio": 50.0, "l2": 0.005, "gb": 0.6}


def phantom():
    """Activity and attenuation, (slice, row, column)."""
    x = (np.arange(SIZE) - (SIZE - 1) / 2.0) * PITCH_MM
    y, z = x[:, None], x[:, None, None]
    body = np.broadcast_to((x / 180.0) ** 2 + (y / 125.0) ** 2 < 1.0, (SIZE,) * 3)
    activity = body * 1.0
    for centre, axes, level in (
        ((0, -20, -70), (80, 70, 70), 6.0),
        ((-40, 50, -70), (55, 25, 30), 30.0),
        ((-40, 50, 70), (55, 25, 30), 30.0),
        ((20, 40, 105), (50, 35, 30), 12.0),
        ((90, -40, 20), (19, 19, 19), 40.0),
    ):
        inside = sum(((p - c) / a) ** 2 for p, c, a in zip((z, y, x), centre, axes, strict=True)) < 1.0
        activity = np.where(inside, level, activity)
    spine = body & ((x / 20.0) ** 2 + ((y - 70.0) / 20.0) ** 2 < 1.0)
    return activity.astype(np.float32), np.where(spine, 0.165, np.where(body, 0.135, 0.0)).astype(np.float32)


def setting(path, cropped):
    from hemadose.imaging.camera.projector import spect_projector
    from hemadose.imaging.camera.response import DetectorResponse
    from hemadose.imaging.camera.support import body_support, field_support
    from hemadose.model import Grid

    data = np.load(path)
    grid = Grid.axial(
        shape=data["mu"].shape, spacing_mm=(PITCH_MM,) * 3, origin_mm=(0, 0, 0), frame_of_reference_uid="1.2.3"
    )

    def make():
        support = field_support(grid, angle_deg=data["angles"], radius_mm=RADIUS_MM)
        if cropped:
            support = support & body_support(data["mu"], grid)
        return spect_projector(
            grid=grid, angle_deg=data["angles"], radius_mm=RADIUS_MM, mu_per_cm=data["mu"], support=support,
            response=DetectorResponse(**RESPONSE),
        )  # fmt: skip

    return data, grid, make


def ours(path, cropped):
    from hemadose.imaging.reconstruction.reconstruct import OsemOptions, reconstruct

    data, grid, make = setting(path, cropped)
    small = {"options": OsemOptions(iterations=1, subsets=1)}
    warm = make_small(grid)
    reconstruct(warm.forward(np.ones(warm.grid.shape)), warm, **small)  # compiles, or reads the cache
    began, wall = time.process_time(), time.perf_counter()
    projector = make()
    built = time.process_time() - began
    found = reconstruct(data["counts"], projector, options=OsemOptions(iterations=ITERATIONS, subsets=SUBSETS))
    seconds, wall = time.process_time() - began, time.perf_counter() - wall
    peak = memory_gb()
    np.savez(path.with_suffix(".ours.npz"), projections=projector.forward(data["activity"]), image=found.values)
    return {"seconds": seconds, "wall": wall, "set_up": built, "gb": peak}


def make_small(grid):
    from hemadose.imaging.camera.projector import spect_projector
    from hemadose.imaging.camera.response import DetectorResponse
    from hemadose.model import Grid

    little = Grid.axial(shape=(8, 8, 8), spacing_mm=grid.spacing_mm, origin_mm=(0, 0, 0), frame_of_reference_uid="1")
    return spect_projector(
        grid=little, angle_deg=[0, 90], radius_mm=200, mu_per_cm=np.full((8, 8, 8), 0.1),
        response=DetectorResponse(**RESPONSE),
    )  # fmt: skip


def peer(path):
    """PyTomography: its axes are (x, y, z), its angles begin at the front."""
    import torch
    from pytomography.algorithms import OSEM
    from pytomography.likelihoods import PoissonLogLikelihood
    from pytomography.metadata.SPECT import SPECTObjectMeta, SPECTProjMeta, SPECTPSFMeta
    from pytomography.projectors.SPECT import SPECTSystemMatrix
    from pytomography.transforms.SPECT import SPECTAttenuationTransform, SPECTPSFTransform

    data = np.load(path)
    pitch = PITCH_MM / 10.0

    def turned(volume):
        return torch.tensor(np.ascontiguousarray(volume.transpose(2, 1, 0)))

    def sigma(distance_cm, *_):
        geometric = RESPONSE["at_face_mm"] + RESPONSE["per_mm"] * 10.0 * distance_cm
        return np.hypot(RESPONSE["intrinsic_fwhm_mm"], geometric) / 10.0 / np.sqrt(8.0 * np.log(2.0))

    def build():
        attenuation = SPECTAttenuationTransform(turned(data["mu"]))
        blur = SPECTPSFTransform(SPECTPSFMeta(sigma_fit_params=(), sigma_fit=sigma, min_sigmas=3))
        views = SPECTProjMeta((SIZE, SIZE), (pitch, pitch), 180.0 + data["angles"], np.full(VIEWS, RADIUS_MM / 10.0))
        return SPECTSystemMatrix(
            obj2obj_transforms=[attenuation, blur], proj2proj_transforms=[],
            object_meta=SPECTObjectMeta([pitch] * 3, [SIZE] * 3), proj_meta=views,
        )  # fmt: skip

    with torch.no_grad():
        began, wall = time.process_time(), time.perf_counter()
        matrix = build()
        built = time.process_time() - began
        counts = torch.tensor(np.ascontiguousarray(data["counts"].transpose(0, 2, 1)))
        matrix.set_n_subsets(SUBSETS)
        first = time.process_time()
        for subset in range(SUBSETS):
            matrix.compute_normalization_factor(subset)
        sensitivities = time.process_time() - first
        first = time.process_time()
        OSEM(PoissonLogLikelihood(matrix, counts))(n_iters=1, n_subsets=SUBSETS)
        iteration = time.process_time() - first - sensitivities  # it computes them again
        wall = (time.perf_counter() - wall) / (time.process_time() - began)
        peak = memory_gb()
        projections = matrix.forward(turned(data["activity"])).numpy().transpose(0, 2, 1)
    np.savez(path.with_suffix(".peer.npz"), projections=projections)
    seconds = built + sensitivities + ITERATIONS * iteration
    return {"seconds": seconds, "wall": wall * seconds, "set_up": built + sensitivities, "gb": peak}


def exact(activity, mu, angles):
    """Projections with one dense Gaussian for every depth, float64."""
    from scipy.ndimage import gaussian_filter, map_coordinates

    centre = (SIZE - 1) / 2.0
    count = 2 * int(np.ceil(SIZE / np.sqrt(2.0))) + 2
    w, u = np.meshgrid(np.arange(count) - (count - 1) / 2.0, np.arange(SIZE) - centre, indexing="ij")
    planes = np.zeros((len(angles), SIZE, SIZE))
    for view, angle in enumerate(np.deg2rad(angles)):
        place = [centre + u * np.sin(angle) + w * np.cos(angle), centre - u * np.cos(angle) + w * np.sin(angle)]
        seen, path = (
            np.stack([map_coordinates(v.astype(np.float64), place, order=1) for v in volume], axis=1)
            for volume in (activity, mu)
        )
        path *= PITCH_MM / 10.0
        seen *= np.exp(-(np.cumsum(path[::-1], axis=0)[::-1] - path / 2.0))
        for depth in np.flatnonzero(seen.any(axis=(1, 2))):
            distance = RADIUS_MM - (depth - (count - 1) / 2.0) * PITCH_MM
            fwhm = np.hypot(RESPONSE["intrinsic_fwhm_mm"], RESPONSE["at_face_mm"] + RESPONSE["per_mm"] * distance)
            sigma = fwhm / np.sqrt(8.0 * np.log(2.0)) / PITCH_MM
            planes[view] += gaussian_filter(seen[depth], sigma, mode="constant", truncate=8.0)
    return planes


def memory_gb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def difference(one, other):
    return float(np.linalg.norm(one - other) / np.linalg.norm(other))


def run(python, mode, path):
    done = subprocess.run(
        [python, __file__, "--mode", mode, "--data", str(path)], check=True, stdout=subprocess.PIPE, text=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def make_data(path):
    activity, mu = phantom()
    angles = np.arange(VIEWS) * 360.0 / VIEWS
    np.savez(path, activity=activity, mu=mu, angles=angles, counts=np.zeros((1, 1, 1)))
    _, _, make = setting(path, cropped=True)
    ideal = make().forward(activity)
    counts = np.random.default_rng(1).poisson(ideal * (8e6 / ideal.sum())).astype(np.float32)
    np.savez(path, activity=activity, mu=mu, angles=angles, counts=counts)
    return activity, mu, angles


def show(name, result):
    print(
        f"{name:34s} {result['seconds']:8.2f} CPU-s  {result['wall']:8.2f} s wall  set-up {result['set_up']:.2f} CPU-s"
        f"  memory {result['gb']:.2f} GB"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer-python", help="a Python that has PyTomography")
    parser.add_argument("--mode", choices=["field", "body", "peer"], help=argparse.SUPPRESS)
    parser.add_argument("--data", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.mode:
        result = peer(given.data) if given.mode == "peer" else ours(given.data, given.mode == "body")
        print(json.dumps(result))
        return
    with tempfile.TemporaryDirectory() as folder:
        compare(Path(folder) / "data.npz", given.peer_python)


def compare(path, peer_python):
    activity, mu, angles = make_data(path)
    print(f"{SIZE}^3, {VIEWS} angles, {ITERATIONS} x {SUBSETS}, attenuation and response; counts 8 million")
    results = {}
    for mode, name in (("field", "hemadose, whole field of view"), ("body", "hemadose, body crop")):
        results[mode] = min((run(sys.executable, mode, path) for _ in range(REPEATS)), key=lambda r: r["seconds"])
        show(name, results[mode])
        seen = np.load(path.with_suffix(".ours.npz"))["projections"]
        reference = exact(activity, mu, angles[list(EXACT_VIEWS)])
        results[mode]["l2"] = difference(seen[list(EXACT_VIEWS)], reference)
        print(f"{'':34s} projections differ from exact Gaussians by {results[mode]['l2']:.3%} (L2)")
    checks = {
        f"CPU-s <= {GOALS['seconds']:g} (field)": results["field"]["seconds"] <= GOALS["seconds"],
        f"projections <= {GOALS['l2']:.1%} L2": max(r["l2"] for r in results.values()) <= GOALS["l2"],
        f"memory <= {GOALS['gb']:g} GB": max(r["gb"] for r in results.values()) <= GOALS["gb"],
    }
    if peer_python:
        other = run(peer_python, "peer", path)
        show("PyTomography (1 iteration x 8)", other)
        theirs = np.load(path.with_suffix(".peer.npz"))["projections"]
        print(f"{'':34s} its projections differ from exact Gaussians by "
              f"{difference(theirs[list(EXACT_VIEWS)], reference):.3%}, from hemadose's by "
              f"{difference(theirs, seen):.3%} (L2)")  # fmt: skip
        ratios = {mode: other["seconds"] / r["seconds"] for mode, r in results.items()}
        print(f"ratio of CPU-s: {ratios['field']:.0f} (field), {ratios['body']:.0f} (body crop)")
        checks[f">= {GOALS['ratio']:g} x PyTomography (field)"] = ratios["field"] >= GOALS["ratio"]
    for what, met in checks.items():
        print(f"{'met   ' if met else 'MISSED'} {what}")


if __name__ == "__main__":
    main()
