"""The quantification stage of a plan on its own: images to activity per region and time, with uncertainty."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from math import hypot
from pathlib import Path
from typing import Any

from hemadose.io.case import Case, read_case
from hemadose.io.files import digest_file, write_bytes_atomic
from hemadose.io.records import to_json
from hemadose.io.tables import csv_text
from hemadose.model import ActivitySeries
from hemadose.provenance import Provenance
from hemadose.units import GRAM_KG, HOUR_S, MBQ
from hemadose.workflow.quantify import Quantified, quantify
from hemadose.workflow.stages import Progress, Silent
from hemadose.workflow.study import case_administration, case_files, read_study


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantifyResult:
    """Activity of every region.

    Attributes
    ----------
    case : Case
        What was asked for.
    quantified : Quantified
        Series, methods, doubts.
    provenance : Provenance
        Digests of the input files.
    """

    case: Case
    quantified: Quantified
    provenance: Provenance

    def rows(self) -> list[dict[str, Any]]:
        """Give one row per region and time; `hemadose fit` reads them."""
        return [row for series in self.quantified.series for row in _rows(series)]

    def summary(self) -> dict[str, Any]:
        """Give the answer in field units, for `--json`."""
        return {
            "patient": self.case.patient.pseudonym,
            "method": self.case.quantification.method,
            "regions": [_region(series) for series in self.quantified.series],
            "samples": self.rows(),
            "methods": list(self.quantified.methods),
            "notes": self.notes(),
            "inputs": dict(self.provenance.inputs),
        }

    def notes(self) -> list[str]:
        """Give all doubts, of the study and of every region."""
        own = (note for series in self.quantified.series for note in series.notes)
        return list(dict.fromkeys((*self.quantified.notes, *own)))


def _rows(series: ActivitySeries) -> list[dict[str, Any]]:
    shared = series.shared_relative_sd
    rows = []
    for s in series.samples:
        own = None if s.sd_bq is None else s.sd_bq / MBQ
        rows.append(
            {
                "region": s.region,
                "time_h": s.time_s / HOUR_S,
                "activity_MBq": s.activity_bq / MBQ,
                "sd_MBq": own,
                "shared_sd_MBq": shared * s.activity_bq / MBQ,
                "total_sd_MBq": hypot(own or 0.0, shared * s.activity_bq / MBQ),
                "method": s.method,
            }
        )
    return rows


def _region(series: ActivitySeries) -> dict[str, Any]:
    return {
        "region": series.region,
        "samples": len(series.samples),
        "shared_relative_sd": series.shared_relative_sd,
        "volume_ml": series.volume_ml,
        "mass_g": None if series.mass_kg is None else series.mass_kg / GRAM_KG,
        "method": series.samples[0].method,
    }


def quantify_case(case_path: Path, *, progress: Progress | None = None) -> QuantifyResult:
    """Read a case and measure its regions; nothing is fitted, dosed or prescribed.

    Parameters
    ----------
    case_path : Path
        The TOML case file of a plan.
    progress : Progress, optional
        The screen.

    Returns
    -------
    QuantifyResult

    Raises
    ------
    HemadoseError
        For anything that cannot be used.
    """
    screen = progress or Silent()
    case = read_case(case_path)
    folder = case_path.parent
    administration = case_administration(case)
    digests = {str(p.relative_to(folder)): digest_file(p) for p in case_files(case, folder)}
    screen.begin("activity from images")
    found = quantify(case, read_study(case, folder), administration, folder=folder)
    screen.end("activity from images", reused=False)
    return QuantifyResult(
        case=case,
        quantified=found,
        provenance=Provenance(step="workflow.quantify_case", inputs=digests),
    )


def write_quantified(result: QuantifyResult, out: Path) -> tuple[Path, ...]:
    """Write ``activity.csv``, ``quantified.json`` (the answer) and ``series.json`` (values with provenance)."""
    sealed = replace(result.quantified, notes=tuple(result.notes()))
    contents = {
        "activity.csv": csv_text(result.rows()).encode(),
        "quantified.json": (json.dumps(result.summary(), indent=2, ensure_ascii=False) + "\n").encode(),
        "series.json": to_json({"provenance": result.provenance, "quantified": sealed}).encode(),
    }
    for name, data in contents.items():
        write_bytes_atomic(out / name, data)
    return tuple(out / name for name in contents)
