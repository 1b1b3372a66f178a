"""A reconstruction as files: NM DICOM in the patient's study, NIfTI, settings with provenance, a figure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from hemadose.io.dicom.write_recon import ReconstructionLabel, write_recon
from hemadose.io.files import write_bytes_atomic, write_text_atomic
from hemadose.io.nifti import write_image
from hemadose.workflow.reconstruct import ReconstructedStudy

RESEARCH_USE = "research software: to be confirmed by the responsible physician and medical physics expert"


def write_reconstruction(study: ReconstructedStudy, out: Path, *, sources: tuple[Path, ...]) -> tuple[Path, ...]:
    """Write a reconstruction; every file whole or not at all.

    ``spect.dcm`` keeps patient and study of the projections; the other files hold no identifiers.

    Parameters
    ----------
    study : ReconstructedStudy
        What to write.
    out : Path
        Folder.
    sources : tuple of Path
        The projections.

    Returns
    -------
    tuple of Path
        ``spect.dcm``, ``spect.nii.gz``, ``spect.json`` and ``spect.svg``.
    """
    from hemadose.report import style
    from hemadose.report.figures.reconstruction import reconstruction_figure

    names = ("spect.dcm", "spect.nii.gz", "spect.json", "spect.svg")
    dicom, nifti, table, figure = (out / name for name in names)
    drawn = style.to_svg(reconstruction_figure(image=study.scan.image, ct=study.ct, title=_title(study)))
    write_recon(study.scan, dicom, sources=sources, window=study.window, label=_label(study))
    write_image(study.scan.image, nifti)
    write_text_atomic(table, json.dumps(summary(study), indent=2, ensure_ascii=False) + "\n")
    write_bytes_atomic(figure, drawn)
    return dicom, nifti, table, figure


def summary(study: ReconstructedStudy) -> dict[str, Any]:
    """Give image, settings, provenance and doubts as plain JSON types (the sidecar of the NIfTI image)."""
    scan, grid = study.scan, study.scan.image.grid
    values = np.asarray(scan.image.values, dtype=np.float64)
    return {
        "unit": str(scan.image.quantity.value),
        "meaning": "decay-corrected to decay_reference_at; counts are those one detector would collect in duration_s",
        "shape": list(grid.shape),
        "spacing_mm": [round(v, 6) for v in grid.spacing_mm],
        "frame_of_reference_uid": grid.frame_of_reference_uid,
        "started_at": scan.started_at.isoformat(),
        "decay_reference_at": scan.decay_reference_at.isoformat(),
        "duration_s": scan.duration_s,
        "corrections": sorted(scan.corrections),
        "total": float(values.sum()),
        "maximum": float(values.max()),
        "settings": study.settings,
        "notes": list(study.notes),
        "provenance": {
            "step": study.provenance.step,
            "version": study.provenance.version,
            "inputs": dict(study.provenance.inputs),
        },
        "research_use": RESEARCH_USE,
    }


def _label(study: ReconstructedStudy) -> ReconstructionLabel:
    bed, chosen = study.beds[0], study.settings
    steps = [
        f"OSEM {chosen['iterations']} x {chosen['subsets']}",
        f"attenuation {chosen['attenuation']}",
        f"scatter {chosen['scatter']}",
        f"resolution recovery {chosen['collimator']}",
        f"Gaussian {chosen['post_filter_fwhm_mm']:g} mm",
        "decay to acquisition start",
    ]
    return ReconstructionLabel(
        description=f"hemadose OSEM {chosen['iterations']}x{chosen['subsets']} {chosen['line_keV']:.0f} keV",
        method="; ".join(steps),
        collimator=bed.collimator or "",
        radius_mm=float(bed.radius_mm.mean()),
        views=bed.views,
        frame_duration_s=float(np.median(bed.frame_duration_s)),
    )


def _title(study: ReconstructedStudy) -> str:
    chosen = study.settings
    return (
        f"{chosen['nuclide']}, {study.energy_kev:.0f} keV, OSEM {chosen['iterations']} × {chosen['subsets']}, "
        f"scatter {chosen['scatter']}, attenuation {chosen['attenuation']}"
    )
