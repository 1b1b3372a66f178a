"""From counts to activity: the imaging stage of a plan."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hemadose.errors import CaseError
from hemadose.imaging import (
    BRAITSCH_BACKGROUND,
    PlanarProtocol,
    ProbePoint,
    RecoveryCurve,
    SpectCalibration,
    bone_regions,
    planar_geometry,
    project_templates,
    quantify_by_templates,
    quantify_planar,
    quantify_spect,
    scale_to_spect,
    sphere_concentration,
)
from hemadose.imaging.planar import whole_body_series
from hemadose.io.case import Case
from hemadose.model import ActivitySeries, Administration, Region
from hemadose.units import GRAM_KG, MBQ
from hemadose.workflow.study import Study

WATER_PER_MM = {"Lu-177": 0.01357, "In-111": 0.0137, "Tc-99m": 0.01538, "I-131": 0.01107, "Re-188": 0.01483}
"""Attenuation of water at the imaged line (NIST XCOM mass coefficients times 1 g/ml)."""

ORGANS = ("kidney_left", "kidney_right", "liver", "spleen", "lumbar_l2_l4")


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantified:
    """Activity series by region, with what was done.

    Attributes
    ----------
    series : tuple of ActivitySeries
        Organs, lesions, ``lumbar_l2_l4`` and, where measured, ``whole_body``.
    methods : tuple of str
        Sentences for the report.
    notes : tuple of str
        Doubts.
    """

    series: tuple[ActivitySeries, ...]
    methods: tuple[str, ...]
    notes: tuple[str, ...]


def quantify(case: Case, study: Study, administration: Administration) -> Quantified:
    """Measure all regions by the method the case names.

    Raises
    ------
    CaseError
        If the method needs something the case does not give.
    """
    method = case.quantification.method
    spect = _spect(case, study, administration) if method in ("spect", "hybrid") else {}
    planar = _planar(case, study, administration) if method in ("planar", "hybrid") else {}
    notes = list(study.notes)
    if method == "hybrid":
        series = {n: scale_to_spect(planar[n], spect[n]) for n in planar if n in spect}
        missing = [n for n in spect if n not in planar and not n.startswith("marrow_sphere")]
        if missing:
            notes.append(f"{', '.join(missing)}: not drawn on planar images, left out")
    else:
        series = spect if method == "spect" else planar
    series = {n: _with_mass(s, case, study) for n, s in series.items() if not n.startswith("marrow_sphere")}
    body = _whole_body(study, administration)
    if body is not None:
        series["whole_body"] = body
    return Quantified(series=tuple(series.values()), methods=_methods(case), notes=tuple(notes))


def _spect(case: Case, study: Study, administration: Administration) -> dict[str, ActivitySeries]:
    c, q = case.calibration, case.quantification
    if not study.regions:
        raise CaseError("SPECT quantification needs volumes", field="regions.volumes")
    recovery: RecoveryCurve | str = q.recovery
    if q.recovery == "sphere_curve":
        if c.recovery_alpha_ml is None or c.recovery_beta is None:
            raise CaseError(
                "the sphere curve needs its parameters", field="calibration.recovery_alpha_ml, recovery_beta"
            )
        recovery = RecoveryCurve(alpha_ml=c.recovery_alpha_ml, beta=c.recovery_beta, relative_sd=c.recovery_relative_sd)
    calibration = SpectCalibration(
        counts_per_s_per_bq=None if c.spect_cps_per_MBq is None else c.spect_cps_per_MBq / MBQ,
        relative_sd=c.spect_relative_sd,
        fwhm_mm=c.spect_fwhm_mm,
        dead_time_s=c.spect_dead_time_us * 1e-6,
    )
    whole = [r for r in study.regions if not r.name.startswith("marrow_sphere")]
    spheres = [r for r in study.regions if r.name.startswith("marrow_sphere")]
    found = {
        s.region: s
        for s in quantify_spect(
            study.spect,
            whole,
            administration=administration,
            calibration=calibration,
            recovery=recovery,
            volume_relative_sd=q.volume_relative_sd,
            surroundings=() if study.ct is None else bone_regions(study.ct, whole[0].grid, drawn=whole),
        )
    }
    if case.marrow.l2_l4_source == "spheres":
        found["lumbar_l2_l4"] = _from_spheres(study, administration, calibration, spheres, q.volume_relative_sd)
    return found


def _from_spheres(
    study: Study,
    administration: Administration,
    calibration: SpectCalibration,
    spheres: list[Region],
    volume_relative_sd: float,
) -> ActivitySeries:
    lumbar = next((r for r in study.regions if r.name == "lumbar_l2_l4"), None)
    if not spheres or lumbar is None:
        raise CaseError(
            "marrow from spheres needs marrow_sphere regions and the volume lumbar_l2_l4", field="regions.volumes"
        )
    measured = quantify_spect(
        study.spect,
        [replace(s, name=s.name.removeprefix("marrow_")) for s in spheres],
        administration=administration,
        calibration=calibration,
        recovery="none",
        volume_relative_sd=volume_relative_sd,
    )
    return sphere_concentration(measured, spheres, lumbar_volume_ml=lumbar.volume_ml)


def _planar(case: Case, study: Study, administration: Administration) -> dict[str, ActivitySeries]:
    q, c = case.quantification, case.calibration
    background = BRAITSCH_BACKGROUND if q.background != "none" else {}
    protocol = PlanarProtocol(
        scatter=q.scatter,
        background=background,
        background_scaling="full" if q.background == "full" else "thickness",
        calibration=q.planar_calibration,
        counts_per_s_per_bq=None if c.planar_cps_per_MBq is None else c.planar_cps_per_MBq / MBQ,
        calibration_relative_sd=c.planar_relative_sd,
        attenuation_relative_sd=0.03 if q.planar_method == "template_fit" else 0.15,
        point_relative_sd=0.03 if q.planar_method == "template_fit" else 0.10,
    )
    if q.planar_method == "template_fit":
        return _template_fit(case, study, administration, protocol)
    geometry = {}
    if q.attenuation == "ct" and study.ct is not None and case.images.planar_origin_mm is not None:
        geometry = planar_geometry(
            study.ct,
            study.regions,
            study.planar_regions,
            pixel_mm=study.planar[0].pixel_spacing_mm,
            planar_origin_mm=case.images.planar_origin_mm,
            water_per_mm=_water(administration),
        )
    found = quantify_planar(
        study.planar,
        study.planar_regions,
        administration=administration,
        protocol=protocol,
        geometry=geometry,
        probe=_probe(study),
    )
    return {s.region: s for s in found if s.region != "whole_body"}


def _template_fit(
    case: Case, study: Study, administration: Administration, protocol: PlanarProtocol
) -> dict[str, ActivitySeries]:
    c = case.calibration
    if study.ct is None or not study.regions or case.images.planar_origin_mm is None:
        raise CaseError(
            "template_fit needs a CT, volumes, and the place of the planar images in the patient",
            field="images.ct, regions.volumes, images.planar_origin_mm",
            remedy="give them, or choose quantification.planar_method = conjugate_view",
        )
    if c.planar_cps_per_MBq is None or c.planar_fwhm_mm is None:
        raise CaseError(
            "template_fit needs sensitivity and resolution of the planar camera",
            field="calibration.planar_cps_per_MBq, planar_fwhm_mm",
        )
    templates = project_templates(
        study.ct,
        [r for r in study.regions if not r.name.startswith("marrow_sphere")],
        shape=study.planar[0].shape,
        pixel_mm=study.planar[0].pixel_spacing_mm,
        planar_origin_mm=case.images.planar_origin_mm,
        water_per_mm=_water(administration),
        fwhm_mm=c.planar_fwhm_mm,
    )
    found = quantify_by_templates(
        study.planar,
        templates,
        administration=administration,
        protocol=protocol,
        counts_per_s_per_bq=c.planar_cps_per_MBq / MBQ,
    )
    return {s.region: s for s in found}


def _water(administration: Administration) -> float:
    try:
        return WATER_PER_MM[administration.nuclide.name]
    except KeyError as problem:
        raise CaseError(
            f"planar imaging of {administration.nuclide.name} is not supported",
            expected=", ".join(WATER_PER_MM),
        ) from problem


def _whole_body(study: Study, administration: Administration) -> ActivitySeries | None:
    """Whole-body activity from the probe, at the times of its readings."""
    return whole_body_series(_probe(study), administration=administration) if len(study.probe) > 1 else None


def _probe(study: Study) -> list[ProbePoint]:
    return [
        ProbePoint(measured_at=p.measured_at, counts_per_s=p.counts_per_s - p.background_counts_per_s)
        for p in study.probe
    ]


def _with_mass(series: ActivitySeries, case: Case, study: Study) -> ActivitySeries:
    region = next((r for r in study.regions if r.name == series.region), None)
    given = case.dose.organ_masses_g.get(series.region)
    if given is not None:
        return replace(series, mass_kg=given * GRAM_KG)
    if region is None:
        return series
    mass = region.volume_ml * case.dose.organ_density_g_per_ml * GRAM_KG
    return replace(series, volume_ml=region.volume_ml, mass_kg=mass)


def _methods(case: Case) -> tuple[str, ...]:
    q = case.quantification
    said = []
    if q.method in ("spect", "hybrid"):
        words = {
            "geometric_transfer": "corrected for resolution with the geometric transfer matrix of the drawn volumes "
            "(Rousset 1998)",
            "sphere_curve": "corrected with a recovery curve of phantom spheres",
            "none": "not corrected for resolution",
        }
        said.append(f"SPECT activity = counts / (time x calibration factor), {words[q.recovery]}.")
    if q.method in ("planar", "hybrid"):
        said.append(
            "Planar images were fitted as the sum of CT-defined organs projected through the CT's attenuation "
            "(He & Frey 2006), after window-based scatter correction."
            if q.planar_method == "template_fit"
            else "Planar activity by conjugate views (MIRD 16) with window-based scatter correction and the background "
            "rules of Braitsch 2025."
        )
    if q.method == "hybrid":
        said.append("The planar series gives the shape of each curve, SPECT/CT its scale.")
    return tuple(said)
