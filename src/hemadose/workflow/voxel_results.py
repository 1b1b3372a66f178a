"""What `hemadose voxel` writes and answers."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hemadose.io.dicom.rtdose import write_rtdose
from hemadose.io.files import write_bytes_atomic, write_text_atomic
from hemadose.io.nifti import write_image
from hemadose.model import Image, Quantity
from hemadose.units import GBQ
from hemadose.workflow.figure_files import figure_bytes
from hemadose.workflow.voxel_dose import VoxelStudy, histogram_row, voxel_study
from hemadose.workflow.voxel_inputs import VoxelRequest


def voxel_answer(request: VoxelRequest, *, now: datetime | None = None) -> dict[str, Any]:
    """Calculate, write if asked, and answer.

    Parameters
    ----------
    request : VoxelRequest
        Options.
    now : datetime, optional
        Time written into DICOM objects.

    Returns
    -------
    dict
        ``method``, ``regions``, ``energy_J``, ``statistics``, ``written``, ``notes``.

    Raises
    ------
    HemadoseError
        For anything that cannot be read, calculated or written.
    """
    study = voxel_study(request)
    dose, request = study.dose, study.inputs.request
    held = (study.tia_bq_s > 0.0) & (dose.dose_gy > 0.0)
    relative = dose.sd_gy[held] / dose.dose_gy[held]
    answer: dict[str, Any] = {
        "method": dose.method,
        "nuclide": request.nuclide,
        "voxel_mm": list(study.grid.spacing_mm),
        "decays": float(study.tia_bq_s.sum(dtype=np.float64)),
        "regions": [histogram_row(h, request) for h in study.histograms],
        "energy_J": {
            "emitted": dose.emitted_j,
            "in_tissue": dose.deposited_j,
            "in_air": dose.in_air_j,
            "left_or_not_counted": dose.emitted_j - dose.deposited_j - dose.in_air_j,
        },
        "statistics": {
            "photon_decays": dose.photons_followed,
            "electron_decays": dose.electrons_followed,
            "source_voxel_relative_sd_95_percent": float(np.quantile(relative, 0.95)) if relative.size else 0.0,
        },
        "written": [],
        "notes": list(study.notes),
    }
    given = study.inputs.administered_bq
    if given is not None:
        answer["administered_GBq"] = given / GBQ
        for row in answer["regions"]:
            row["mean_Gy_per_GBq"] = row["mean_Gy"] / (given / GBQ)
    if request.out is not None:
        answer["written"] = _write(study, request, answer, request.out, now or datetime.now(UTC))
    return answer


def _write(study: VoxelStudy, request: VoxelRequest, answer: dict[str, Any], out: Path, now: datetime) -> list[str]:
    written = []
    maps = {"dose": study.dose.dose_gy, "dose_sd": study.dose.sd_gy, "dose_fit_sd": study.fit_sd_gy}
    for name, values in maps.items():
        if values is not None and (name == "dose" or values.any()):
            write_image(_image(study, values), out / f"{name}.nii.gz")
            written.append(out / f"{name}.nii.gz")
    reference = study.inputs.reference
    if reference is not None:
        words = f"hemadose {study.dose.method} {request.nuclide}"
        write_rtdose(
            _image(study, study.dose.dose_gy), out / "dose.dcm", written_at=now, description=words, reference=reference
        )
        written.append(out / "dose.dcm")
    else:
        answer["notes"].append(
            "no RT Dose: neither CT nor activity is DICOM, so that there is no patient to write it for"
        )
    if study.histograms:
        write_text_atomic(out / "dvh.csv", _table(study))
        written.append(out / "dvh.csv")
        written += _figures(study, out)
    write_text_atomic(out / "voxel.json", json.dumps(answer, indent=2, default=str) + "\n")
    return [str(p) for p in (*written, out / "voxel.json")]


def _image(study: VoxelStudy, values: npt.NDArray[np.float32]) -> Image:
    return Image(values=values, grid=study.grid, quantity=Quantity.ABSORBED_DOSE)


def _table(study: VoxelStudy) -> str:
    lines = ["region,dose_Gy,dose_sd_Gy,volume_percent"]
    for histogram in study.histograms:
        doses, volume = histogram.curve()
        rows = zip(doses, histogram.sd_of_dose(doses), volume, strict=True)
        lines += [f"{histogram.region},{d:.6g},{sd:.4g},{v:.4f}" for d, sd, v in rows]
    return "\n".join(lines) + "\n"


def _figures(study: VoxelStudy, out: Path) -> list[Path]:
    from hemadose.report.figures.voxel_dose import dvh_figure, isodose_figure

    dose = _image(study, study.dose.dose_gy)
    made = {
        "dvh.svg": dvh_figure(histograms=study.histograms),
        "isodose.svg": isodose_figure(dose=dose, ct=study.inputs.ct, regions=study.regions),
    }
    for name, figure in made.items():
        write_bytes_atomic(out / name, figure_bytes(figure, out / name))
    return [out / name for name in made]
