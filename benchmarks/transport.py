"""Decays per second of the transport engine, per core and on all, with its agreement with outside numbers.

    python benchmarks/transport.py [--decays 2000000]

Peer: EGSnrc (egs_app, PRESTA-II, 10 keV electron and 5 keV photon cut-off) on one core of a machine of this kind,
derived from its particle rates: the faster figures are with spin effects off, the slower with them on. EGSnrc is AGPL
and not run here; only its figures are quoted, so the ratio carries the difference of machines. Accuracy is that of
the same engine on the peer's own problem: 4.8 mm voxels of soft tissue, dose of the source voxel and of its face
neighbour (EGSnrc with spin effects on, statistics below 0.1 % and 0.3 %).
"""

from __future__ import annotations

import argparse
import os
import time

import numpy as np

from hemadose.physics.kernels import point_kernel, voxel_kernel
from hemadose.physics.matter import medium
from hemadose.physics.transport.run import VoxelGeometry, transport_voxels
from hemadose.refdata.emissions import emissions

EGSNRC_PER_S = {"Lu-177": (198e3, 162e3), "Y-90": (63e3, 48e3), "I-131": (63e3, 57e3), "Re-188": (63e3, 48e3)}
"""Full decays per second and core: spin effects off, on."""
EGSNRC_MGY_PER_MBQ_S = {
    "Lu-177": (0.19890, 2.630e-3),
    "Y-90": (0.57488, 7.892e-2),
    "I-131": (0.24973, 5.797e-3),
    "Re-188": (0.57347, 6.297e-2),
}
"""Source voxel and face neighbour, 4.8 mm, soft tissue of 1 g/ml."""
SIDE = 128


def _patient() -> tuple[VoxelGeometry, np.ndarray, np.ndarray]:
    """A body of soft tissue with lungs and a spine in 4.8 mm voxels, activity in two organs and the background."""
    z, y, x = np.meshgrid(*[np.arange(SIDE) - SIDE / 2 + 0.5] * 3, indexing="ij")
    body = (x / 38.0) ** 2 + (y / 24.0) ** 2 < 1.0
    lung = ((np.abs(x) - 17.0) / 11.0) ** 2 + (y / 15.0) ** 2 + ((z - 30.0) / 26.0) ** 2 < 1.0
    spine = (x / 4.0) ** 2 + ((y - 14.0) / 5.0) ** 2 < 1.0
    organs = ((np.abs(x) - 13.0) / 6.0) ** 2 + ((y - 8.0) / 5.0) ** 2 + ((z + 15.0) / 11.0) ** 2 < 1.0
    media = (medium("air"), medium("soft-tissue"), medium("lung"), medium("cortical-bone"))
    index = np.zeros(body.shape, dtype=np.uint8)
    index[body], index[body & lung], index[body & spine] = 1, 2, 3
    density = np.array([0.0012, 1.0, 0.26, 1.4], dtype=np.float32)[index]
    source = np.where(body, 0.02, 0.0) + np.where(organs, 1.0, 0.0)
    geometry = VoxelGeometry(medium_index=index, density_g_per_ml=density, voxel_mm=(4.8, 4.8, 4.8), media=media)
    return geometry, source.astype(np.float32), organs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--decays", type=int, default=2_000_000)
    args = parser.parse_args()
    cores = os.cpu_count() or 1
    water = np.full((SIDE, SIDE, SIDE), 1.0, dtype=np.float32)
    cube = VoxelGeometry(
        medium_index=np.zeros(water.shape, dtype=np.uint8),
        density_g_per_ml=water,
        voxel_mm=(4.8, 4.8, 4.8),
        media=(medium("soft-tissue"),),
    )
    point = np.zeros(water.shape, dtype=np.float32)
    point[SIDE // 2, SIDE // 2, SIDE // 2] = 1.0
    patient, activity, _ = _patient()
    print(f"{'nuclide':8} {'cube k/s/core':>14} {'EGSnrc off/on':>14} {'ratio off/on':>13} "
          f"{'patient k/s/core':>17} {f'{cores} threads':>10} {'self':>8} {'face':>8}")  # fmt: skip
    for name, (fast, slow) in EGSNRC_PER_S.items():
        rates = {}
        for label, geometry, source, threads in (
            ("cube", cube, point, 1), ("patient", patient, activity, 1), ("all", patient, activity, cores),
        ):  # fmt: skip
            decays = args.decays if label != "all" else args.decays * cores
            run = {"geometry": geometry, "source": source, "emissions": emissions(name), "batches": 8 * threads}
            transport_voxels(**run, decays=8 * threads, seed=1, threads=threads)
            spent = []
            for repeat in range(3):
                clock = time.process_time if threads == 1 else time.perf_counter
                start = clock()
                transport_voxels(**run, decays=decays, seed=repeat, threads=threads)
                spent.append(clock() - start)
            rates[label] = decays / min(spent)
        kernel = voxel_kernel(
            point_kernel(medium("soft-tissue"), emissions(name)), voxel_mm=(4.8, 4.8, 4.8), half_width=(2, 2, 2)
        )
        own = kernel.s_gy_per_bq_s * 1e9
        self_s, face_s = EGSNRC_MGY_PER_MBQ_S[name]
        print(
            f"{name:8} {rates['cube'] / 1e3:14.0f} {f'{fast / 1e3:.0f}/{slow / 1e3:.0f}':>14} "
            f"{rates['cube'] / fast:6.1f}/{rates['cube'] / slow:<6.1f} {rates['patient'] / 1e3:17.0f} "
            f"{rates['all'] / rates['patient'] / cores:10.0%} {own[2, 2, 2] / self_s - 1:+8.2%} "
            f"{own[2, 2, 3] / face_s - 1:+8.2%}",
            flush=True,
        )
    print(
        "Limits: electrons wait for table look-ups and square roots (about 20 of each a step, 11 steps of a Y-90 "
        "decay); photons for memory, one voxel look-up a flight."
    )


if __name__ == "__main__":
    main()
