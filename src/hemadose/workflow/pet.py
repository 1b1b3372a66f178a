"""Uptake of a PET: from a folder of slices to SUVs, lesions, skeletal sites, two tracers compared, figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from hemadose.errors import DicomError, InputError, ReferenceDataError
from hemadose.imaging.pet.lesion_comparison import LesionComparison, compare_lesions
from hemadose.imaging.pet.lesions import TumourBurden
from hemadose.imaging.pet.reference_uptake import reference_uptake
from hemadose.imaging.pet.skeletal_sites import SITE_RADIUS_MM, SiteUptake, skeletal_uptake
from hemadose.imaging.pet.suv import standardised_uptake
from hemadose.imaging.pet.uptake import Uptake, measure_uptake
from hemadose.io.dicom.pet import read_pet
from hemadose.io.dicom.pet_injection import StatedFacts
from hemadose.io.files import digest_file
from hemadose.model import Region
from hemadose.model.pet import PetScan, SuvImage, SuvMeasure
from hemadose.refdata.nuclides import nuclide
from hemadose.refdata.pet import tracer_key
from hemadose.workflow.pet_burden import asked_burden, percist_note
from hemadose.workflow.pet_inputs import read_landmarks, read_pet_regions, read_transform

_HALF_LIFE_TOLERANCE = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class SuvRequest:
    """What is asked of a PET.

    Attributes
    ----------
    pet : Path
        Folder of one series.
    regions : Path or None
        SEG, RTSTRUCT or NIfTI labels with their table of names: organs, bones, ``lesion_1`` ...
    landmarks : Path or None
        JSON of skeletal sites and their LPS mm.
    measure : SuvMeasure
        Normalisation.
    threshold, detection : str or None
        As `parse_threshold` reads them; None: only lesions drawn by hand are measured.
    exclude : tuple of str or None
        Physiological uptake; None: that of the tracer; ``("none",)``: nothing.
    minimum_ml, margin_mm, site_radius_mm : float
        See `BurdenOptions` and `skeletal_uptake`.
    compare, compare_regions, transform : Path or None
        A second tracer, its regions, and the rigid transform of LPS mm from its space to the first's.
    tolerance_mm : float
        Distance up to which lesions of two scans count as overlapping.
    stated : StatedFacts
        Facts of the first scan that replace its header.
    zone : ZoneInfo or None
        For files without a zone.
    """

    pet: Path
    regions: Path | None = None
    landmarks: Path | None = None
    measure: SuvMeasure = SuvMeasure.BODY_WEIGHT
    threshold: str | None = None
    detection: str | None = None
    exclude: tuple[str, ...] | None = None
    minimum_ml: float = 0.5
    margin_mm: float = 5.0
    site_radius_mm: float = SITE_RADIUS_MM
    compare: Path | None = None
    compare_regions: Path | None = None
    transform: Path | None = None
    tolerance_mm: float = 5.0
    stated: StatedFacts = field(default_factory=StatedFacts)
    zone: ZoneInfo | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredPet:
    """One scan, measured.

    Attributes
    ----------
    scan : PetScan
        As read.
    suv : SuvImage
        Uptake values.
    tracer : str
        ``pentixafor``, ``fdg``, or the file's name.
    regions : tuple of Region
        All regions on the PET grid.
    uptake : Mapping of str to Uptake
        Of every region that is no lesion.
    references : Mapping of str to Uptake
        ``liver`` (3 cm sphere) and ``blood_pool``.
    burden : TumourBurden or None
        None if nothing was asked for.
    notes : tuple of str
        Doubts.
    """

    scan: PetScan
    suv: SuvImage
    tracer: str
    regions: tuple[Region, ...]
    uptake: Mapping[str, Uptake]
    references: Mapping[str, Uptake]
    burden: TumourBurden | None
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SuvStudy:
    """Everything asked for: the scan, its skeletal sites, the second tracer."""

    first: MeasuredPet
    sites: tuple[SiteUptake, ...]
    second: MeasuredPet | None
    comparison: LesionComparison | None
    notes: tuple[str, ...]


def measure_pet(request: SuvRequest) -> SuvStudy:
    """Read and measure a PET, and a second one if asked.

    Parameters
    ----------
    request : SuvRequest
        What is asked.

    Returns
    -------
    SuvStudy

    Raises
    ------
    HemadoseError
        For anything that a number depends on and the files do not give.
    """
    first = _measure(request, request.pet, request.regions, request.stated)
    landmarks = read_landmarks(request.landmarks) if request.landmarks is not None else {}
    sites, site_notes = skeletal_uptake(
        first.suv, labels=first.regions, landmarks=landmarks, radius_mm=request.site_radius_mm
    )
    notes = [*first.notes, *(site_notes if sites else ())]
    if request.compare is None:
        return SuvStudy(first=first, sites=sites, second=None, comparison=None, notes=tuple(notes))
    if first.burden is None:
        raise InputError(
            "two tracers are compared by their lesions, and none were asked for",
            field="--threshold",
            remedy="give --threshold, or regions named lesion_1 ...",
        )
    second = _measure(request, request.compare, request.compare_regions, StatedFacts())
    _require_one_patient(first.scan, second.scan, request)
    assert second.burden is not None
    comparison = compare_lesions(
        first.burden,
        second.burden,
        first_suv=first.suv,
        second_suv=second.suv,
        second_to_first=None if request.transform is None else read_transform(request.transform),
        tolerance_mm=request.tolerance_mm,
    )
    notes += [f"second scan: {note}" for note in second.notes] + list(comparison.notes)
    return SuvStudy(first=first, sites=sites, second=second, comparison=comparison, notes=tuple(dict.fromkeys(notes)))


def _require_one_patient(first: PetScan, second: PetScan, request: SuvRequest) -> None:
    if first.patient_digest != second.patient_digest:
        raise DicomError(
            "the two PET scans belong to different patients",
            source=f"{request.pet.name}, {request.compare.name if request.compare else ''}",
            field="PatientID, PatientBirthDate",
            remedy="compare scans of one patient",
        )


def _measure(request: SuvRequest, folder: Path, regions_at: Path | None, stated: StatedFacts) -> MeasuredPet:
    scan = read_pet(folder, zone=request.zone, stated=stated)
    _require_half_life(scan, folder)
    suv = standardised_uptake(scan, measure=request.measure)
    tracer = tracer_key(scan.tracer) or scan.tracer
    regions = () if regions_at is None else read_pet_regions(regions_at, reference=scan.grid)
    organs = [r for r in regions if not r.name.startswith("lesion")]
    references, notes = reference_uptake(suv, organs)
    uptake = {r.name: measure_uptake(suv, r, peak=False) for r in organs}
    burden = asked_burden(request, suv, tracer, regions, references)
    everything = (*suv.notes, *notes, *(burden.notes if burden else ()), *percist_note(request, tracer))
    return MeasuredPet(
        scan=scan,
        suv=suv,
        tracer=tracer,
        regions=tuple(regions),
        uptake=uptake,
        references=references,
        burden=burden,
        notes=everything,
    )


def _require_half_life(scan: PetScan, folder: Path) -> None:
    """Refuse a half-life that is not the named radionuclide's."""
    if not scan.nuclide or scan.half_life_s is None:
        return
    try:
        expected = nuclide(scan.nuclide)
    except ReferenceDataError:
        return
    if abs(scan.half_life_s / expected.half_life_s - 1.0) > _HALF_LIFE_TOLERANCE:
        raise DicomError(
            f"the half-life in the file is not that of {expected.name}",
            source=str(folder),
            field="RadionuclideHalfLife",
            value=f"{scan.half_life_s:g} s",
            expected=f"{expected.half_life_s:g} s",
            remedy="correct the radionuclide chosen on the scanner and reconstruct again: decay correction used it",
        )


def suv_answer(request: SuvRequest, *, out: Path | None = None, top_suv: float = 10.0) -> dict[str, Any]:
    """Measure a PET and give, and if asked write, the results.

    Parameters
    ----------
    request : SuvRequest
        What is asked.
    out : Path, optional
        Result folder: ``suv.json``, tables, lesion labels, figures.
    top_suv : float
        Uptake that is black in the projections.

    Returns
    -------
    dict
        What ``--json`` prints.

    Raises
    ------
    HemadoseError
        See `measure_pet`.
    """
    from hemadose.workflow.pet_results import study_answer, write_study

    study = measure_pet(request)
    digests = {"pet": digest_file(request.pet)}
    for name, path in (("regions", request.regions), ("landmarks", request.landmarks), ("compare", request.compare)):
        if path is not None:
            digests[name] = digest_file(path)
    answer = study_answer(study, request, digests)
    answer["written"] = [] if out is None else write_study(study, answer, out, top_suv=top_suv)
    return answer
