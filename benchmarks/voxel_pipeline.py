"""Whole pipeline to a dose map: four SPECT of 128^3 and a CT of 512 x 512 in DICOM, registered, fitted, written.

Run: python benchmarks/voxel_pipeline.py FOLDER [--method local|convolution|hybrid|montecarlo] [--curves voxel|regions]
     [--phases 1|2] [--profile]

Builds a virtual patient in FOLDER once: the simulated series with later SPECT moved by some millimetres, a CT of
clinical size, a case file. Then runs `hemadose voxel --case` in a process of its own and prints processor seconds,
elapsed seconds and the largest memory, with the moves that registration found.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np

GOAL_S, GOAL_GIB = 60.0, 2.0
SIZE, PITCH_MM = 128, 4.8
MOVES_MM = ((0.0, 0.0, 0.0), (4.0, -6.0, 3.0), (-5.0, 3.0, 2.0), (3.0, 4.0, -7.0))
"""Along slice, row, column."""


def build(folder):
    """Write the study."""
    from scipy.ndimage import shift

    from hemadose.imaging.registration.resampling import resample_image, resample_region
    from hemadose.io.dicom import write_ct_series, write_segmentation, write_spect
    from hemadose.io.dicom.identity import DicomIdentity
    from hemadose.model import Grid, Image, Quantity, Region
    from hemadose.simulate.camera import PHOTOPEAK
    from hemadose.simulate.study import Schedule, virtual_study
    from hemadose.workflow import simulate as sim

    options = sim.SimulationOptions(anatomy="male", seed=1, activity_bq=7e9, schedule="spect")
    anatomy, sex = sim.anatomy_of(options)
    administration = sim.administration_of(options)
    study = virtual_study(
        projected=sim.project(anatomy, sim.Camera()), camera=sim.Camera(), administration=administration,
        biokinetics=sim.kinetics_of(anatomy, administration, options),
        schedule=Schedule(planar_h=(24.0,), spect_h=(4.0, 24.6, 96.6, 168.6)), seed=1,
    )  # fmt: skip
    identity = DicomIdentity(pseudonym="VP-BENCH", sex=sex, height_cm=176.0, weight_kg=73.0,
                             study_at=administration.administered_at, seed="bench")  # fmt: skip
    own = study.spect_scans[0].image.grid
    grid = _cube(own)
    for number, (scan, move) in enumerate(zip(study.spect_scans, MOVES_MM, strict=True), start=1):
        image = resample_image(scan.image, grid)
        values = shift(np.asarray(image.values, np.float32), np.array(move) / PITCH_MM, order=1)
        moved = replace(scan, image=Image(values=values, grid=grid, quantity=Quantity.COUNTS))
        write_spect(moved, folder / f"spect{number}.dcm", identity=identity, administration=administration,
                    window=PHOTOPEAK, series_number=30 + number)  # fmt: skip
    middle = grid.index_to_mm((np.array(grid.shape) - 1) / 2.0)
    fine = Grid.axial(
        shape=(200, 512, 512), spacing_mm=(3.0, 0.98, 0.98), frame_of_reference_uid=own.frame_of_reference_uid,
        origin_mm=(middle[0] - 250.4, middle[1] - 250.4, middle[2] - 298.5),
    )  # fmt: skip
    ct = resample_image(study.ct, fine)
    ct = Image(values=np.rint(ct.values).astype(np.int16), grid=fine, quantity=Quantity.HOUNSFIELD)
    at = study.spect_scans[0].started_at - timedelta(minutes=3)
    write_ct_series(ct, folder / "ct", identity=identity, acquired_at=at)
    kept = [resample_region(Region(name=r.name, mask=r.mask, grid=own), grid) for r in study.regions
            if not r.name.startswith("marrow_sphere")]  # fmt: skip
    write_segmentation(
        kept, folder / "seg.dcm", identity=identity, source_files=[folder / "ct/ct0001.dcm"], drawn_at=at
    )
    names = [f"spect{n}.dcm" for n in range(1, 5)]
    text = sim.case_text(study, options, identity, [], names)
    text = text.replace("planar = [\n]\n", 'register_spect = "rigid"\n').replace('probe = "probe.csv"\n', "")
    text = text.replace('planar = "regions/planar.nii.gz"\n', "").replace("regions/seg.dcm", "seg.dcm")
    (folder / "case.toml").write_text(text, encoding="utf-8")


def _cube(own):
    """128^3 voxels around the middle of the simulated field."""
    from hemadose.model import Grid

    middle = own.index_to_mm((np.array(own.shape) - 1) / 2.0)
    half = np.array([(SIZE - 1) / 2.0 * PITCH_MM] * 3)
    return Grid.axial(shape=(SIZE,) * 3, spacing_mm=(PITCH_MM,) * 3, origin_mm=tuple(middle - half),
                      frame_of_reference_uid=own.frame_of_reference_uid)  # fmt: skip


def main():
    """Build if needed, run, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--method", default="convolution")
    parser.add_argument("--curves", default="voxel")
    parser.add_argument("--phases", default="1")
    parser.add_argument("--profile", action="store_true")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    if not (given.folder / "case.toml").exists():
        build(given.folder)
    program = [sys.executable, *(["-m", "cProfile", "-s", "cumtime"] if given.profile else []), "-m", "hemadose.cli"]
    begin = time.perf_counter()
    done = subprocess.run(
        [*program, "voxel", "--case", str(given.folder / "case.toml"), "--method", given.method,
         "--curves", given.curves, "--phases", given.phases, "--out", str(given.folder / "result"), "--json"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    wall = time.perf_counter() - begin
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode or given.profile:
        print(done.stdout[-9000:], done.stderr[-3000:])
        return
    answer = json.loads(done.stdout)
    print(f"{given.method}, curves {given.curves}, {given.phases} phases: "
          f"processor {used.ru_utime + used.ru_stime:.1f} s, elapsed {wall:.1f} s on {os.cpu_count()} cores "
          f"(goal {GOAL_S:g} s), largest memory {used.ru_maxrss / 2**20:.2f} GiB (goal {GOAL_GIB:g} GiB)")  # fmt: skip
    for row in answer["regions"]:
        print(f"  {row['region']}: {row['mean_Gy']:.3g} +- {row['mean_sd_Gy']:.2g} Gy, D95 {row['D95_Gy']:.3g} Gy")
    for note in answer["notes"]:
        if "moved rigidly" in note:
            print(" ", note)


if __name__ == "__main__":
    main()
