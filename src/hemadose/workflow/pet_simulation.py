"""A virtual pentixafor PET as DICOM, with organs, landmarks and, beside them, the truth; FDG too if wanted."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from hemadose.errors import InputError
from hemadose.io.dicom import DicomIdentity, write_segmentation
from hemadose.io.dicom.write_pet import write_pet
from hemadose.io.files import write_text_atomic
from hemadose.model import Anatomy, Sex
from hemadose.physics.phantoms import stylised_adult
from hemadose.refdata.nuclides import nuclide
from hemadose.simulate.pet import VirtualPet, virtual_pet
from hemadose.simulate.pet_scanner import PetScanner
from hemadose.simulate.pet_uptake import FDG, PENTIXAFOR, UptakePattern, VirtualLesion, site_landmarks
from hemadose.units import MBQ

STARTED_AT = datetime(2025, 2, 24, 10, 0, tzinfo=ZoneInfo("Europe/Berlin"))
HEIGHT_CM = {Sex.MALE: 174.0, Sex.FEMALE: 164.3}
UPTAKE_TIME = timedelta(minutes=60)
_MID_THIGH_MM = -240.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PetSimulationOptions:
    """What to simulate.

    Attributes
    ----------
    sex : Sex
        Of the stylised adult.
    voxel_mm : float
        Of its anatomy.
    scanner : PetScanner
        Grid, resolution, noise.
    activity_bq : float
        Net, of pentixafor.
    with_fdg : bool
        A second scan with F-18 FDG, which sees only some of the lesions, and one of its own.
    seed : int
        Of the noise.
    between_mm : tuple of float or None
        Lowest and highest z to scan; None: mid-thigh to the top of the head.
    """

    sex: Sex = Sex.MALE
    voxel_mm: float = 6.0
    scanner: PetScanner = field(default_factory=PetScanner)
    activity_bq: float = 150 * MBQ
    with_fdg: bool = False
    seed: int = 1
    between_mm: tuple[float, float] | None = None


def virtual_lesions(anatomy: Anatomy) -> tuple[VirtualLesion, ...]:
    """Lesions of a patient with disease in marrow and soft tissue: at T5, L5, the left ilium, axilla and groin."""
    site = site_landmarks(anatomy)
    return (
        VirtualLesion(name="axilla", centre_mm=(-150.0, 10.0, site["t5"][2] + 40.0), radius_mm=10.0, suv=12.0),
        VirtualLesion(name="t5", centre_mm=site["t5"], radius_mm=12.4, suv=14.0),
        VirtualLesion(name="l5", centre_mm=site["l5"], radius_mm=15.0, suv=9.0),
        VirtualLesion(name="ilium_left", centre_mm=site["ilium_left"], radius_mm=19.3, suv=11.0),
        VirtualLesion(name="groin", centre_mm=(70.0, -50.0, -60.0), radius_mm=13.0, suv=7.0),
    )


def _fdg_lesions(lesions: tuple[VirtualLesion, ...]) -> tuple[VirtualLesion, ...]:
    """FDG shows T5, the ilium and the groin, not axilla and L5, and one node of its own."""
    seen = {"t5": 7.0, "ilium_left": 9.0, "groin": 15.0}
    kept = tuple(
        VirtualLesion(name=s.name, centre_mm=s.centre_mm, radius_mm=s.radius_mm, suv=seen[s.name])
        for s in lesions
        if s.name in seen
    )
    x, y, z = next(s.centre_mm for s in lesions if s.name == "axilla")
    return (*kept, VirtualLesion(name="fdg_only", centre_mm=(-x, y, z), radius_mm=11.0, suv=8.0))


def simulate_pet(folder: Path, options: PetSimulationOptions) -> list[Path]:
    """Write a virtual PET study.

    Parameters
    ----------
    folder : Path
        New or empty; gets ``pentixafor/``, ``regions/``, ``landmarks.json``, ``truth/`` and perhaps ``fdg/``.
    options : PetSimulationOptions
        What to simulate.

    Returns
    -------
    list of Path
        What was written.

    Raises
    ------
    InputError
        If the folder is not empty.
    """
    if folder.exists() and any(folder.iterdir()):
        raise InputError("the folder is not empty", source=str(folder))
    anatomy = stylised_adult(sex=options.sex, voxel_mm=options.voxel_mm, frame_of_reference_uid=f"2.25.{options.seed}7")
    lesions = virtual_lesions(anatomy)
    written = _write(folder, "pentixafor", anatomy, PENTIXAFOR, lesions, options)
    if options.with_fdg:
        written += _write(folder, "fdg", anatomy, FDG, _fdg_lesions(lesions), options)
    landmarks = {name: [round(v, 3) for v in point] for name, point in site_landmarks(anatomy).items()}
    write_text_atomic(folder / "landmarks.json", json.dumps(landmarks, indent=1) + "\n")
    return [*written, folder / "landmarks.json"]


def _write(
    folder: Path,
    name: str,
    anatomy: Anatomy,
    pattern: UptakePattern,
    lesions: tuple[VirtualLesion, ...],
    options: PetSimulationOptions,
) -> list[Path]:
    fdg = pattern is FDG
    started = STARTED_AT + timedelta(days=2) if fdg else STARTED_AT
    top = anatomy.labels.grid.index_to_mm([anatomy.labels.grid.shape[0], 0, 0])
    pet = virtual_pet(
        anatomy,
        scanner=options.scanner,
        pattern=pattern,
        nuclide=nuclide("F-18" if fdg else "Ga-68"),
        injected_activity_bq=options.activity_bq,
        injected_at=started - UPTAKE_TIME,
        started_at=started,
        lesions=lesions,
        height_cm=HEIGHT_CM[options.sex],
        sex=options.sex,
        between_mm=options.between_mm or (_MID_THIGH_MM, float(top[2])),
        seed=options.seed + (1000 if fdg else 0),
    )
    identity = DicomIdentity(
        pseudonym=f"VP-PET-{options.seed:03d}",
        sex=options.sex,
        height_cm=HEIGHT_CM[options.sex],
        weight_kg=pet.truth.weight_kg,
        study_at=started,
        seed=f"pet-{options.sex.value}-{options.seed}-{name}",
    )
    slices = write_pet(pet.scan, folder / name, identity=identity)
    seg = folder / "regions" / f"{name}.dcm"
    write_segmentation(pet.regions, seg, identity=identity, source_files=slices, drawn_at=started)
    truth = folder / "truth" / f"{name}.json"
    write_text_atomic(truth, _truth(pet, pattern))
    return [folder / name, seg, truth]


def _truth(pet: VirtualPet, pattern: UptakePattern) -> str:
    payload = {
        "note": "Truth of a virtual patient. No analysis may open this file.",
        "source_of_uptake": pattern.source,
        "suv": dict(pet.truth.suv),
        "remainder_suv": pet.truth.remainder_suv,
        "weight_kg": pet.truth.weight_kg,
        "tumour_volume_ml": pet.truth.tumour_volume_ml,
        "total_lesion_uptake_SUV_ml": pet.truth.total_lesion_uptake,
        "lesions": [
            {"name": s.name, "centre_mm": list(s.centre_mm), "volume_ml": s.volume_ml, "suv": s.suv}
            for s in pet.truth.lesions
        ],
    }
    return json.dumps(payload, indent=1) + "\n"
