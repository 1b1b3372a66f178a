"""Dose by voxel: convolution, hybrid dose and fits against what peers call; processor seconds, least of repeats.

Run: python benchmarks/voxel.py [--only convolution|hybrid|fits] [--peer-python PATH]

PATH is a Python with lmfit; without it the fit is compared with scipy's curve_fit. Compilation is not counted.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import time

import numpy as np

SIZE, PITCH_MM = 128, 4.8
GOALS = {"convolution": 20.0, "hybrid_s": 2.0, "mono": 20_000.0, "bi": 3_000.0}
PEER = """
import json, sys, time
import numpy as np
from lmfit import Model
times, values = np.array(json.loads(sys.stdin.readline())), np.array(json.loads(sys.stdin.readline()))
model = Model(lambda t, a, k: a * np.exp(-k * t))
begin = time.process_time()
for y in values.T:
    parameters = model.make_params(a=float(y[0]), k=0.01)
    parameters["a"].min = parameters["k"].min = 0.0
    model.fit(y, parameters, t=times)
print((time.process_time() - begin) / values.shape[1])
"""


def least(call, repeats=3):
    """Processor seconds of the fastest of some calls, and what it gave."""
    best, found = np.inf, None
    for _ in range(repeats):
        begin = time.process_time()
        found = call()
        best = min(best, time.process_time() - begin)
    return best, found


def patient():
    """Density and time-integrated activity of a torso with lungs, spine and hot organs, (slice, row, column)."""
    x = (np.arange(SIZE) - (SIZE - 1) / 2.0) * PITCH_MM
    y, z = x[:, None], x[:, None, None]
    body = np.broadcast_to((x / 180.0) ** 2 + (y / 125.0) ** 2 < 1.0, (SIZE,) * 3)
    density, tia = np.where(body, 1.04, 0.0), body * 1e8

    def inside(centre, axes):
        return sum(((p - c) / a) ** 2 for p, c, a in zip((z, y, x), centre, axes, strict=True)) < 1.0

    for side in (-80, 80):
        density = np.where(inside((140, -10, side), (110, 85, 55)), 0.28, density)
    density = np.where(body & ((x / 20.0) ** 2 + ((y - 85.0) / 20.0) ** 2 < 1.0), 1.3, density)
    for centre, axes, level in (
        ((0, -20, -70), (80, 70, 70), 6.0), ((-60, 50, -70), (55, 25, 30), 30.0), ((-60, 50, 70), (55, 25, 30), 30.0),
        ((20, 40, 105), (50, 35, 30), 12.0),
    ):  # fmt: skip
        tia = np.where(inside(centre, axes), level * 1e8, tia)
    return density.astype(np.float32), tia.astype(np.float32)


def kernels():
    """Point kernel and emissions of Lu-177."""
    from hemadose.refdata.emissions import emissions
    from hemadose.workflow.kernels import KernelRequest, stored_point_kernel

    return stored_point_kernel(KernelRequest(nuclide="Lu-177"))[0], emissions("Lu-177")


def convolution():
    """Kernels of 9, 21 and 51 voxels, and the whole one, against fftconvolve of the whole grid in float64."""
    from scipy.signal import fftconvolve

    from hemadose.physics.voxel_dose.convolution import EvenConvolver, bounding_box
    from hemadose.physics.voxel_dose.kernels import electron_range_cm, photon_kernel, split_point_kernel

    point, emitted = kernels()
    density, tia = patient()
    photons = split_point_kernel(point, range_cm=electron_range_cm(emitted, density_g_per_ml=1.0))[1]
    octant = photon_kernel(photons, voxel_mm=(PITCH_MM,) * 3, shape=(SIZE,) * 3).octant_kev
    box = bounding_box(density > 0.0)
    for half in (4, 10, 25, SIZE - 1):
        part = octant[: half + 1, : half + 1, : half + 1]
        index = np.abs(np.arange(-half, half + 1))
        full = part[np.ix_(index, index, index)].astype(np.float64)
        source = tia.astype(np.float64)
        peer, expected = least(lambda s=source, k=full: fftconvolve(s, k, mode="same"), 1 if half > 60 else 3)
        convolver = EvenConvolver(part)
        convolver(tia[box])
        own, found = least(lambda c=convolver: c(tia[box]), 5)
        off = float(np.abs(found - expected[box]).max() / expected.max())
        print(f"kernel {2 * half + 1}^3: fftconvolve {1e3 * peer:.0f} ms, here {1e3 * own:.1f} ms, {peer / own:.0f}x "
              f"(goal {GOALS['convolution']:g}x), largest difference {off:.1e} of the maximum")  # fmt: skip


def hybrid():
    """Every source voxel at 3 %, after kernels are made."""
    from hemadose.physics.voxel_dose.hybrid import HybridKernels, HybridOptions, hybrid_dose
    from hemadose.physics.voxel_dose.matter import patient_matter

    point, emitted = kernels()
    density, tia = patient()
    matter = patient_matter(density, voxel_mm=(PITCH_MM,) * 3)
    made = HybridKernels(point, emitted, voxel_mm=(PITCH_MM,) * 3)
    small = HybridOptions(photon_decays=1000, electron_decays=1000, target_sd=None)
    hybrid_dose(tia, matter, emitted, made, options=small)
    options = HybridOptions(photon_decays=300_000)
    begin = time.perf_counter()
    seconds, found = least(lambda: hybrid_dose(tia, matter, emitted, made, options=options), 1)
    wall = time.perf_counter() - begin
    held = (tia > 0.0) & (found.dose_gy > 0.0)
    sd = np.quantile(found.sd_gy[held] / found.dose_gy[held], 0.95)
    print(f"hybrid {SIZE}^3: {seconds:.1f} processor seconds, {wall:.1f} s (goal {GOALS['hybrid_s']:g} s), "
          f"95 % of source voxels within {100 * sd:.1f} %, photons of {found.photons_followed:.3g} and electrons of "
          f"{found.electrons_followed:.3g} decays; {'; '.join(found.notes)}")  # fmt: skip


def fits(peer_python):
    """One and two exponentials by voxel."""
    from scipy.optimize import curve_fit

    from hemadose.kinetics.voxelwise import fit_voxels

    rng, hour, n = np.random.default_rng(0), 3600.0, 400_000
    times = np.array([4.0, 24.0, 48.0, 96.0, 168.0])
    a, k = rng.uniform(1.0, 10.0, n), np.log(2.0) / rng.uniform(20.0, 120.0, n)
    values = a * np.exp(-k * times[:, None]) * (1.0 + 0.05 * rng.standard_normal((5, n)))
    fit_voxels(times * hour, values[:, :100], half_life_s=159.5 * hour)
    own, _ = least(lambda: fit_voxels(times * hour, values, half_life_s=159.5 * hour))
    few = values[:, :200]
    if peer_python:
        text = json.dumps(times.tolist()) + "\n" + json.dumps(few.tolist()) + "\n"
        done = subprocess.run([peer_python, "-c", PEER], input=text, capture_output=True, text=True, check=True)
        peer, name = float(done.stdout), "lmfit"
    else:

        def all_of():
            for y in few.T:
                curve_fit(lambda t, a, k: a * np.exp(-k * t), times, y, p0=(y[0], 0.01))

        seconds, _ = least(all_of, 1)
        peer, name = seconds / few.shape[1], "curve_fit"
    print(f"one exponential: {name} {1e6 * peer:.0f} us, here {1e6 * own / n:.3f} us a voxel, {peer * n / own:.0f}x "
          f"(goal {GOALS['mono']:g}x of lmfit)")  # fmt: skip
    six = np.array([1.0, 4.0, 24.0, 48.0, 96.0, 168.0])
    values = a * np.exp(-k * six[:, None]) - 0.5 * a * np.exp(-0.3 * six[:, None])
    values = (values + 0.03 * a * rng.standard_normal(values.shape))[:, :50_000]
    fit_voxels(six * hour, values[:, :100], half_life_s=159.5 * hour, phases=2)
    own, _ = least(lambda: fit_voxels(six * hour, values, half_life_s=159.5 * hour, phases=2))
    print(f"two exponentials: {1e6 * own / values.shape[1]:.2f} us a voxel")


def main():
    """All, or one of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=("convolution", "hybrid", "fits"))
    parser.add_argument("--peer-python")
    given = parser.parse_args()
    for name, call in (("convolution", convolution), ("hybrid", hybrid), ("fits", lambda: fits(given.peer_python))):
        if given.only in (None, name):
            call()


if __name__ == "__main__":
    main()
