"""Activity in regions from conjugate views, the way Braitsch 2025 did it and with CT where there is one.

For every scan: scatter windows are subtracted in each region and view, then the background of the
organ, then the geometric mean is corrected for attenuation. Counts become activity through the
camera's sensitivity or through the probe: A_organ = (GM_organ / GM_whole body) x A_probe.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import numpy as np

from hemadose.errors import CaseError, RegionError
from hemadose.imaging.counts import dew_weight, tew_weights
from hemadose.imaging.geometry import PlanarGeometry
from hemadose.model import (
    ActivitySample,
    ActivitySeries,
    Administration,
    EnergyWindow,
    PlanarFrame,
    PlanarRegion,
    PlanarScan,
    View,
)
from hemadose.model.moment import elapsed_s
from hemadose.provenance import Provenance

BODY = "whole_body"

BRAITSCH_BACKGROUND = {
    "liver": "background_liver",
    "spleen": "background_liver",
    "kidney_left": "background_kidneys",
    "kidney_right": "background_kidneys",
    "lumbar_l2_l4": "background_marrow",
}
"""Liver: beside the body; kidneys: thigh; marrow: beside the vertebrae. The spleen follows the liver."""


COVERED_NOTE = 0.15
"""Share of a planar region under another organ from which on a note says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbePoint:
    """Net count rate of the whole-body probe at one moment."""

    measured_at: datetime
    counts_per_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanarProtocol:
    """Named choices of planar quantification.

    Attributes
    ----------
    scatter : {"tew", "dew", "none"}
        Scatter windows used.
    background : Mapping
        Region -> background region (`BRAITSCH_BACKGROUND`), or empty for none.
    background_scaling : {"thickness", "full"}
        Thickness scales by 1 - d/T (needs geometry); full subtracts all of it.
    calibration : {"probe", "sensitivity"}
        How counts become activity.
    counts_per_s_per_bq : float or None
        Sensitivity of one head in air.
    calibration_relative_sd : float
        Its relative standard uncertainty, or that of the probe normalisation.
    attenuation_relative_sd : float
        Relative uncertainty of the attenuation and overlap corrections, shared by all times.
    point_relative_sd : float
        Relative uncertainty of each point beyond counting (region drawing, background choice).
    """

    scatter: Literal["tew", "dew", "none"] = "tew"
    background: Mapping[str, str] = field(default_factory=lambda: dict(BRAITSCH_BACKGROUND))
    background_scaling: Literal["thickness", "full"] = "thickness"
    calibration: Literal["probe", "sensitivity"] = "probe"
    counts_per_s_per_bq: float | None = None
    calibration_relative_sd: float = 0.05
    attenuation_relative_sd: float = 0.05
    point_relative_sd: float = 0.03


@dataclass(frozen=True, slots=True)
class _Counted:
    """Net counts of a region in one view, with their variance."""

    net: float
    variance: float


def quantify_planar(
    scans: Sequence[PlanarScan],
    regions: Sequence[PlanarRegion],
    *,
    administration: Administration,
    protocol: PlanarProtocol,
    geometry: Mapping[str, PlanarGeometry],
    probe: Sequence[ProbePoint] = (),
    photopeak: str | None = None,
) -> tuple[ActivitySeries, ...]:
    """Measure every region, and the whole body, in every planar scan.

    Parameters
    ----------
    scans : sequence of PlanarScan
        In any order.
    regions : sequence of PlanarRegion
        Organs, ``whole_body`` and the backgrounds the protocol names.
    administration : Administration
        Time zero, nuclide (its lines find the photopeak window).
    protocol : PlanarProtocol
        Named choices.
    geometry : Mapping
        Region -> attenuation and thickness; a missing region is not corrected, which is noted.
    probe : sequence of ProbePoint
        Needed for ``calibration="probe"``; the first one stands for 100 %.
    photopeak : str, optional
        Name of the photopeak window, if it cannot be found by energy.

    Returns
    -------
    tuple of ActivitySeries

    Raises
    ------
    CaseError
        If probe, sensitivity, a background or a window is missing.
    RegionError
        If a region does not fit the images.
    """
    ordered = sorted(scans, key=lambda s: s.started_at)
    named = {region.name: region for region in regions}
    if len(named) != len(regions):
        raise RegionError("two planar regions have one name", value=", ".join(r.name for r in regions))
    _check(ordered, named, protocol, probe)
    _check_body_attenuation(protocol, geometry)
    organs = [r for r in regions if not r.name.startswith("background_")]
    table: dict[str, list[tuple[float, float, float]]] = {r.name: [] for r in organs}
    for scan in ordered:
        windows = scatter_windows(scan, administration, protocol, photopeak)
        found = {r.name: _geometric_mean(scan, r, named, windows, protocol, geometry) for r in organs}
        scale = _scale(scan, found, administration, protocol, geometry, probe)
        start = administration.time_since_s(scan.started_at, what="planar acquisition")
        for name, (gm, sd) in found.items():
            row = float(np.argwhere(named[name].mask)[:, 0].mean())
            table[name].append((start + passing_time_s(scan, row), gm * scale, sd * scale))
    return tuple(_series(name, rows, protocol, geometry) for name, rows in table.items())


def passing_time_s(scan: PlanarScan, row: float) -> float:
    """When the detector passes a row, in s after the start of a sweep from head to feet.

    A static image, seen all at once, gives its middle.
    """
    travel = scan.duration_s - scan.pixel_dwell_s
    return scan.pixel_dwell_s / 2.0 + max(travel, 0.0) * (row + 0.5) / scan.shape[0]


def _check(
    scans: Sequence[PlanarScan],
    named: Mapping[str, PlanarRegion],
    protocol: PlanarProtocol,
    probe: Sequence[ProbePoint],
) -> None:
    for scan in scans:
        for region in named.values():
            if region.mask.shape != scan.shape:
                raise RegionError(
                    f"planar region {region.name} does not fit the images",
                    value=str(region.mask.shape),
                    expected=str(scan.shape),
                )
    for organ, background in protocol.background.items():
        if organ in named and background not in named:
            raise CaseError(
                f"the background region {background} of {organ} is missing",
                field="regions.planar",
                remedy="draw it, or choose quantification.background = none",
            )
    if protocol.calibration == "probe" and len(probe) < 1:
        raise CaseError("calibration by probe needs probe readings", field="images.probe")
    if protocol.calibration == "probe" and BODY not in named:
        raise CaseError("calibration by probe needs a whole_body region", field="regions.planar")
    if protocol.calibration == "sensitivity" and not protocol.counts_per_s_per_bq:
        raise CaseError(
            "calibration by sensitivity needs the camera's sensitivity", field="calibration.planar_cps_per_MBq"
        )


def _check_body_attenuation(protocol: PlanarProtocol, geometry: Mapping[str, PlanarGeometry]) -> None:
    """With the probe only the ratio of organ to body counts: both or neither are corrected."""
    if protocol.calibration == "probe" and geometry and BODY not in geometry:
        raise CaseError(
            "organ counts are corrected for attenuation but whole-body counts are not, so their ratio is too high",
            field="regions.volumes",
            expected="a volume named whole_body",
            remedy="draw the body outline on the CT, calibrate by sensitivity, or choose attenuation = none",
        )


def scatter_windows(
    scan: PlanarScan, administration: Administration, protocol: PlanarProtocol, photopeak: str | None
) -> list[tuple[str, float]]:
    """Windows with their factors: the photopeak with 1, scatter windows with minus their weight."""
    windows = {f.window.name: f.window for f in scan.frames}
    peak = _photopeak(windows, administration, photopeak)
    below = [w for w in windows.values() if abs(w.upper_kev - peak.lower_kev) < 1.5]
    above = [w for w in windows.values() if abs(w.lower_kev - peak.upper_kev) < 1.5]
    if protocol.scatter == "none":
        return [(peak.name, 1.0)]
    if not below or (protocol.scatter == "tew" and not above):
        raise CaseError(
            f"scatter correction {protocol.scatter} needs windows beside the photopeak",
            field="quantification.scatter",
            value=", ".join(f"{w.name} {w.lower_kev:g}-{w.upper_kev:g} keV" for w in windows.values()),
            remedy="export the scatter windows, or choose scatter = none",
        )
    if protocol.scatter == "dew":
        return [(peak.name, 1.0), (below[0].name, -dew_weight(lower=below[0], peak=peak))]
    low, high = tew_weights(lower=below[0], upper=above[0], peak=peak)
    return [(peak.name, 1.0), (below[0].name, -low), (above[0].name, -high)]


def _photopeak(windows: Mapping[str, EnergyWindow], administration: Administration, name: str | None) -> EnergyWindow:
    if name is not None:
        if name not in windows:
            raise CaseError("there is no such energy window", value=name, expected=", ".join(windows))
        return windows[name]
    lines = sorted(administration.nuclide.gamma_lines, key=lambda g: -g.photons_per_decay)
    for line in lines:
        hit = [w for w in windows.values() if w.holds(line.energy_kev)]
        if len(hit) == 1:
            return hit[0]
    raise CaseError(
        f"no energy window holds a line of {administration.nuclide.name}",
        value=", ".join(f"{w.lower_kev:g}-{w.upper_kev:g} keV" for w in windows.values()),
        expected=", ".join(f"{g.energy_kev:g} keV" for g in lines),
        remedy="check that the study and the radionuclide belong together",
    )


def _geometric_mean(
    scan: PlanarScan,
    region: PlanarRegion,
    named: Mapping[str, PlanarRegion],
    windows: list[tuple[str, float]],
    protocol: PlanarProtocol,
    geometry: Mapping[str, PlanarGeometry],
) -> tuple[float, float]:
    """Corrected geometric-mean count rate of a region and its standard uncertainty."""
    background = named.get(protocol.background.get(region.name, ""))
    place = geometry.get(region.name)
    share = 1.0
    if protocol.background_scaling == "thickness" and place is not None:
        share = place.background_share
    views = []
    for view in (View.ANTERIOR, View.POSTERIOR):
        frames = [(scan.frame(view=view, window_name=name), factor) for name, factor in windows]
        counted = _count(frames, region)
        if background is not None:
            other = _count(frames, background)
            scale = share * region.pixels / background.pixels
            counted = _Counted(counted.net - scale * other.net, counted.variance + scale**2 * other.variance)
        views.append(counted)
    gm = float(np.sqrt(max(views[0].net, 0.0) * max(views[1].net, 0.0)))
    relative = 0.5 * float(np.sqrt(sum(v.variance / max(v.net, 1.0) ** 2 for v in views)))
    factor = (place.attenuation_factor * place.overlap_factor if place else 1.0) / scan.pixel_dwell_s
    sd = gm * float(np.hypot(relative, 0.0 if region.name == BODY else protocol.point_relative_sd))
    if gm <= 0.0:  # the background left nothing: the counts still have their noise
        sd = float(np.sqrt(np.mean([v.variance for v in views])))
    return gm * factor, max(sd, 1e-9) * factor


def _count(frames: list[tuple[PlanarFrame, float]], region: PlanarRegion) -> _Counted:
    sums = [(float(frame.counts[region.mask].sum()), factor) for frame, factor in frames]
    return _Counted(sum(f * c for c, f in sums), sum(f * f * c for c, f in sums))


def _scale(
    scan: PlanarScan,
    found: Mapping[str, tuple[float, float]],
    administration: Administration,
    protocol: PlanarProtocol,
    geometry: Mapping[str, PlanarGeometry],
    probe: Sequence[ProbePoint],
) -> float:
    """Becquerel per corrected count rate in this scan."""
    if protocol.calibration == "sensitivity":
        assert protocol.counts_per_s_per_bq is not None
        return 1.0 / protocol.counts_per_s_per_bq
    if found[BODY][0] <= 0.0:
        raise CaseError("the whole body shows no counts after scatter correction", value=f"scan at {scan.started_at}")
    return probe_activity_bq(probe, scan.started_at, administration=administration) / found[BODY][0]


def probe_activity_bq(probe: Sequence[ProbePoint], at: datetime, *, administration: Administration) -> float:
    """Activity in the body from the probe: the first reading stands for all that was administered.

    The reading nearest in time is used and decayed to the moment.

    Raises
    ------
    CaseError
        If the nearest reading is more than two hours away.
    """
    ordered = sorted(probe, key=lambda p: p.measured_at)
    first = ordered[0]
    start = administration.time_since_s(first.measured_at, what="first probe reading")
    reference = administration.administered_activity_bq * administration.nuclide.decay_factor(start)
    nearest = min(ordered, key=lambda p: abs(elapsed_s(at, p.measured_at)))
    apart = elapsed_s(nearest.measured_at, at)
    if abs(apart) > 7200.0:
        raise CaseError(
            "no probe reading was taken near a planar scan",
            field="images.probe",
            value=f"nearest is {abs(apart) / 3600:.1f} h away",
        )
    return reference * nearest.counts_per_s / first.counts_per_s * administration.nuclide.decay_factor(apart)


def whole_body_series(probe: Sequence[ProbePoint], *, administration: Administration) -> ActivitySeries:
    """Whole-body activity from the probe: the first reading stands for all that was administered.

    Raises
    ------
    CaseError
        If there are no readings.
    """
    if not probe:
        raise CaseError("whole-body activity needs probe readings", field="images.probe")
    ordered = sorted(probe, key=lambda p: p.measured_at)
    samples = []
    for point in ordered:
        activity = probe_activity_bq(ordered, point.measured_at, administration=administration)
        time_s = administration.time_since_s(point.measured_at, what="probe reading")
        samples.append(
            ActivitySample(region=BODY, time_s=time_s, activity_bq=activity, sd_bq=0.03 * activity, method="probe")
        )
    return ActivitySeries(
        region=BODY,
        samples=tuple(samples),
        shared_relative_sd=0.02,
        notes=("whole-body activity rests on the probe, whose first reading stands for 100 %",),
        provenance=Provenance(step="imaging.whole_body_series", parameters={"readings": len(samples)}),
    )


def _series(
    name: str,
    rows: list[tuple[float, float, float]],
    protocol: PlanarProtocol,
    geometry: Mapping[str, PlanarGeometry],
) -> ActivitySeries:
    notes = []
    if name not in geometry and name != BODY:
        notes.append(f"{name}: planar counts are not corrected for attenuation")
    if name in geometry and geometry[name].overlap_factor > 1.3:
        notes.append(
            f"{name}: only {100 / geometry[name].overlap_factor:.0f} % of it is seen clear of other organs on planar "
            "images; the rest is taken as alike"
        )
    if name in geometry and geometry[name].covered_share > COVERED_NOTE:
        notes.append(
            f"{name}: another organ lies before or behind {100 * geometry[name].covered_share:.0f} % of its planar "
            "region; conjugate views count both and overstate it"
        )
    shared = float(np.hypot(protocol.calibration_relative_sd, protocol.attenuation_relative_sd))
    return ActivitySeries(
        region=name,
        samples=tuple(
            ActivitySample(region=name, time_s=t, activity_bq=a, sd_bq=sd, method="planar") for t, a, sd in rows
        ),
        shared_relative_sd=shared,
        notes=tuple(notes),
        provenance=Provenance(
            step="imaging.quantify_planar",
            parameters={
                "scatter": protocol.scatter,
                "background": ", ".join(f"{k}: {v}" for k, v in protocol.background.items()) or "none",
                "background_scaling": protocol.background_scaling,
                "calibration": protocol.calibration,
                "attenuation": "CT" if name in geometry else "none",
            },
        ),
    )
