"""Make the packaged absorbed fractions of the stylised adults from what `stylised_saf.py` and `skeleton.py` left.

python scripts/pack_saf.py FOLDER SKELETON.json src/hemadose/refdata/data/saf
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from stylised_saf import ELECTRON_KEV, MARROW, PHOTON_KEV, VOXEL_MM

from hemadose.io.svalue_files import write_saf
from hemadose.model import Sex
from hemadose.model.saf import Radiation
from hemadose.physics.anatomy_transport import labelled_matter
from hemadose.physics.organ_saf import PartEnergies, organ_saf
from hemadose.physics.phantoms import stylised_adult
from hemadose.physics.phantoms.marrow import STYLISED_RED_MARROW_G
from hemadose.physics.phantoms.regions import organ_parts, source_shares
from hemadose.physics.skeleton.absorbed_fractions import MarrowAbsorbedFractions


def main(raw: list[Path], skeleton_file: Path, out: Path) -> None:
    """Write four tables."""
    skeleton = MarrowAbsorbedFractions.from_records(json.loads(skeleton_file.read_text()))
    out.mkdir(parents=True, exist_ok=True)
    for sex in Sex.MALE, Sex.FEMALE:
        red_marrow_kg = STYLISED_RED_MARROW_G[sex] / 1000.0
        for radiation, energies in ((Radiation.PHOTON, PHOTON_KEV), (Radiation.ELECTRON, ELECTRON_KEV)):
            anatomy = stylised_adult(sex=sex, voxel_mm=VOXEL_MM[radiation], frame_of_reference_uid="2.25.1")
            matter = labelled_matter(anatomy)
            parts, decays = _parts(raw, sex, radiation, energies, list(source_shares(anatomy, matter.mass_kg)))
            share = {t.name: t.red_marrow_fraction for t in anatomy.tissues if t.red_marrow_fraction > 0.0}
            total = sum(share.values())
            table = organ_saf(
                parts,
                radiation=radiation,
                organs=organ_parts(anatomy),
                marrow_share={bone: part / total for bone, part in share.items()},
                red_marrow_kg=red_marrow_kg,
                skeleton=skeleton,
                soft_organs=[n for n in organ_parts(anatomy) if n not in ("lungs", "skeleton", "total_body")],
                source_note=(
                    f"hemadose Monte Carlo in the stylised adult {sex.value} (Cristy and Eckerman 1987), "
                    f"{VOXEL_MM[radiation]:g} mm voxels, {decays:.2g} particles a point"
                ),
                notes=(f"red marrow {red_marrow_kg * 1000:.0f} g; electrons in it by the model '{skeleton.model}'",),
            )
            write_saf(table, out / f"{sex.value}-{radiation.value}.csv.gz")


def _parts(
    raw: list[Path], sex: Sex, radiation: Radiation, energies: tuple[int, ...], sources: list[str]
) -> tuple[PartEnergies, float]:
    kev, sd, marrow_kev, marrow_sd = {}, {}, {}, {}
    for source in sources:
        stored = [_joined(raw, f"{sex.value}-{radiation.value}-{source}-{e}.npz") for e in energies]
        kev[source] = np.stack([s["kev"] for s in stored])
        sd[source] = np.stack([s["sd"] for s in stored])
        _check_balance(stored, energies, source)
        if radiation is Radiation.PHOTON:
            seen = [_joined(raw, f"{sex.value}-{MARROW}-{source}-{e}.npz") for e in energies]
            marrow_kev[source] = np.stack([s["kev"] for s in seen])
            marrow_sd[source] = np.stack([s["sd"] for s in seen])
        names, mass, decays = stored[0]["names"], stored[0]["mass_kg"], float(stored[0]["decays"])
    return (
        PartEnergies(
            names=tuple(str(n) for n in names),
            mass_kg=mass,
            energies_kev=np.asarray(energies, dtype=np.float64),
            kev=kev,
            sd=sd,
            marrow_kev=marrow_kev or None,
            marrow_sd=marrow_sd or None,
        ),
        decays,
    )


def _joined(folders: list[Path], name: str) -> dict[str, np.ndarray]:
    """Mean of the same calculation over independent series."""
    found = [dict(np.load(folder / name)) for folder in folders if (folder / name).exists()]
    weight = np.array([float(f["decays"]) for f in found])
    share = weight / weight.sum()
    return {
        "kev": sum(w * f["kev"] for w, f in zip(share, found, strict=True)),
        "sd": np.sqrt(sum((w * f["sd"]) ** 2 for w, f in zip(share, found, strict=True))),
        "escaped": sum(w * f["escaped"] for w, f in zip(share, found, strict=True)),
        "decays": weight.sum(),
        "names": found[0]["names"],
        "mass_kg": found[0]["mass_kg"],
    }


def _check_balance(stored: list[dict[str, np.ndarray]], energies: tuple[int, ...], source: str) -> None:
    for s, energy in zip(stored, energies, strict=True):
        total = float(s["kev"].sum() + s["escaped"])
        if abs(total / energy - 1.0) > 2e-4:
            raise SystemExit(f"{source} at {energy} keV: {total:.6f} keV found of {energy} keV emitted")


if __name__ == "__main__":
    main([Path(p) for p in sys.argv[1].split(",")], Path(sys.argv[2]), Path(sys.argv[3]))
