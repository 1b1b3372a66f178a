"""Read everything a case names, and refuse what does not belong together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from hemadose.errors import CaseError, DicomError
from hemadose.io.case import Case, NiftiScan, ProjectionScan
from hemadose.io.dicom import (
    StudyFacts,
    merge_planar,
    read_ct_series,
    read_planar,
    read_regions,
    read_spect,
    study_facts,
)
from hemadose.io.nifti import read_image, read_label_regions, read_planar_regions
from hemadose.io.tables import ProbeRow, read_probe
from hemadose.model import (
    Administration,
    Grid,
    Image,
    Patient,
    PlanarRegion,
    PlanarScan,
    Quantity,
    Region,
    Sex,
    TomographicScan,
    require_disjoint,
)
from hemadose.model.moment import elapsed_s
from hemadose.refdata.agents import Agent, agent
from hemadose.refdata.nuclides import canonical_name, nuclide
from hemadose.units import MBQ

if TYPE_CHECKING:
    from hemadose.workflow.reconstruct_plan import ReconstructionRequest

_NEST = ("whole_body", "lumbar_l2_l4")


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """The images, regions and measurements of one case.

    Attributes
    ----------
    ct : Image or None
        In HU.
    spect : tuple of TomographicScan
        In order of time.
    planar : tuple of PlanarScan
        In order of time.
    regions : tuple of Region
        On the SPECT grid (on the CT grid without SPECT).
    planar_regions : tuple of PlanarRegion
        On the planar pixels.
    probe : tuple of ProbeRow
        In order of time.
    notes : tuple of str
        Doubts met while reading.
    """

    ct: Image | None
    spect: tuple[TomographicScan, ...]
    planar: tuple[PlanarScan, ...]
    regions: tuple[Region, ...]
    planar_regions: tuple[PlanarRegion, ...]
    probe: tuple[ProbeRow, ...]
    notes: tuple[str, ...]


def case_agent(case: Case) -> Agent:
    """Give the agent the case names."""
    return agent(case.administration.agent)


def case_patient(case: Case) -> Patient:
    """Give the patient of a case as a value."""
    p = case.patient
    return Patient(
        pseudonym=p.pseudonym,
        sex=Sex(p.sex),
        height_cm=p.height_cm,
        weight_kg=p.weight_kg,
        age_years=p.age_years,
        creatinine_mg_per_dl=p.creatinine_mg_per_dl,
    )


def case_administration(case: Case) -> Administration:
    """Give the imaged injection of a case as a value."""
    a = case.administration
    return Administration(
        agent=a.agent,
        nuclide=nuclide(case_agent(case).nuclide),
        measured_activity_bq=a.measured_activity_MBq * MBQ,
        measured_at=case.aware(a.measured_at),
        residual_activity_bq=a.residual_activity_MBq * MBQ,
        residual_measured_at=case.aware(a.residual_measured_at),
        administered_at=case.aware(a.administered_at),
    )


def case_files(case: Case, folder: Path) -> list[Path]:
    """Give every file and folder a case reads, for digests.

    Raises
    ------
    CaseError
        If one does not exist.
    """
    names = [case.images.ct, case.images.probe, case.regions.volumes, case.regions.planar]
    names += [case.calibration.recovery_file]
    names += [name for entry in case.images.spect for name in _spect_files(entry)]
    names += [name for entry in case.images.planar for name in _listed(entry)]
    names += [case.marrow.blood.samples] if case.marrow.blood else []
    paths = [folder / name for name in names if name]
    for path in paths:
        if not path.exists():
            raise CaseError(
                "a file that the case names does not exist",
                source="case file",
                value=str(path.relative_to(folder)),
                remedy="paths are relative to the case file",
            )
    return paths


def read_study(case: Case, folder: Path) -> Study:
    """Read and cross-check a study.

    Parameters
    ----------
    case : Case
        Checked case.
    folder : Path
        Where the case file lies.

    Returns
    -------
    Study

    Raises
    ------
    HemadoseError
        For every file that cannot be used, and if series belong to different patients, nuclides
        or frames of reference.
    """
    paths = case_files(case, folder)
    administration = case_administration(case)
    notes = list(_check_facts(case, [p for p in paths if p.suffix == ".dcm"], administration, folder))
    spect = tuple(sorted((_spect(e, case, folder, notes) for e in case.images.spect), key=lambda s: s.started_at))
    planar = tuple(sorted((_planar(entry, case, folder) for entry in case.images.planar), key=lambda s: s.started_at))
    for started_at in [s.started_at for s in spect] + [s.started_at for s in planar]:
        administration.time_since_s(started_at, what="an acquisition")
    _require_distinct([s.started_at for s in spect], "SPECT")
    if case.images.register_spect == "rigid":
        spect = _aligned(spect, notes)
    _require_distinct([s.started_at for s in planar], "planar")
    ct = _ct(case, folder, spect)
    regions = _regions(case, folder, spect[0].image.grid if spect else ct.grid if ct else None)
    planar_regions: tuple[PlanarRegion, ...] = ()
    if case.regions.planar and planar:
        found = read_planar_regions(folder / case.regions.planar, shape=planar[0].shape)
        planar_regions = tuple(PlanarRegion(name=case.regions.rename.get(r.name, r.name), mask=r.mask) for r in found)
    return Study(
        ct=ct,
        spect=spect,
        planar=planar,
        regions=regions,
        planar_regions=planar_regions,
        probe=read_probe(folder / case.images.probe, zone=case.zone) if case.images.probe else (),
        notes=tuple(notes),
    )


def _listed(entry: str | tuple[str, ...]) -> tuple[str, ...]:
    return (entry,) if isinstance(entry, str) else entry


def _planar(entry: str | tuple[str, ...], case: Case, folder: Path) -> PlanarScan:
    return merge_planar([read_planar(folder / name, zone=case.zone) for name in _listed(entry)])


def _spect_files(entry: str | NiftiScan | ProjectionScan) -> tuple[str, ...]:
    if isinstance(entry, ProjectionScan):
        return (*entry.files, *((entry.ct,) if entry.ct else ()))
    return (entry if isinstance(entry, str) else entry.file,)


def reconstruction_request(entry: ProjectionScan, case: Case, folder: Path) -> ReconstructionRequest:
    """Give the reconstruction that a case asks for, with the CT acquired with it."""
    from hemadose.workflow.reconstruct_plan import ReconstructionRequest

    ct = entry.ct or case.images.ct
    return ReconstructionRequest(
        files=tuple(folder / name for name in entry.files),
        ct=None if ct is None else folder / ct,
        iterations=entry.iterations,
        subsets=entry.subsets,
        scatter=entry.scatter,
        scatter_filter_mm=entry.scatter_filter_mm,
        collimator=entry.collimator,
        post_filter_mm=entry.post_filter_mm,
        photopeak_kev=entry.photopeak_keV,
        kvp=entry.kvp,
        zone=case.zone,
    )


def _reconstructed(entry: ProjectionScan, case: Case, folder: Path, notes: list[str]) -> TomographicScan:
    from hemadose.workflow.reconstruct import reconstruct_study

    done = reconstruct_study(reconstruction_request(entry, case, folder))
    notes += [
        f"SPECT from projections: {note}" for note in done.notes if f"SPECT from projections: {note}" not in notes
    ]
    return done.scan


def _spect(entry: str | NiftiScan | ProjectionScan, case: Case, folder: Path, notes: list[str]) -> TomographicScan:
    if isinstance(entry, str):
        return read_spect(folder / entry, zone=case.zone)
    if isinstance(entry, ProjectionScan):
        return _reconstructed(entry, case, folder, notes)
    image = read_image(
        folder / entry.file, quantity=Quantity(entry.quantity), frame_of_reference_uid=_nifti_frame(case)
    )
    started = case.aware(entry.started_at)
    reference = case.aware(entry.decay_reference_at) if entry.decay_reference_at else started
    return TomographicScan(
        image=image,
        started_at=started,
        duration_s=entry.duration_s,
        decay_reference_at=reference,
        corrections=frozenset({"DECY"}) if entry.decay_reference_at else frozenset(),
    )


def _aligned(spect: tuple[TomographicScan, ...], notes: list[str]) -> tuple[TomographicScan, ...]:
    """Bring later scans onto the grid of the first one; counts are conserved."""
    from hemadose.imaging.registration.align import register_rigid
    from hemadose.imaging.registration.warping import carry_image

    first = spect[:1]
    moved = []
    for number, scan in enumerate(spect[1:], start=2):
        transform = register_rigid(spect[0].image, scan.image)
        shift = transform.matrix[:3, 3] + (transform.matrix[:3, :3] - np.eye(3)) @ _middle_mm(spect[0].image.grid)
        quality = transform.quality
        notes.append(
            f"SPECT {number} was moved rigidly by {float(np.linalg.norm(shift)):.1f} mm onto the first one"
            + (
                f" (correlation {quality.correlation_before:.3f} before, {quality.correlation_after:.3f} after)"
                if quality
                else ""
            )
        )
        notes += [f"SPECT {number}: {note}" for note in (quality.notes if quality else ())]
        moved.append(replace(scan, image=carry_image(scan.image, transform, spect[0].image.grid)))
    return (*first, *moved)


def _middle_mm(grid: Grid) -> npt.NDArray[np.float64]:
    return grid.index_to_mm((np.array(grid.shape) - 1) / 2.0)


def _nifti_frame(case: Case) -> str:
    """NIfTI files of one case share one frame of reference, by the user's word."""
    return f"nifti:{case.patient.pseudonym}"


def _require_distinct(moments: list[datetime], kind: str) -> None:
    if len(set(moments)) != len(moments):
        raise DicomError(
            f"two {kind} series start at the same moment",
            field="AcquisitionTime",
            remedy="name each time point once",
        )


def _ct(case: Case, folder: Path, spect: tuple[TomographicScan, ...]) -> Image | None:
    if case.images.ct is None:
        return None
    path = folder / case.images.ct
    if path.name.endswith((".nii", ".nii.gz")):
        return read_image(path, quantity=Quantity.HOUNSFIELD, frame_of_reference_uid=_nifti_frame(case))
    ct = read_ct_series(path)
    frames = {s.image.grid.frame_of_reference_uid for s in spect}
    if frames and ct.grid.frame_of_reference_uid not in frames:
        raise DicomError(
            "CT and SPECT belong to different frames of reference",
            source=str(case.images.ct),
            field="FrameOfReferenceUID",
            remedy="use the CT acquired with the SPECT, or register first",
        )
    return ct


def _regions(case: Case, folder: Path, reference: Grid | None) -> tuple[Region, ...]:
    if case.regions.volumes is None:
        return ()
    if reference is None:
        raise CaseError("volumes need a SPECT or a CT to lie on", field="images")
    path = folder / case.regions.volumes
    if path.name.endswith((".nii", ".nii.gz")):
        found = read_label_regions(path, reference=reference)
    else:
        found = read_regions(path, reference=reference)
    renamed = tuple(Region(name=case.regions.rename.get(r.name, r.name), mask=r.mask, grid=r.grid) for r in found)
    spheres = [r.name for r in renamed if r.name.startswith("marrow_sphere")]
    allowed = [(outer, r.name) for outer in _NEST for r in renamed if outer == "whole_body" or r.name in spheres]
    require_disjoint(renamed, allowed=allowed)
    return renamed


def _check_facts(case: Case, paths: list[Path], administration: Administration, folder: Path) -> tuple[str, ...]:
    """Same patient, right nuclide, plausible injection in every DICOM file."""
    facts = [(p, study_facts(p, zone=case.zone)) for p in paths]
    notes: list[str] = []
    first: StudyFacts | None = None
    for path, fact in facts:
        shown = str(path.relative_to(folder))
        if first is None:
            first = fact
        elif fact.patient_digest != first.patient_digest:
            raise DicomError(
                "this series belongs to another patient than the first one",
                source=shown,
                field="PatientID",
                remedy="check which study was exported",
            )
        _check_injection(fact, shown, administration, notes)
        notes.extend(f"{shown}: {note}" for note in fact.notes)
    return tuple(dict.fromkeys(notes))


def _check_injection(fact: StudyFacts, shown: str, administration: Administration, notes: list[str]) -> None:
    name = administration.nuclide.name
    if fact.radionuclide and canonical_name(fact.radionuclide) != name:
        raise DicomError(
            "the file states another radionuclide than the agent of the case",
            source=shown,
            field="RadionuclideCodeSequence",
            value=fact.radionuclide,
            expected=name,
        )
    if fact.injected_activity_bq:
        ratio = fact.injected_activity_bq / administration.administered_activity_bq
        if not 0.5 <= ratio <= 2.0:
            raise DicomError(
                "injected activity in the file and in the case differ more than two-fold",
                source=shown,
                field="RadionuclideTotalDose",
                value=f"{fact.injected_activity_bq / MBQ:.4g} MBq",
                expected=f"about {administration.administered_activity_bq / MBQ:.4g} MBq",
                remedy="check the unit (MBq, not Bq) and which injection this study belongs to",
            )
        if abs(ratio - 1.0) > 0.05:
            notes.append(
                f"{shown}: the file states {fact.injected_activity_bq / MBQ:.0f} MBq injected, the case "
                f"{administration.administered_activity_bq / MBQ:.0f} MBq; the case is used"
            )
    if fact.injected_at is not None:
        apart_min = abs(elapsed_s(administration.administered_at, fact.injected_at)) / 60.0
        if apart_min > 24 * 60:
            raise DicomError(
                "injection in the file and in the case are more than a day apart",
                source=shown,
                field="RadiopharmaceuticalStartDateTime",
                value=fact.injected_at.isoformat(),
                expected=administration.administered_at.isoformat(),
                remedy="this series belongs to another administration, or a date is wrong",
            )
        if apart_min > 5.0:
            notes.append(
                f"{shown}: the injection time in the file differs by {apart_min:.0f} min from the case; "
                "the case is used"
            )
