"""Activity from planar images, by the choices of a case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from hemadose.errors import CaseError
from hemadose.imaging import (
    BRAITSCH_BACKGROUND,
    PlanarGeometry,
    PlanarProtocol,
    ProbePoint,
    planar_geometry,
    project_templates,
    quantify_by_templates,
    quantify_planar,
)
from hemadose.imaging.camera.deadtime import DeadTime
from hemadose.imaging.count_losses import CountLosses, LiveScan, live_scan, with_loss_uncertainty
from hemadose.imaging.planar_overlap import covered_shares, with_covered_note, with_partner_shape
from hemadose.imaging.transmission_geometry import transmission_geometry
from hemadose.io.case import Case
from hemadose.model import ActivitySeries, Administration
from hemadose.units import MBQ
from hemadose.workflow.study import Study

WATER_PER_MM = {"Lu-177": 0.01357, "In-111": 0.0137, "Tc-99m": 0.01538, "I-131": 0.01107, "Re-188": 0.01483}
"""Attenuation of water at the imaged line (NIST XCOM mass coefficients times 1 g/ml)."""

_US = 1e-6


def planar_activity(case: Case, study: Study, administration: Administration) -> dict[str, ActivitySeries]:
    """Measure all regions on all planar images.

    Raises
    ------
    CaseError
        If the method needs something the case does not give.
    """
    losses = planar_losses(case)
    live = [live_scan(s, losses) for s in sorted(study.planar, key=lambda s: s.started_at)]
    study = replace(study, planar=tuple(one.scan for one in live))
    protocol = _protocol(case)
    if case.quantification.planar_method == "template_fit":
        found = _template_fit(case, study, administration, protocol)
        return _with_losses(found, live, losses, cancel=False)
    found = _conjugate_views(case, study, administration, protocol)
    return _with_losses(found, live, losses, cancel=protocol.calibration == "probe")


def planar_losses(case: Case) -> CountLosses:
    """Give the dead time of the planar camera."""
    c = case.calibration
    return CountLosses(
        model=DeadTime(
            paralysable_s=c.planar_dead_time_us * _US, nonparalysable_s=c.planar_nonparalysable_dead_time_us * _US
        ),
        paralysable_sd_s=c.planar_dead_time_sd_us * _US,
        nonparalysable_sd_s=c.planar_nonparalysable_dead_time_sd_us * _US,
    )


def _with_losses(
    found: Mapping[str, ActivitySeries], live: list[LiveScan], losses: CountLosses, *, cancel: bool
) -> dict[str, ActivitySeries]:
    if not losses.any:
        return dict(found)
    if cancel:
        said = "dead time cancels between organ and whole body, which are taken as equally affected"
        return {n: replace(s, notes=(*s.notes, f"{n}: {said}")) for n, s in found.items()}
    return {n: with_loss_uncertainty(s, live) for n, s in found.items()}


def _protocol(case: Case) -> PlanarProtocol:
    q, c = case.quantification, case.calibration
    return PlanarProtocol(
        scatter=q.scatter,
        background=BRAITSCH_BACKGROUND if q.background != "none" else {},
        background_scaling="full" if q.background == "full" else "thickness",
        calibration=q.planar_calibration,
        counts_per_s_per_bq=None if c.planar_cps_per_MBq is None else c.planar_cps_per_MBq / MBQ,
        calibration_relative_sd=c.planar_relative_sd,
        attenuation_relative_sd=0.03 if q.planar_method == "template_fit" else 0.15,
        point_relative_sd=0.03 if q.planar_method == "template_fit" else 0.10,
    )


def _conjugate_views(
    case: Case, study: Study, administration: Administration, protocol: PlanarProtocol
) -> dict[str, ActivitySeries]:
    q = case.quantification
    geometry = {}
    if q.attenuation == "ct":
        geometry = _ct_geometry(case, study, administration)
    elif q.attenuation == "transmission":
        geometry = _transmission_geometry(case, study, administration)
    series = quantify_planar(
        study.planar,
        study.planar_regions,
        administration=administration,
        protocol=protocol,
        geometry=geometry,
        probe=net_probe(study),
    )
    measured = q.attenuation == "transmission"
    found = {s.region: _named_transmission(s) if measured and s.region in geometry else s for s in series}
    found.pop("whole_body", None)
    partner = q.overlap == "partner"
    seen = _ct_geometry(case, study, administration) if partner and q.attenuation != "ct" else geometry
    shares = covered_shares(study.planar_regions, seen)
    found = {n: with_covered_note(s, shares.get(n, 0.0)) for n, s in found.items()}
    if not partner:
        return found
    assert q.partner_shape_relative_sd is not None
    return with_partner_shape(found, shares, shape_relative_sd=q.partner_shape_relative_sd)


def _ct_geometry(case: Case, study: Study, administration: Administration) -> dict[str, PlanarGeometry]:
    if study.ct is None or case.images.planar_origin_mm is None:
        return {}
    return planar_geometry(
        study.ct,
        study.regions,
        study.planar_regions,
        pixel_mm=study.planar[0].pixel_spacing_mm,
        planar_origin_mm=case.images.planar_origin_mm,
        water_per_mm=_water(administration),
    )


def _transmission_geometry(case: Case, study: Study, administration: Administration) -> dict[str, PlanarGeometry]:
    q = case.quantification
    ratio = q.transmission_attenuation_ratio
    assert ratio is not None
    drawn = {r.name for r in study.planar_regions}
    unknown = sorted(set(q.transmission) - drawn)
    if unknown:
        raise CaseError(
            "a transmission was measured for a region that is not drawn on the planar images",
            field="quantification.transmission",
            value=", ".join(unknown),
            expected=", ".join(sorted(drawn)),
        )
    return {
        name: transmission_geometry(
            open_per_s=part.open_cps,
            through_per_s=part.through_cps,
            attenuation_ratio=ratio,
            water_per_mm=_water(administration),
            organ_mm=part.organ_mm,
        )
        for name, part in q.transmission.items()
    }


def _named_transmission(series: ActivitySeries) -> ActivitySeries:
    """Say in the provenance what the attenuation rests on."""
    made = series.provenance
    if made is None:
        return series
    return replace(
        series, provenance=replace(made, parameters={**made.parameters, "attenuation": "measured transmission"})
    )


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


def net_probe(study: Study) -> list[ProbePoint]:
    """Readings of the probe without background."""
    return [
        ProbePoint(measured_at=p.measured_at, counts_per_s=p.counts_per_s - p.background_counts_per_s)
        for p in study.probe
    ]
