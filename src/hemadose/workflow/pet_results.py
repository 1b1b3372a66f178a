"""What a measured PET says: one JSON answer, tables, lesion labels and figures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hemadose.imaging.pet.lesion_comparison import Concordance, LesionComparison
from hemadose.imaging.pet.lesions import Lesion, TumourBurden
from hemadose.imaging.pet.skeletal_sites import SiteUptake
from hemadose.imaging.pet.suv import elapsed_s
from hemadose.imaging.pet.uptake import Uptake
from hemadose.io.files import write_bytes_atomic, write_text_atomic
from hemadose.io.nifti import write_image
from hemadose.io.tables import csv_text
from hemadose.model import Image, Quantity
from hemadose.provenance import __version__
from hemadose.refdata.pet import BRAITSCH_SITES, BRAITSCH_WORDS, SUV_LINES, tracer_key
from hemadose.units import MBQ, MINUTE_S

if TYPE_CHECKING:
    from hemadose.workflow.pet import MeasuredPet, SuvRequest, SuvStudy


def study_answer(study: SuvStudy, request: SuvRequest, digests: Mapping[str, str]) -> dict[str, Any]:
    """Give everything measured as plain values with units in the names.

    Parameters
    ----------
    study : SuvStudy
        As measured.
    request : SuvRequest
        What was asked.
    digests : Mapping of str to str
        SHA-256 of the inputs.

    Returns
    -------
    dict
    """
    blood = _blood(study.first)
    return {
        "measure": request.measure.label,
        "unit": request.measure.unit,
        "scan": scan_row(study.first),
        "references": [uptake_row(u, None) for u in study.first.references.values()],
        "regions": [uptake_row(u, blood) for u in study.first.uptake.values()],
        "sites": [site_row(site, blood) for site in study.sites],
        "tumour": None if study.first.burden is None else burden_row(study.first.burden, blood),
        "comparison": None if study.comparison is None else comparison_row(study.comparison, study),
        "notes": list(study.notes),
        "provenance": {
            "version": __version__,
            "inputs": dict(digests),
            "burden": {} if study.first.burden is None else dict(study.first.burden.provenance.parameters),
            "uptake": dict(study.first.suv.parameters),
        },
    }


def _blood(measured: MeasuredPet) -> float | None:
    blood = measured.references.get("blood_pool")
    return None if blood is None or blood.suv_mean <= 0.0 else blood.suv_mean


def scan_row(measured: MeasuredPet) -> dict[str, Any]:
    """Facts of a scan that its numbers rest on."""
    scan = measured.scan
    uptake_min = None if scan.injected_at is None else elapsed_s(scan, scan.started_at) / MINUTE_S
    return {
        "tracer": measured.tracer,
        "tracer_in_file": scan.tracer,
        "radionuclide": scan.nuclide,
        "started_at": scan.started_at.isoformat(),
        "injected_at": None if scan.injected_at is None else scan.injected_at.isoformat(),
        "uptake_time_min": uptake_min,
        "injected_activity_MBq": None if scan.injected_activity_bq is None else scan.injected_activity_bq / MBQ,
        "weight_kg": scan.body.weight_kg,
        "height_cm": scan.body.height_cm,
        "units_in_file": "Bq/ml" if scan.measure is None else scan.measure.label,
        "decay_corrected_to": scan.decay.value,
        "voxel_mm": list(scan.grid.spacing_mm),
    }


def uptake_row(uptake: Uptake, blood: float | None) -> dict[str, Any]:
    """One region."""
    return {
        "region": uptake.name,
        "volume_ml": uptake.volume_ml,
        "suv_max": uptake.suv_max,
        "suv_peak": None if uptake.peak is None else uptake.peak.value,
        "suv_mean": uptake.suv_mean,
        "suv_sd": uptake.suv_sd,
        "total_uptake_SUV_ml": uptake.total_uptake,
        "tbr": None if blood is None else uptake.to_background(blood),
        "suv_max_at_mm": [round(v, 2) for v in uptake.suv_max_mm],
    }


def site_row(site: SiteUptake, blood: float | None) -> dict[str, Any]:
    """One skeletal site."""
    return {**uptake_row(site.uptake, blood), "region": site.site, "source": site.source}


def lesion_row(lesion: Lesion, blood: float | None) -> dict[str, Any]:
    """One lesion."""
    return {
        **uptake_row(lesion.uptake, blood),
        "threshold_suv": lesion.level_suv,
        "located_in": lesion.located_in,
        "centroid_mm": [round(v, 2) for v in lesion.region.centroid_mm],
    }


def burden_row(burden: TumourBurden, blood: float | None) -> dict[str, Any]:
    """All lesions and their sum."""
    return {
        "threshold": burden.threshold,
        "count": len(burden.lesions),
        "volume_ml": burden.volume_ml,
        "total_uptake_SUV_ml": burden.total_uptake,
        "suv_mean": burden.suv_mean,
        "suv_max": max((lesion.uptake.suv_max for lesion in burden.lesions), default=None),
        "lesions": [lesion_row(lesion, blood) for lesion in burden.lesions],
    }


def comparison_row(comparison: LesionComparison, study: SuvStudy) -> dict[str, Any]:
    """Two tracers, site by site."""
    assert study.second is not None
    return {
        "first": study.first.tracer,
        "second": study.second.tracer,
        "second_scan": scan_row(study.second),
        "second_tumour": None if study.second.burden is None else burden_row(study.second.burden, _blood(study.second)),
        "both": comparison.count(Concordance.BOTH),
        "first_only": comparison.count(Concordance.FIRST_ONLY),
        "second_only": comparison.count(Concordance.SECOND_ONLY),
        "seen_by_more": comparison.seen_by_more,
        "sites": [
            {
                "site": number,
                "concordance": site.concordance.value,
                "first_lesions": list(site.first),
                "second_lesions": list(site.second),
                "first_suv_max": site.first_suv_max,
                "second_suv_max": site.second_suv_max,
                "ratio": site.ratio,
                "first_volume_ml": site.first_volume_ml,
                "second_volume_ml": site.second_volume_ml,
                "located_in": site.located_in,
            }
            for number, site in enumerate(comparison.sites, start=1)
        ],
    }


def write_study(study: SuvStudy, answer: Mapping[str, Any], out: Path, *, top_suv: float) -> list[str]:
    """Write answer, tables, lesion labels and figures; everything is made before the first file is written.

    Parameters
    ----------
    study : SuvStudy
        As measured.
    answer : Mapping
        From `study_answer`.
    out : Path
        Folder.
    top_suv : float
        Uptake that is black in the projections.

    Returns
    -------
    list of str
        Paths.
    """
    figures = draw(study, top_suv=top_suv)
    texts = {"suv.json": json.dumps(answer, indent=2, ensure_ascii=False, allow_nan=False) + "\n"}
    tables = {
        "regions.csv": answer["regions"],
        "sites.csv": answer["sites"],
        "lesions.csv": answer["tumour"]["lesions"] if answer["tumour"] else [],
        "comparison.csv": answer["comparison"]["sites"] if answer["comparison"] else [],
    }
    texts.update({name: csv_text([_flat(row) for row in rows]) for name, rows in tables.items() if rows})
    written = []
    for name, text in texts.items():
        write_text_atomic(out / name, text)
        written.append(str(out / name))
    if study.first.burden is not None and study.first.burden.lesions:
        written += _write_labels(study.first.burden, out)
    for name, data in figures.items():
        write_bytes_atomic(out / "figures" / name, data)
        written.append(str(out / "figures" / name))
    return written


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: " ".join(map(str, value)) if isinstance(value, list) else value for key, value in row.items()}


def _write_labels(burden: TumourBurden, out: Path) -> list[str]:
    grid = burden.lesions[0].region.grid
    labels = np.zeros(grid.shape, dtype=np.int16)
    for number, lesion in enumerate(burden.lesions, start=1):
        labels[lesion.region.mask] = number
    names = {str(n): lesion.region.name for n, lesion in enumerate(burden.lesions, start=1)}
    write_image(Image(values=labels, grid=grid, quantity=Quantity.LABEL), out / "lesions.nii.gz")
    write_text_atomic(out / "lesions.json", json.dumps(names, indent=1) + "\n")
    return [str(out / "lesions.nii.gz"), str(out / "lesions.json")]


def draw(study: SuvStudy, *, top_suv: float) -> dict[str, bytes]:
    """Draw all figures the study allows, as SVG by file name."""
    from hemadose.report import style
    from hemadose.report.figures.pet import concordance_figure, mip_figure, site_figure

    lesions = () if study.first.burden is None else study.first.burden.lesions
    figures = {"mip.svg": mip_figure(suv=study.first.suv, lesions=lesions, top_suv=top_suv)}
    if study.sites:
        by_weight = study.first.suv.measure.value == "bw" and tracer_key(study.first.scan.tracer) == "pentixafor"
        figures["sites.svg"] = site_figure(
            sites=study.sites,
            published=BRAITSCH_SITES if by_weight else None,
            published_words=BRAITSCH_WORDS,
            lines=SUV_LINES if by_weight else (),
            unit=study.first.suv.measure.unit,
        )
    if study.second is not None:
        second = () if study.second.burden is None else study.second.burden.lesions
        figures["mip_second.svg"] = mip_figure(suv=study.second.suv, lesions=second, top_suv=top_suv)
    if study.comparison is not None and study.comparison.sites and study.second is not None:
        figures["concordance.svg"] = concordance_figure(
            comparison=study.comparison, first=study.first.tracer, second=study.second.tracer
        )
    return {name: style.to_svg(figure) for name, figure in figures.items()}
