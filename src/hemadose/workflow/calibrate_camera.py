"""Planar and SPECT phantoms: from the experiment's file to factors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hemadose.errors import CaseError
from hemadose.imaging.calibration.known_source import CalibrationFactor, KnownSource, compare_factors
from hemadose.imaging.calibration.phantom_images import calibrate_cylinder, calibrate_sphere
from hemadose.imaging.calibration.planar_sensitivity import CountingRun, planar_sensitivity
from hemadose.imaging.calibration.spect import SpectCounts, cylinder_factor, sphere_factor, whole_field_factor
from hemadose.imaging.camera.deadtime import DeadTime
from hemadose.imaging.counts import tew_scatter
from hemadose.imaging.planar import PlanarProtocol, scatter_windows
from hemadose.imaging.recovery import sphere_recovery
from hemadose.model import Administration, PlanarScan, View
from hemadose.units import MBQ
from hemadose.workflow.calibration_answer import CalibrationAnswer, factor_row, finished, known_source, read_scan

if TYPE_CHECKING:
    from hemadose.io.calibration_files import (
        CountsPart,
        CylinderPart,
        DeadTimePart,
        PlanarFile,
        SpectFile,
        SpherePart,
    )

_US = 1e6


def _dead_time(part: DeadTimePart | None) -> DeadTime | None:
    if part is None:
        return None
    return DeadTime(paralysable_s=part.paralysable_us / _US, nonparalysable_s=part.nonparalysable_us / _US)


def calibrate_planar(path: Path) -> CalibrationAnswer:
    """Planar sensitivity from a table of runs or from NM images.

    Raises
    ------
    HemadoseError
        For anything that cannot be used, naming file and field.
    """
    from hemadose.io.calibration_files import PlanarFile, read_calibration_file
    from hemadose.report.figures.calibration import budget_figure

    given = read_calibration_file(path, PlanarFile)
    source = known_source(given.source, given)
    runs = _table_runs(given, path) if given.table else _image_runs(given, path, source)
    found = planar_sensitivity(
        runs,
        source,
        dead_time=_dead_time(given.dead_time),
        transmission=given.transmission,
        transmission_relative_sd=given.transmission_relative_sd,
    )
    answer = {
        "nuclide": source.nuclide.name,
        "title": given.title,
        "sensitivity": factor_row(found.mean),
        "heads": [{"head": name, **factor_row(factor)} for name, factor in found.heads],
        "notes": list(found.mean.notes),
    }
    value, sd = found.mean.counts_per_s_per_bq * MBQ, found.mean.relative_sd
    lines = ["[calibration]", f"planar_cps_per_MBq = {value:.5g}", f"planar_relative_sd = {sd:.4f}"]
    heading = f"Planar sensitivity {value:.4g} /s/MBq"
    return finished("planar", answer, lines, budget_figure([(heading, found.mean.budget)]))


def _table_runs(given: PlanarFile, path: Path) -> list[CountingRun]:
    from hemadose.io.calibration_tables import read_counting_rows

    assert given.table is not None
    rows = read_counting_rows(path.parent / given.table, zone=given.clinic)
    runs = []
    for row in rows:
        lower, upper = row.pop("lower_counts", None), row.pop("upper_counts", None)
        scatter = {}
        if lower is not None and upper is not None and given.scatter == "tew":
            if given.windows is None:
                raise CaseError(
                    "scatter columns need the widths of the windows",
                    source=str(path),
                    field="windows",
                    expected="peak_keV, lower_keV, upper_keV",
                )
            w = given.windows
            scatter = {
                "scatter_counts": tew_scatter(
                    lower=lower, upper=upper, lower_kev=w.lower_keV, upper_kev=w.upper_keV, peak_kev=w.peak_keV
                ),
                "scatter_variance": (w.peak_keV / 2.0) ** 2 * (lower / w.lower_keV**2 + upper / w.upper_keV**2),
            }
        runs.append(CountingRun(**row, **scatter))
    return runs


def _image_runs(given: PlanarFile, path: Path, source: KnownSource) -> list[CountingRun]:
    """Whole-field counts of every view; anterior and posterior are the heads."""
    from hemadose.io.dicom import read_planar

    background: dict[View, tuple[float, float]] = {}
    if given.background_image is not None:
        empty = read_planar(path.parent / given.background_image, zone=given.clinic)
        background = {v: (_net(empty, v, source, given.scatter)[0], empty.pixel_dwell_s) for v in _views(empty)}
    runs = []
    for name in given.images:
        scan = read_planar(path.parent / name, zone=given.clinic)
        for view in _views(scan):
            net, variance, peak = _net(scan, view, source, given.scatter)
            counts, seconds = background.get(view, (0.0, 0.0))
            runs.append(
                CountingRun(
                    counts=peak,
                    duration_s=scan.pixel_dwell_s,
                    started_at=scan.started_at,
                    head=view.value,
                    scatter_counts=max(peak - net, 0.0),
                    scatter_variance=max(variance - peak, 0.0),
                    background_counts=max(counts, 0.0),
                    background_duration_s=seconds,
                )
            )
    return runs


def _views(scan: PlanarScan) -> list[View]:
    return list(dict.fromkeys(frame.view for frame in scan.frames))


def _net(scan: PlanarScan, view: View, source: KnownSource, scatter: Any) -> tuple[float, float, float]:
    """Scatter-corrected counts, their variance, and the photopeak's counts of the whole field."""
    weights = scatter_windows(scan, _as_injection(source), PlanarProtocol(scatter=scatter), None)
    sums = [(float(np.asarray(scan.frame(view=view, window_name=n).counts).sum()), f) for n, f in weights]
    return sum(f * c for c, f in sums), sum(f * f * c for c, f in sums), sums[0][0]


def _as_injection(source: KnownSource) -> Administration:
    """The source as `scatter_windows` wants it: the nuclide's lines find the photopeak."""
    return Administration(
        agent="calibration source",
        nuclide=source.nuclide,
        measured_activity_bq=source.measured_activity_bq,
        measured_at=source.measured_at,
        residual_activity_bq=0.0,
        residual_measured_at=source.measured_at,
        administered_at=source.measured_at,
    )


def calibrate_spect(path: Path) -> CalibrationAnswer:
    """SPECT calibration factor from a cylinder, a sphere, or both compared.

    Raises
    ------
    HemadoseError
        For anything that cannot be used, naming file and field.
    """
    from hemadose.io.calibration_files import SpectFile, read_calibration_file
    from hemadose.report.figures.calibration import budget_figure

    given = read_calibration_file(path, SpectFile)
    factors: list[CalibrationFactor] = []
    if given.cylinder is not None:
        factors += _cylinder(given.cylinder, given, path)
    if given.sphere is not None:
        factors += _sphere(given.sphere, given, path)
    first = factors[0]
    comparisons = [(other, compare_factors(first, other)) for other in factors[1:]]
    notes = [n for f in factors for n in f.notes]
    notes += [
        f"{first.method} and {other.method} differ by {100 * (c.ratio - 1):+.1f} %, {abs(c.z):.1f} standard "
        "uncertainties: a correction of the reconstruction is not right"
        for other, c in comparisons
        if not c.agrees
    ]
    value = first.counts_per_s_per_bq * MBQ
    answer = {
        "nuclide": first.nuclide,
        "title": given.title,
        "factor": factor_row(first),
        "others": [factor_row(f) for f in factors[1:]],
        "comparisons": [
            {
                "first": first.method,
                "second": other.method,
                "ratio": c.ratio,
                "relative_sd": c.relative_sd,
                "z": c.z,
                "agrees": c.agrees,
            }
            for other, c in comparisons
        ],
        "notes": list(dict.fromkeys(notes)),
    }
    lines = ["[calibration]", f"spect_cps_per_MBq = {value:.5g}", f"spect_relative_sd = {first.relative_sd:.4f}"]
    panels = [(f"{f.method}: {f.counts_per_s_per_bq * MBQ:.4g}", f.budget) for f in factors]
    return finished("spect", answer, lines, budget_figure(panels))


def _source_of(part: CylinderPart | SpherePart, given: SpectFile) -> KnownSource:
    chosen = part.source or given.source
    assert chosen is not None
    return known_source(chosen, given)


def _counts(part: CountsPart, given: SpectFile) -> SpectCounts:
    reference = part.decay_reference_at
    return SpectCounts(
        counts=part.counts,
        relative_sd=part.relative_sd,
        duration_s=part.duration_s,
        started_at=given.aware(part.started_at),
        decay_reference_at=None if reference is None else given.aware(reference),
    )


def _cylinder(part: CylinderPart, given: SpectFile, path: Path) -> list[CalibrationFactor]:
    source = _source_of(part, given)
    if part.image is not None:
        assert part.diameter_mm is not None
        assert part.length_mm is not None
        assert part.margin_mm is not None
        found = calibrate_cylinder(
            read_scan(part.image, given, path),
            source,
            diameter_mm=part.diameter_mm,
            length_mm=part.length_mm,
            phantom_ml=part.volume_ml,
            phantom_relative_sd=part.volume_relative_sd,
            margin_mm=part.margin_mm,
            centre_mm=part.centre_mm,
        )
        return [found.preferred, *found.others]
    assert part.inside is not None
    assert part.inside_ml is not None
    factors = [
        cylinder_factor(
            _counts(part.inside, given),
            source,
            voi_ml=part.inside_ml,
            phantom_ml=part.volume_ml,
            phantom_relative_sd=part.volume_relative_sd,
        )
    ]
    if part.whole_field is not None:
        factors.append(
            whole_field_factor(_counts(part.whole_field, given), source, method="uniform cylinder, whole field of view")
        )
    return factors


def _sphere(part: SpherePart, given: SpectFile, path: Path) -> list[CalibrationFactor]:
    source = _source_of(part, given)
    if part.image is not None:
        found = calibrate_sphere(
            read_scan(part.image, given, path),
            source,
            diameter_mm=part.diameter_mm,
            fwhm_mm=part.fwhm_mm,
            fwhm_relative_sd=part.fwhm_relative_sd,
            centre_mm=part.centre_mm,
        )
        return [found.preferred, *found.others]
    factors = []
    if part.enlarged is not None:
        factors.append(sphere_factor(_counts(part.enlarged, given), source, method="sphere, enlarged volume"))
    if part.inside is not None:
        share, wider = (
            sphere_recovery(radius_mm=part.diameter_mm / 2.0, fwhm_mm=k * part.fwhm_mm) for k in (1.0, 1.01)
        )
        factors.append(
            sphere_factor(
                _counts(part.inside, given),
                source,
                recovery=share,
                recovery_relative_sd=abs(wider / share - 1.0) / 0.01 * part.fwhm_relative_sd,
                method="sphere, inside its wall with recovery",
            )
        )
    return factors
