"""Calibration experiments: files to factors, figure, and the lines a case file takes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from hemadose.imaging.calibration.cross import (
    DoseCalibratorFactor,
    Reading,
    dial_setting,
    geometry_factor,
    reference_factor,
)
from hemadose.refdata.nuclides import nuclide
from hemadose.units import MBQ
from hemadose.workflow.calibrate_camera import calibrate_planar, calibrate_spect
from hemadose.workflow.calibrate_curves import calibrate_dead_time, calibrate_spheres
from hemadose.workflow.calibration_answer import CalibrationAnswer, finished, known_source, write_answer

if TYPE_CHECKING:
    from hemadose.io.calibration_files import ReadingPart

__all__ = [
    "CalibrationAnswer",
    "calibrate_cross",
    "calibrate_dead_time",
    "calibrate_planar",
    "calibrate_spect",
    "calibrate_spheres",
    "write_answer",
]


def calibrate_cross(path: Path) -> CalibrationAnswer:
    """Dose calibrator against a reference source, another geometry, or along its settings."""
    from hemadose.io.calibration_files import CrossFile, read_calibration_file
    from hemadose.report.figures.calibration import budget_figure

    given = read_calibration_file(path, CrossFile)

    def reading(part: ReadingPart) -> Reading:
        return Reading(activity_bq=part.activity_MBq * MBQ, measured_at=given.aware(part.measured_at))

    answer: dict[str, Any] = {"notes": []}
    factors: dict[str, DoseCalibratorFactor] = {}
    if given.reference is not None:
        factors["reference"] = reference_factor(
            [reading(r) for r in given.readings],
            reference=known_source(given.reference, given),
            background_bq=given.background_MBq * MBQ,
        )
    if given.geometry is not None:
        g = given.geometry
        factors["geometry"] = geometry_factor(
            calibrated_before=reading(g.vial_before),
            calibrated_after=reading(g.vial_after),
            other_full=reading(g.syringe_full),
            other_empty=None if g.syringe_empty is None else reading(g.syringe_empty),
            nuclide=nuclide(g.nuclide),
            reading_relative_sd=g.reading_relative_sd,
        )
    for name, factor in factors.items():
        answer[name] = {
            "factor": factor.value,
            "relative_sd": factor.relative_sd,
            "method": factor.method,
            "budget": [{"name": t.name, "kind": t.kind, "relative_sd": t.relative_sd} for t in factor.budget],
        }
        answer["notes"] += factor.notes
    if given.dial is not None:
        d = given.dial
        found = dial_setting(
            d.settings,
            [r * MBQ for r in d.readings_MBq],
            reference_bq=d.reference_MBq * MBQ,
            reference_relative_sd=d.reference_relative_sd,
        )
        answer["dial"] = {"setting": found.setting, "sd": found.sd}
        answer["notes"] += found.notes
    lines = [
        f"# {name}: multiply dose calibrator readings by {f.value:.5g} (relative SD {f.relative_sd:.4f}) before they "
        "enter measured_activity_MBq"
        for name, f in factors.items()
    ]
    figure = budget_figure([(f"{n}: factor {f.value:.4g}", f.budget) for n, f in factors.items()]) if factors else None
    return finished("cross", answer, lines or ["# nothing enters a case file: dial the setting"], figure)
