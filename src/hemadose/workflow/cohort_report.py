"""A cohort folder into a report: tables, figures, page and one file with every number."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hemadose.errors import InputError
from hemadose.io.files import write_bytes_atomic
from hemadose.outcome.engraftment import engraftment_rule
from hemadose.outcome.summary.cohort import CohortSummary, summarise_cohort
from hemadose.provenance import __version__
from hemadose.refdata.ctcae import VERSIONS, ctcae
from hemadose.refdata.quantities import quantities
from hemadose.report.cohort_document import cohort_document
from hemadose.report.cohort_page import render_cohort_html, render_cohort_pdf
from hemadose.report.cohort_rows import cohort_rows
from hemadose.workflow.cohort_figures import cohort_figures
from hemadose.workflow.followup import read_followup

KIDNEY_LIMIT_GY = 23.0
"""Limit of Braitsch 2025; kidneys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortReportOptions:
    """Choices of a report.

    Attributes
    ----------
    ctcae : str
        Version; ``""`` takes what the cohort defines, otherwise 5.0.
    engraftment : str
        Name of the definition; ``""`` takes what the cohort defines, otherwise CIBMTR.
    by : str
        Property that makes groups.
    title : str
        Head line; ``""`` for the title of the cohort.
    limits_gy : Mapping of str to float
        Dose limits by organ.
    toxicity_until_day : float
        End of the window of toxicity.
    pdf, figures : bool
        Whether to make them.
    columns : Path or None
        Map of the columns of a REDCap export.
    """

    ctcae: str = ""
    engraftment: str = ""
    by: str = ""
    title: str = ""
    limits_gy: Mapping[str, float] = field(default_factory=lambda: {"kidneys": KIDNEY_LIMIT_GY})
    toxicity_until_day: float = 100.0
    pdf: bool = True
    figures: bool = True
    columns: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortReport:
    """What was made.

    Attributes
    ----------
    summary : CohortSummary
        The values.
    payload : Mapping
        JSON-ready: choices, tables, notes.
    written : tuple of Path
        Files.
    """

    summary: CohortSummary
    payload: Mapping[str, Any]
    written: tuple[Path, ...]


def cohort_report(folder: Path, out: Path, options: CohortReportOptions | None = None) -> CohortReport:
    """Report on a cohort folder.

    Nothing is written before everything has been computed.

    Parameters
    ----------
    folder : Path
        With ``patients.csv`` and, as far as there are, the other tables of `hemadose.io.cohort_folder`; or a FHIR
        bundle (``.json``), or a REDCap export (``.csv``).
    out : Path
        Result folder.
    options : CohortReportOptions, optional
        Choices.

    Raises
    ------
    InputError, QuantityError, TimingError
        If the folder cannot be read, the cohort is empty, or a choice is unknown.
    """
    chosen = options or CohortReportOptions()
    if not folder.exists():
        raise InputError("no such folder", source=folder.name, expected="a folder with patients.csv")
    table, cohort = quantities(), read_followup(folder, columns=chosen.columns)
    defined = dict(cohort.definitions)
    version = chosen.ctcae or defined.get("ctcae", VERSIONS[0])
    found = summarise_cohort(
        cohort,
        criteria=ctcae(version),
        quantities=table,
        rule=engraftment_rule(chosen.engraftment or defined.get("engraftment", "CIBMTR")),
        limits_gy=chosen.limits_gy,
        by=chosen.by,
        toxicity_until_day=chosen.toxicity_until_day,
    )
    tables = cohort_rows(found)
    figures = cohort_figures(found) if chosen.figures else ()
    document = cohort_document(found, title=chosen.title or cohort.title, criteria=version, figures=figures)
    payload = {
        "cohort": cohort.name, "title": document["title"], "version": __version__, "patients": len(cohort.patients),
        "ctcae": version, "engraftment": found.recovery.definition, "by": found.by or None,
        "limits_Gy": dict(chosen.limits_gy), "policy": document["policy"], "tables": tables,
        "notes": document["notes"],
    }  # fmt: skip
    files: dict[str, bytes] = {"report.html": render_cohort_html(document).encode()}
    if chosen.pdf:
        files["report.pdf"] = render_cohort_pdf(document)
    files["cohort.json"] = (json.dumps(payload, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()
    files |= {f"tables/{name}.csv": csv_bytes(rows) for name, rows in tables.items()}
    files |= {f"figures/{f.name}.svg": f.data for f in figures}
    for name, data in files.items():
        write_bytes_atomic(out / name, data)
    return CohortReport(summary=found, payload=payload, written=tuple(out / name for name in files))


def csv_bytes(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Give rows of like keys as CSV."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue().encode()
