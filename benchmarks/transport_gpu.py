"""Decays per second on a CUDA device against the processor, in a patient-like phantom of 128 x 128 x 128 voxels.

Prints the rates of Lu-177, Y-90 and I-131, their ratio, and how well the region energies agree: with the same seed
(same histories, so nearly nothing apart) and with another one (z-scores, which should scatter with variance 1).
Run: python benchmarks/transport_gpu.py [--cpu-decays N] [--gpu-decays N] [--scan]; `--scan` tries ways of launching.
"""

from __future__ import annotations

import argparse
import os
import time
from functools import partial
from itertools import product

import numpy as np

from hemadose.physics.matter.media import medium
from hemadose.physics.transport import cuda as on_cuda
from hemadose.physics.transport.run import Deposition, VoxelGeometry, transport_voxels
from hemadose.refdata.emissions import emissions

SIDE, VOXEL_MM = 128, 3.0
NUCLIDES = ("Lu-177", "Y-90", "I-131")
MEDIA = ("air", "soft-tissue", "lung", "cortical-bone")
# centre and semi-axes in mm along slice, row, column; medium; density in g/ml; activity per ml
ORGANS = {
    "body": ((0, 0, 0), (400, 110, 170), 1, 1.03, 0.02),
    "left lung": ((90, -5, 80), (90, 70, 55), 2, 0.26, 0.01),
    "right lung": ((90, -5, -80), (90, 70, 55), 2, 0.26, 0.01),
    "spine": ((0, 75, 0), (400, 18, 18), 3, 1.4, 0.1),
    "liver": ((-40, -20, -75), (55, 60, 70), 1, 1.06, 0.3),
    "spleen": ((-30, 40, 105), (50, 30, 30), 1, 1.06, 1.5),
    "left kidney": ((-80, 50, 65), (50, 25, 25), 1, 1.05, 3.0),
    "right kidney": ((-90, 50, -65), (50, 25, 25), 1, 1.05, 3.0),
    "tumour": ((-120, -30, 20), (12, 12, 12), 1, 1.05, 30.0),
}


def phantom() -> tuple[VoxelGeometry, np.ndarray, np.ndarray]:
    """Geometry, activity and region labels (0: air around)."""
    axis = (np.arange(SIDE) - (SIDE - 1) / 2.0) * VOXEL_MM
    slices, rows, columns = np.meshgrid(axis, axis, axis, indexing="ij")
    index, label = np.zeros((SIDE,) * 3, dtype=np.uint8), np.zeros((SIDE,) * 3, dtype=np.int32)
    density, activity = np.full((SIDE,) * 3, 0.0012, dtype=np.float32), np.zeros((SIDE,) * 3)
    texture = np.random.default_rng(1).normal(1.0, 0.03, (SIDE,) * 3)
    for number, (centre, axes, kind, grams, uptake) in enumerate(ORGANS.values(), start=1):
        inside = sum(((x - c) / a) ** 2 for x, c, a in zip((slices, rows, columns), centre, axes, strict=True)) <= 1.0
        index[inside], label[inside], activity[inside] = kind, number, uptake
        density[inside] = grams * texture[inside]
    media = tuple(medium(name) for name in MEDIA)
    return (
        VoxelGeometry(medium_index=index, density_g_per_ml=density, voxel_mm=(VOXEL_MM,) * 3, media=media),
        activity,
        label,
    )


def timed(
    settings: dict[str, object], decays: int, *, seed: int = 5, device: str = "cpu"
) -> tuple[Deposition, float, float]:
    """Result, decays per second from the first batch to the last, and seconds before (compiled code is warm)."""
    transport_voxels(**settings, decays=64, seed=seed, device=device)  # type: ignore[arg-type]
    start, ends = time.perf_counter(), []
    found = transport_voxels(
        **settings,  # type: ignore[arg-type]
        decays=decays,
        seed=seed,
        device=device,
        progress=lambda done, batches: ends.append(time.perf_counter()),
    )
    share = 1.0 - 1.0 / found.batches
    rate = found.decays * share / (ends[-1] - ends[0])
    return found, rate, ends[-1] - start - found.decays / rate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cpu-decays", type=int, default=1_000_000)
    parser.add_argument("--gpu-decays", type=int, default=100_000_000)
    parser.add_argument("--scan", action="store_true")
    choice = parser.parse_args()
    geometry, activity, label = phantom()
    gpu = on_cuda.cuda_available()
    print(f"processor: {os.cpu_count()} threads")
    print(f"device: {on_cuda.describe_device()}" if gpu else "no CUDA device: only the processor is measured")
    for nuclide in NUCLIDES:
        common = {"geometry": geometry, "source": activity, "emissions": emissions(nuclide)}
        for tally, kind in ((None, "voxels"), (label, "regions")):
            settings = {**common, "tally": tally}
            here, cpu_rate, before = timed(settings, choice.cpu_decays)
            print(f"{nuclide:7s} {kind:8s} processor {cpu_rate:12,.0f} decays/s after {before:.2f} s")
            if gpu:
                _, gpu_rate, before = timed(settings, choice.gpu_decays, device="cuda")
                print(f"{'':16s} device    {gpu_rate:12,.0f} decays/s after {before:.2f} s", end="")
                print(f", ratio {gpu_rate / cpu_rate:.1f}")
                compare(here, settings)
                if choice.scan:
                    scan(settings, choice.gpu_decays)


def compare(here: Deposition, settings: dict[str, object]) -> None:
    """Print how far the same histories end up elsewhere, and z-scores of independent ones."""
    same, _, _ = timed(settings, here.decays, device="cuda")
    other, _, _ = timed(settings, here.decays, seed=6, device="cuda")
    apart = np.abs(same.energy_kev_per_decay - here.energy_kev_per_decay).sum() / here.deposited_kev_per_decay
    sigma = np.hypot(other.standard_uncertainty, here.standard_uncertainty)
    source = np.asarray(settings["source"])
    known = sigma > 0.0 if settings["tally"] is not None else source == source.max()  # chosen before looking
    z = (other.energy_kev_per_decay - here.energy_kev_per_decay)[known] / sigma[known]
    print(f"{'':16s} same seed: {apart:.1e} of the energy elsewhere; another seed: {z.size} z-scores, ", end="")
    print(f"mean square {np.mean(z**2):.2f}, largest {np.abs(z).max():.1f}")


def scan(settings: dict[str, object], decays: int) -> None:
    plain = on_cuda.batch_sums
    for threads, blocks, registers in product((64, 128, 256), (4, 16), (64, 96, 128, None)):
        launch = on_cuda.Launch(threads=threads, blocks=blocks, registers=registers)
        on_cuda.batch_sums = partial(plain, launch=launch)  # type: ignore[assignment]
        _, rate, _ = timed(settings, decays, device="cuda")
        print(f"        threads {threads:4d} blocks {blocks:3d} registers {registers}: {rate:14,.0f} decays/s")
    on_cuda.batch_sums = plain


if __name__ == "__main__":
    main()
