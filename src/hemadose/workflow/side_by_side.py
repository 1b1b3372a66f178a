"""Two studies or two dose maps side by side: another program, another method, before and after."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from hemadose.dose.comparison import OrganComparison, bland_altman, compare_studies
from hemadose.dose.gamma import gamma_analysis
from hemadose.errors import GeometryError, InputError, QuantityError
from hemadose.imaging.registration.resampling import resample_image
from hemadose.io.dicom.rtdose import read_rtdose
from hemadose.io.dose_tables import read_dose_table
from hemadose.io.files import write_bytes_atomic, write_text_atomic
from hemadose.io.nifti import read_image, write_image
from hemadose.model import Image, Quantity, Region, StudyDoses
from hemadose.units import GBQ
from hemadose.workflow.compare import RESULT_FILE, read_report
from hemadose.workflow.figure_files import figure_bytes
from hemadose.workflow.image_files import is_nifti, load_regions

UNIT_GY = {"Gy": 1.0, "mGy": 1e-3, "cGy": 1e-2}
_LEAST_PAIRS = 3


def compare_doses_of_organs(first: Path, second: Path, *, out: Path | None = None) -> dict[str, Any]:
    """Compare organ doses per activity of two studies.

    Parameters
    ----------
    first, second : Path
        Result folder of a plan, or a table ``organ,value,unit[,sd]`` of another program.
    out : Path, optional
        Folder for table and figure.

    Returns
    -------
    dict
        ``organs``, ``agreement`` (from three organs on), ``only_in_first``, ``only_in_second``, ``notes``, ``written``.

    Raises
    ------
    InputError
        If a file cannot be read.
    QuantityError
        If the studies share no organ.
    """
    a, b = _doses(first), _doses(second)
    rows = compare_studies(a, b)
    shared = {r.target for r in rows}
    answer: dict[str, Any] = {
        "first": _named(first, a),
        "second": _named(second, b),
        "organs": [_row(r) for r in rows],
        "only_in_first": [o.target for o in a.organs if o.target not in shared],
        "only_in_second": [o.target for o in b.organs if o.target not in shared],
        "agreement": None,
        "notes": [],
        "written": [],
    }
    pairs = [r for r in rows if r.first_gy_per_bq + r.second_gy_per_bq > 0.0]
    if len(pairs) < _LEAST_PAIRS:
        answer["notes"].append(f"{len(pairs)} organs: too few for limits of agreement")
    else:
        found = bland_altman(
            [r.first_gy_per_bq * GBQ for r in pairs], [r.second_gy_per_bq * GBQ for r in pairs], relative=True
        )
        answer["agreement"] = {
            "bias_percent": found.bias,
            "bias_95_percent": list(found.bias_interval),
            "limits_percent": list(found.limits),
            "organs": len(pairs),
        }
        if out is not None:
            from hemadose.report.figures.agreement import bland_altman_figure

            figure = bland_altman_figure(
                found, labels=[r.target for r in pairs], unit="Gy/GBq", first="first", second="second"
            )
            path = out / "agreement.svg"
            write_bytes_atomic(path, figure_bytes(figure, path))
            answer["written"].append(str(path))
    if out is not None:
        path = out / "comparison.csv"
        write_text_atomic(path, _csv(answer["organs"]))
        answer["written"].append(str(path))
    return answer


def _doses(path: Path) -> StudyDoses:
    if path.is_dir() or path.name == RESULT_FILE:
        return read_report(path if path.is_dir() else path.parent).doses
    return read_dose_table(path)


def _named(path: Path, doses: StudyDoses) -> str:
    """Name a study by its folder, since two plans may share their S values."""
    name, source = path.resolve().name, doses.s_value_source
    return source if name in source else f"{name}: {source}"


def _row(r: OrganComparison) -> dict[str, Any]:
    return {
        "organ": r.target,
        "first_Gy_per_GBq": r.first_gy_per_bq * GBQ,
        "second_Gy_per_GBq": r.second_gy_per_bq * GBQ,
        "difference_Gy_per_GBq": r.difference_gy_per_bq * GBQ,
        "ratio": r.ratio if np.isfinite(r.ratio) else None,
        "difference_in_SD": r.in_standard_deviations,
    }


def _csv(rows: list[dict[str, Any]]) -> str:
    lines = [",".join(rows[0])]
    lines += [
        ",".join("" if v is None else (f"{v:.6g}" if isinstance(v, float) else str(v)) for v in r.values())
        for r in rows
    ]
    return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class MapComparison:
    """What two dose maps are compared by.

    Attributes
    ----------
    reference, evaluated : Path
        RT Dose, or NIfTI with `unit`.
    regions : Path or None
        SEG, RTSTRUCT or labels, on the grid of the reference.
    unit : str or None
        Of NIfTI maps: Gy, mGy or cGy.
    same_frame : bool
        The evaluated map lies in the frame of reference of the reference, by the user's word.
    dose_percent, distance_mm, threshold_percent : float
        Criteria of gamma.
    local : bool
        Per cent of the local dose.
    out : Path or None
        Folder for map, table and figure.
    """

    reference: Path
    evaluated: Path
    regions: Path | None = None
    unit: str | None = None
    same_frame: bool = False
    dose_percent: float = 3.0
    distance_mm: float = 3.0
    threshold_percent: float = 10.0
    local: bool = False
    out: Path | None = None


def compare_dose_maps(request: MapComparison) -> dict[str, Any]:
    """Compare two dose maps voxel by voxel and region by region, on the grid of the reference.

    Returns
    -------
    dict
        ``gamma`` (pass rate, mean, number of voxels), ``regions``, ``whole``, ``notes``, ``written``.

    Raises
    ------
    InputError
        If a file cannot be read, or a NIfTI comes without its unit.
    GeometryError
        If the frames of reference differ and the user did not say that they are one, or the maps do not overlap.
    """
    reference = _dose_map(request.reference, request)
    evaluated = _dose_map(request.evaluated, request)
    notes = []
    if evaluated.grid.frame_of_reference_uid != reference.grid.frame_of_reference_uid:
        if not request.same_frame:
            raise GeometryError(
                "the two maps lie in different frames of reference", source=str(request.evaluated),
                remedy="say --same-frame if they are one, or register them first",
            )  # fmt: skip
        notes.append("both maps are taken to lie in one frame of reference, by the user's word")
        frame = reference.grid.frame_of_reference_uid
        evaluated = replace(evaluated, grid=replace(evaluated.grid, frame_of_reference_uid=frame))
    if not evaluated.grid.matches(reference.grid):
        notes.append("the evaluated map was brought onto the grid of the reference, linearly")
        evaluated = resample_image(evaluated, reference.grid)
    if not evaluated.values.any():
        raise GeometryError("the two maps do not overlap", source=str(request.evaluated))
    found = gamma_analysis(
        reference.values, evaluated.values, spacing_mm=reference.grid.spacing_mm, dose_percent=request.dose_percent,
        distance_mm=request.distance_mm, local=request.local, threshold_percent=request.threshold_percent,
    )  # fmt: skip
    regions = load_regions(request.regions, reference=reference.grid) if request.regions is not None else ()
    answer: dict[str, Any] = {
        "gamma": {
            "pass_percent": 100.0 * found.pass_fraction,
            "mean": found.mean_gamma,
            "judged_voxels": found.judged,
            "criteria": _criteria(request),
        },
        "whole": _agreement(np.asarray(reference.values), np.asarray(evaluated.values), request),
        "regions": [_region(r, reference, evaluated, found.gamma) for r in regions],
        "notes": notes,
        "written": [],
    }
    if request.out is not None:
        answer["written"] = _write(request, answer, reference, found.gamma.astype(np.float32), request.out)
    return answer


def _criteria(request: MapComparison) -> str:
    of = "local" if request.local else "highest"
    return (
        f"{request.dose_percent:g} % of the {of} dose, {request.distance_mm:g} mm, above "
        f"{request.threshold_percent:g} % of the highest"
    )


def _dose_map(path: Path, request: MapComparison) -> Image:
    if not path.exists():
        raise InputError("no such file", source=str(path))
    if not is_nifti(path):
        return read_rtdose(path)
    factor = UNIT_GY.get(request.unit or "")
    if factor is None:
        raise InputError(
            "NIfTI does not say in which unit its dose is", source=str(path), field="--unit", value=request.unit,
            expected=", ".join(UNIT_GY),
        )  # fmt: skip
    image = read_image(path, quantity=Quantity.ABSORBED_DOSE, frame_of_reference_uid=f"nifti:{path.name}")
    if not np.isfinite(image.values).all() or image.values.min() < 0.0:
        raise QuantityError("a dose map holds negative values or none at all", source=str(path))
    return replace(image, values=np.asarray(image.values * np.float32(factor)))


def _agreement(reference: Any, evaluated: Any, request: MapComparison) -> dict[str, float]:
    judged = reference >= request.threshold_percent / 100.0 * reference.max()
    difference = 100.0 * (evaluated[judged] / reference[judged] - 1.0)
    low, high = np.percentile(difference, [2.5, 97.5])
    return {
        "mean_difference_percent": float(difference.mean()),
        "sd_percent": float(difference.std()),
        "central_95_percent_low": float(low),
        "central_95_percent_high": float(high),
        "correlation": float(np.corrcoef(reference[judged], evaluated[judged])[0, 1]) if difference.size > 1 else 1.0,
    }


def _region(region: Region, reference: Image, evaluated: Image, gamma: Any) -> dict[str, Any]:
    a, b = reference.values[region.mask], evaluated.values[region.mask]
    inside = gamma[region.mask]
    judged = inside[np.isfinite(inside)]
    return {
        "region": region.name,
        "voxels": int(region.mask.sum()),
        "reference_Gy": float(a.mean()),
        "evaluated_Gy": float(b.mean()),
        "ratio": float(b.mean() / a.mean()) if a.mean() > 0.0 else None,
        "reference_D95_Gy": float(np.percentile(a, 5.0, method="hazen")),  # the D95 of dose.dvh
        "evaluated_D95_Gy": float(np.percentile(b, 5.0, method="hazen")),
        "gamma_pass_percent": 100.0 * float(np.mean(judged <= 1.0)) if judged.size else None,
    }


def _write(request: MapComparison, answer: dict[str, Any], reference: Image, gamma: Any, out: Path) -> list[str]:
    from hemadose.report.figures.agreement import gamma_figure

    image = replace(reference, values=np.nan_to_num(gamma, nan=-1.0))  # -1: not judged
    figure = gamma_figure(
        gamma=gamma, reference=reference, pass_percent=answer["gamma"]["pass_percent"], criteria=_criteria(request)
    )
    paths = [out / "gamma.nii.gz", out / "gamma.svg", out / "comparison.json"]
    write_image(image, paths[0])
    write_bytes_atomic(paths[1], figure_bytes(figure, paths[1]))
    if answer["regions"]:
        paths.insert(2, out / "regions.csv")
        write_text_atomic(paths[2], _csv(answer["regions"]))
    write_text_atomic(out / "comparison.json", json.dumps(answer, indent=2) + "\n")
    return [str(p) for p in paths]
