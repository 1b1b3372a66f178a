"""Make the DICOM study of a virtual patient, its case file, and the truth beside it."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from hemadose.errors import InputError, QuantityError
from hemadose.io.dicom import (
    DicomIdentity,
    write_ct_series,
    write_planar,
    write_rtstruct,
    write_segmentation,
    write_spect,
)
from hemadose.io.files import write_text_atomic
from hemadose.io.interfile import read_interfile
from hemadose.io.nifti import label_names, read_image, write_planar_regions
from hemadose.io.tables import csv_text
from hemadose.model import Administration, Anatomy, Image, Quantity, Sex
from hemadose.refdata.nuclides import nuclide
from hemadose.simulate import (
    Biokinetics,
    Camera,
    Schedule,
    VirtualStudy,
    labelled_anatomy,
    pentixather_biokinetics,
    project,
    virtual_study,
)
from hemadose.simulate.camera import PHOTOPEAK
from hemadose.units import GBQ, HOUR_S, MBQ
from hemadose.workflow.stages import Progress, Silent

ZONE = "Europe/Berlin"
INJECTED_AT = datetime(2025, 3, 3, 9, 0, tzinfo=ZoneInfo(ZONE))
TRUTH_FILE = "truth.json"
SIZES = {Sex.MALE: (174.0, 73.3), Sex.FEMALE: (164.3, 56.9)}
PATIENT_LABELS = {
    15000: "liver",
    16000: "spleen",
    17000: "kidney_left",
    18000: "kidney_right",
    19000: "lesion_1",
    20000: "lesion_2",
    21000: "lesion_3",
}
"""Labels of the published patient volume (lu177-patient)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationOptions:
    """What to simulate.

    Attributes
    ----------
    anatomy : {"male", "female"} or Path
        A stylised adult, or a folder with a labelled CT: ``ct.nii.gz`` and ``labels.nii.gz`` (axial) with
        ``labels.json`` (label to organ; ``"0"`` may say ``male`` or ``female``), or Interfile
        (``*_attn.h33``, ``*_src.h33``).
    seed : int
        Of all noise and of the calibration error.
    activity_bq : float
        In the syringe: about 200 MBq for a tracer study, some GBq after therapy.
    schedule : {"hybrid", "spect"}
        Five planar scans and one SPECT/CT, or SPECT/CT at all five times as well.
    uptake : dict
        Factors on the uptake of kidneys, liver, spleen, red_marrow, tissue.
    voxel_mm : float
        Of the stylised anatomy.
    study : str
        ``pre-therapy`` or ``post-therapy``.
    """

    anatomy: str | Path = "male"
    seed: int = 1
    activity_bq: float = 202 * MBQ
    schedule: Literal["hybrid", "spect"] = "hybrid"
    uptake: dict[str, float] | None = None
    voxel_mm: float = 4.0
    study: Literal["pre-therapy", "post-therapy"] = "pre-therapy"


def simulate_study(folder: Path, options: SimulationOptions, *, progress: Progress | None = None) -> list[Path]:
    """Write a virtual study.

    Parameters
    ----------
    folder : Path
        New or empty; gets ``case.toml``, the DICOM series and, in ``truth/``, what the analysis
        never opens.
    options : SimulationOptions
        What to simulate.
    progress : Progress, optional
        The screen.

    Returns
    -------
    list of Path
        What was written.

    Raises
    ------
    InputError
        If the folder holds something else already.
    """
    screen = progress or Silent()
    if folder.exists() and any(folder.iterdir()):
        if not (folder / "case.toml").exists():
            raise InputError("the folder is not empty and holds no simulated study", source=str(folder))
        shutil.rmtree(folder)
    screen.begin("anatomy")
    anatomy, sex = anatomy_of(options)
    camera = Camera()
    screen.end("anatomy", reused=False)
    screen.begin("camera")
    administration = administration_of(options)
    kinetics = kinetics_of(anatomy, administration, options)
    study = virtual_study(
        projected=project(anatomy, camera),
        camera=camera,
        administration=administration,
        biokinetics=kinetics,
        schedule=Schedule() if options.schedule == "hybrid" else Schedule.spect_at_every_time(),
        seed=options.seed,
    )
    screen.end("camera", reused=False)
    screen.begin("files")
    written = _write(folder, study, options, sex, anatomy)
    screen.end("files", reused=False)
    return written


def anatomy_of(options: SimulationOptions) -> tuple[Anatomy, Sex]:
    """Give the anatomy to simulate and its sex.

    Raises
    ------
    InputError
        If a folder holds no labelled CT.
    """
    from hemadose.physics.phantoms import stylised_adult

    frame = f"2.25.{options.seed + 1000}"
    if isinstance(options.anatomy, str) and options.anatomy in ("male", "female"):
        sex = Sex(options.anatomy)
        return stylised_adult(sex=sex, voxel_mm=options.voxel_mm, frame_of_reference_uid=frame), sex
    return _labelled(Path(options.anatomy), frame)


def _labelled(source: Path, frame: str) -> tuple[Anatomy, Sex]:
    """Read a labelled CT: NIfTI with a table of names, or the Interfile pair of the published patient."""
    if (source / "ct.nii.gz").exists():
        ct = read_image(source / "ct.nii.gz", quantity=Quantity.HOUNSFIELD, frame_of_reference_uid=frame)
        labels = read_image(source / "labels.nii.gz", quantity=Quantity.LABEL, frame_of_reference_uid=frame)
        names = label_names(source / "labels.nii.gz")
        sex = Sex(names.pop(0, "female"))
        return labelled_anatomy(ct=ct, labels=labels, organs=names, name=source.name), sex
    headers = sorted(source.glob("*_attn.h33")), sorted(source.glob("*_src.h33"))
    if not all(headers):
        raise InputError(
            "no labelled CT found",
            source=str(source),
            expected="male, female, or a folder with ct.nii.gz, labels.nii.gz, labels.json, or *_attn.h33, *_src.h33",
        )
    raw = read_interfile(headers[0][0], frame_of_reference_uid=frame, flip_rows=True, flip_slices=True)
    labels = read_interfile(headers[1][0], frame_of_reference_uid=frame, flip_rows=True, flip_slices=True)
    hounsfield = Image(values=raw.values - 1000, grid=raw.grid, quantity=Quantity.HOUNSFIELD)
    return labelled_anatomy(ct=hounsfield, labels=labels, organs=PATIENT_LABELS, name=source.name), Sex.FEMALE


def kinetics_of(anatomy: Anatomy, administration: Administration, options: SimulationOptions) -> Biokinetics:
    """Published kinetics; lesions take 0.2 % each and keep it as long as marrow does (a project choice)."""
    kinetics = pentixather_biokinetics(administration.nuclide)
    marrow = next(c for c in kinetics.compartments if c.name == "red_marrow")
    lesions = [
        replace(marrow, name=t.name, uptake_fraction=0.002) for t in anatomy.tissues if t.name.startswith("lesion_")
    ]
    return kinetics.with_compartments(*lesions).scaled(**(options.uptake or {}))


def administration_of(options: SimulationOptions) -> Administration:
    """Give the injection that the options describe."""
    if not 1e6 <= options.activity_bq <= 50 * GBQ:
        raise QuantityError(
            "implausible activity to simulate", value=f"{options.activity_bq / MBQ:g} MBq", expected="1-50000 MBq"
        )
    return Administration(
        agent="lu177-pentixather",
        nuclide=nuclide("Lu-177"),
        measured_activity_bq=options.activity_bq,
        measured_at=INJECTED_AT - timedelta(minutes=40),
        residual_activity_bq=0.015 * options.activity_bq,
        residual_measured_at=INJECTED_AT + timedelta(minutes=25),
        administered_at=INJECTED_AT,
    )


def _write(folder: Path, study: VirtualStudy, options: SimulationOptions, sex: Sex, anatomy: Anatomy) -> list[Path]:
    height, weight = SIZES[sex]
    label = options.anatomy if isinstance(options.anatomy, str) else "patient"
    identity = DicomIdentity(
        pseudonym=f"VP-{label.upper()[:6]}-{options.seed:03d}",
        sex=sex,
        height_cm=height,
        weight_kg=weight,
        study_at=INJECTED_AT,
        seed=f"{label}-{options.seed}-{options.study}-{options.activity_bq:g}",
    )
    ct_at = study.spect_scans[0].started_at - timedelta(minutes=3)
    write_ct_series(study.ct, folder / "ct", identity=identity, acquired_at=ct_at)
    planar = [f"planar/t{_hours(study, s.started_at):05.1f}h.dcm" for s in study.planar_scans]
    for number, (scan, name) in enumerate(zip(study.planar_scans, planar, strict=True), start=1):
        write_planar(
            scan, folder / name, identity=identity, administration=study.administration, series_number=10 + number
        )
    spect = [f"spect/t{_hours(study, s.started_at):05.1f}h.dcm" for s in study.spect_scans]
    for number, (tomogram, name) in enumerate(zip(study.spect_scans, spect, strict=True), start=1):
        write_spect(
            tomogram,
            folder / name,
            identity=identity,
            administration=study.administration,
            window=PHOTOPEAK,
            series_number=30 + number,
        )
    write_segmentation(
        study.regions,
        folder / "regions/seg.dcm",
        identity=identity,
        source_files=[folder / "ct/ct0001.dcm"],
        drawn_at=ct_at,
    )
    write_rtstruct(
        study.regions,
        folder / "regions/rtstruct.dcm",
        identity=identity,
        reference_series_uid=identity.uid("ct"),
        drawn_at=ct_at,
    )
    write_planar_regions(
        study.planar_regions, folder / "regions/planar.nii.gz", pixel_mm=study.planar_scans[0].pixel_spacing_mm
    )
    write_text_atomic(folder / "probe.csv", csv_text(_probe_rows(study)))
    write_text_atomic(folder / "case.toml", case_text(study, options, identity, planar, spect))
    write_text_atomic(folder / "truth" / TRUTH_FILE, _truth(study, anatomy))
    names = ("case.toml", "probe.csv", "ct", "planar", "spect", "regions", "truth")
    return [folder / name for name in names]


def _hours(study: VirtualStudy, moment: datetime) -> float:
    return study.administration.time_since_s(moment) / HOUR_S


def _probe_rows(study: VirtualStudy) -> list[dict[str, object]]:
    return [
        {
            "measured_at": p.measured_at.isoformat(timespec="seconds"),
            "counts": round(p.counts),
            "duration_s": p.duration_s,
            "background_counts_per_s": round(p.background_counts_per_s, 4),
        }
        for p in study.probe_readings
    ]


def _truth(study: VirtualStudy, anatomy: Anatomy) -> str:
    truth = study.truth
    payload = {
        "note": "Truth of a virtual patient. No analysis may open this file.",
        "anatomy": anatomy.name,
        "administered_activity_MBq": truth.administered_activity_bq / MBQ,
        "tia_MBq_h": {k: v / MBQ / HOUR_S for k, v in truth.tia_bq_s.items()},
        "times_h": [t / HOUR_S for t in truth.times_s],
        "activity_MBq": {k: [a / MBQ for a in v] for k, v in truth.activity_bq.items()},
        "mass_g": {k: v * 1000.0 for k, v in truth.mass_kg.items()},
        "volume_ml": truth.volume_ml,
        "l2_l4_marrow_fraction": truth.l2_l4_marrow_fraction,
        "local_electron_dose_Gy_per_GBq": {
            organ: truth.tia_bq_s[organ]
            * study.administration.nuclide.electron_energy_kev
            * 1.602176634e-16
            / truth.mass_kg[organ]
            / truth.administered_activity_bq
            * 1e9
            for organ in ("kidneys", "liver", "spleen")
            if organ in truth.mass_kg
        },
        "spect_cps_per_MBq": truth.spect_counts_per_s_per_bq * MBQ,
        "planar_cps_per_MBq": truth.planar_counts_per_s_per_bq * MBQ,
        "limits_of_the_simulation": list(study.notes),
    }
    return json.dumps(payload, indent=1) + "\n"


def case_text(
    study: VirtualStudy, options: SimulationOptions, identity: DicomIdentity, planar: list[str], spect: list[str]
) -> str:
    """Write the case file of a virtual study."""
    a = study.administration
    plane = study.planar_plane
    method = "hybrid" if options.schedule == "hybrid" else "spect"
    day_zero: date = INJECTED_AT.date() + timedelta(days=35)

    title = "Tracer study of a virtual patient"
    if options.study == "post-therapy":
        title = "Post-therapeutic study of a virtual patient"

    def listed(names: list[str]) -> str:
        return "[\n" + "".join(f'  "{name}",\n' for name in names) + "]"

    return f'''# A virtual patient. Times are clinic time; see docs/reference/case-file.md for every key.

[case]
title = "{title}"
zone = "{ZONE}"
study = "{options.study}"

[patient]
pseudonym = "{identity.pseudonym}"
sex = "{identity.sex.value}"
height_cm = {identity.height_cm:g}
weight_kg = {identity.weight_kg:g}
age_years = 47
creatinine_mg_per_dl = 0.8

[administration]
agent = "{a.agent}"
measured_activity_MBq = {a.measured_activity_bq / MBQ:.6g}
measured_at = {a.measured_at:%Y-%m-%dT%H:%M:%S}
residual_activity_MBq = {a.residual_activity_bq / MBQ:.6g}
residual_measured_at = {a.residual_measured_at:%Y-%m-%dT%H:%M:%S}
administered_at = {a.administered_at:%Y-%m-%dT%H:%M:%S}

[images]
ct = "ct"
spect = {listed(spect)}
planar = {listed(planar)}
probe = "probe.csv"
# patient coordinates (z, x) in mm of the middle of the first planar pixel, for projecting the CT
planar_origin_mm = [{plane.rows.first_mm:.4f}, {plane.columns.first_mm:.4f}]

[regions]
volumes = "regions/seg.dcm"
planar = "regions/planar.nii.gz"

[calibration]
spect_cps_per_MBq = {study.stated_spect_counts_per_s_per_bq * MBQ:.6g}
spect_relative_sd = {study.calibration_relative_sd:g}
spect_fwhm_mm = {study.spect_fwhm_mm:g}
planar_cps_per_MBq = {study.stated_planar_counts_per_s_per_bq * MBQ:.6g}
planar_relative_sd = {study.calibration_relative_sd:g}
planar_fwhm_mm = 14.0

[quantification]
method = "{method}"
planar_method = "template_fit"
scatter = "tew"
recovery = "geometric_transfer"
volume_relative_sd = 0.005   # volumes are exact here; 0.02-0.05 is usual

[marrow]
# Share of red marrow in L2-L4. This phantom's own; 0.067 is customary in patients.
l2_l4_fraction = {study.truth.l2_l4_marrow_fraction:.4f}
l2_l4_fraction_relative_sd = 0.10
absorbed_fraction = 0.57
reference = "icrp89"

[limits]
kidneys_Gy = 23
red_marrow_after_infusion_Gy = 1
source = "Braitsch et al., Theranostics 2025;15:19"

[transplant]
day_zero_on = {day_zero.isoformat()}
ert_day = -14
donor = "MUD"
regimen = "cxcr4-tbi-matched-flu"
tbi_Gy = 8
graft_confirmed = true
bsa = "mosteller"
calcineurin_inhibitor = "ciclosporin"

[transplant.atg]
product = "grafalon"
amount_mg_per_kg = 10
basis = "per_day"
'''
