"""Energies absorbed in the stylised adults, for `refdata/data/saf`: hours of transport, resumed where it stopped.

    python scripts/stylised_saf.py FOLDER SKELETON.json [--sex male] [--decays 1000000] [--threads 2] [--series 1]

``marrow`` is photons counted in bones with the absorption of red marrow (SKELETON.json: from `skeleton.py`).
Every (sex, radiation, source, energy) is one small file in FOLDER. `scripts/pack_saf.py` makes the packaged tables.
"""

from __future__ import annotations

import argparse
import json
import zlib
from pathlib import Path

import numpy as np
from rich.progress import Progress

from hemadose.model import Sex
from hemadose.model.saf import Radiation
from hemadose.physics.anatomy_transport import labelled_matter, mono_energetic, region_energies
from hemadose.physics.phantoms import stylised_adult
from hemadose.physics.phantoms.regions import source_shares
from hemadose.physics.skeleton.absorbed_fractions import MarrowAbsorbedFractions
from hemadose.physics.skeleton.photons import marrow_response
from hemadose.physics.transport.tables import energy_grid

PHOTON_KEV = (10, 15, 20, 30, 40, 50, 60, 80, 100, 150, 200, 300, 400, 500, 700, 1000, 1500, 2000, 3000)
ELECTRON_KEV = (10, 50, 100, 200, 300, 500, 700, 1000, 1500, 2200, 3000)
MARROW = "marrow"
KINDS = ["photon", "electron", MARROW]
VOXEL_MM = {Radiation.PHOTON: 4.0, Radiation.ELECTRON: 2.5}


def main() -> None:
    """Run what is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("skeleton", type=Path)
    parser.add_argument("--sex", choices=["male", "female"], nargs="*", default=["male", "female"])
    parser.add_argument("--radiation", choices=KINDS, nargs="*", default=KINDS)
    parser.add_argument("--decays", type=int, default=1_000_000)
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--series", type=int, default=0, help="Another number gives independent results to add.")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    for sex in args.sex:
        for name in args.radiation:
            _table(Sex(sex), name, args)


def _table(sex: Sex, kind: str, args: argparse.Namespace) -> None:
    radiation = Radiation.PHOTON if kind == MARROW else Radiation(kind)
    anatomy = stylised_adult(sex=sex, voxel_mm=VOXEL_MM[radiation], frame_of_reference_uid="2.25.1")
    matter = labelled_matter(anatomy)
    shares = source_shares(anatomy, matter.mass_kg)
    energies = PHOTON_KEV if radiation is Radiation.PHOTON else ELECTRON_KEV
    how, decays = {}, args.decays if radiation is Radiation.PHOTON else args.decays // 4
    if kind == MARROW:
        model = MarrowAbsorbedFractions.from_records(json.loads(args.skeleton.read_text()))
        bone = [m.name for m in matter.geometry.media].index("stylised-bone")
        how = {"estimator": "kerma", "absorption": {bone: marrow_response(model, np.clip(energy_grid(), 1.0, 3000.0))}}
    with Progress() as progress:
        task = progress.add_task(f"{sex.value} {kind}", total=len(shares) * len(energies))
        for source, share in shares.items():
            for energy in energies:
                path = args.folder / f"{sex.value}-{kind}-{source}-{energy}.npz"
                progress.advance(task)
                if path.exists():
                    continue
                found = region_energies(
                    matter,
                    share_by_tissue=share,
                    emissions=mono_energetic(radiation, float(energy)),
                    decays=decays,
                    seed=zlib.crc32(path.name.encode()) + 7919 * args.series,
                    threads=args.threads,
                    **how,
                )
                np.savez_compressed(
                    path,
                    kev=found.kev_per_decay,
                    sd=found.standard_uncertainty,
                    escaped=found.escaped_kev_per_decay,
                    decays=found.decays,
                    names=np.array(matter.names),
                    mass_kg=np.array([matter.mass_kg[n] for n in matter.names]),
                )


if __name__ == "__main__":
    main()
