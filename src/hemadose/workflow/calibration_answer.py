"""What a calibration experiment gives, and what all experiments need: the source, the image, the files written."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hemadose.errors import CaseError
from hemadose.imaging.calibration.known_source import CalibrationFactor, KnownSource
from hemadose.io.files import write_bytes_atomic
from hemadose.model import Quantity, TomographicScan
from hemadose.provenance import __version__
from hemadose.refdata.nuclides import nuclide
from hemadose.units import MBQ

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from hemadose.io.calibration_files import CalibrationFile, ImagePart, SourcePart


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationAnswer:
    """What one experiment gives.

    Attributes
    ----------
    kind : str
        Name of the experiment.
    answer : dict
        In field units, for `--json`.
    snippet : str
        TOML lines for a case file.
    figure : bytes or None
        SVG.
    """

    kind: str
    answer: dict[str, Any]
    snippet: str
    figure: bytes | None


def finished(kind: str, answer: dict[str, Any], snippet: list[str], figure: Figure | None) -> CalibrationAnswer:
    """Put an experiment's results together."""
    from hemadose.report import style

    text = "\n".join(snippet) + "\n"
    head = {"experiment": kind, "version": __version__}
    return CalibrationAnswer(
        kind=kind,
        answer={**head, **answer, "case_snippet": text},
        snippet=text,
        figure=None if figure is None else style.to_svg(figure),
    )


def write_answer(result: CalibrationAnswer, out: Path) -> tuple[Path, ...]:
    """Write ``<kind>.json``, ``<kind>.toml`` (lines for the case file) and ``<kind>.svg`` into a folder."""
    contents = {
        f"{result.kind}.json": (json.dumps(result.answer, indent=2, ensure_ascii=False) + "\n").encode(),
        f"{result.kind}.toml": result.snippet.encode(),
    }
    if result.figure is not None:
        contents[f"{result.kind}.svg"] = result.figure
    for name, data in contents.items():
        write_bytes_atomic(out / name, data)
    return tuple(out / name for name in contents)


def known_source(part: SourcePart, given: CalibrationFile) -> KnownSource:
    """Give the source of an experiment as a value."""
    residual_at = part.residual_measured_at
    return KnownSource(
        nuclide=nuclide(part.nuclide),
        measured_activity_bq=part.activity_MBq * MBQ,
        measured_at=given.aware(part.measured_at),
        residual_activity_bq=part.residual_MBq * MBQ,
        residual_measured_at=None if residual_at is None else given.aware(residual_at),
        dose_calibrator_relative_sd=part.dose_calibrator_relative_sd,
        reading_relative_sd=part.reading_relative_sd,
        half_life_relative_sd=part.half_life_relative_sd,
    )


def factor_row(factor: CalibrationFactor) -> dict[str, Any]:
    """Give a factor in field units."""
    return {
        "cps_per_MBq": factor.counts_per_s_per_bq * MBQ,
        "relative_sd": factor.relative_sd,
        "method": factor.method,
        "budget": [
            {"name": t.name, "kind": t.kind, "relative_sd": t.relative_sd, "shared": t.key} for t in factor.budget
        ],
        "notes": list(factor.notes),
    }


def read_scan(part: ImagePart, given: CalibrationFile, path: Path) -> TomographicScan:
    """Read the image of an experiment: NM object, or NIfTI in counts with its times stated.

    Raises
    ------
    CaseError
        If a NIfTI lacks its times.
    """
    from hemadose.io.dicom import read_spect
    from hemadose.io.nifti import read_image

    file = path.parent / part.file
    if not file.name.endswith((".nii", ".nii.gz")):
        return read_spect(file, zone=given.clinic)
    if part.started_at is None or part.duration_s is None:
        raise CaseError(
            "a NIfTI image needs started_at and duration_s", source=str(path), field="image", value=part.file
        )
    image = read_image(file, quantity=Quantity.COUNTS, frame_of_reference_uid=f"nifti:{file.name}")
    started = given.aware(part.started_at)
    reference = None if part.decay_reference_at is None else given.aware(part.decay_reference_at)
    return TomographicScan(
        image=image,
        started_at=started,
        duration_s=part.duration_s,
        decay_reference_at=reference or started,
        corrections=frozenset() if reference is None else frozenset({"DECY"}),
    )
