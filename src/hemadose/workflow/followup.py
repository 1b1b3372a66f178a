"""Use case: the follow-up of patients, read, judged, drawn and written."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hemadose.errors import InputError, ReportError
from hemadose.io.files import write_bytes_atomic, write_text_atomic
from hemadose.model.followup import FollowUpCohort
from hemadose.outcome.engraftment import engraftment_rule
from hemadose.provenance import __version__
from hemadose.refdata.ctcae import VERSIONS, ctcae
from hemadose.refdata.ctcae_clinical import clinical_terms
from hemadose.refdata.quantities import quantities
from hemadose.workflow.followup_rules import PatientFollowUp, Tables, judge_patient
from hemadose.workflow.followup_text import decision_row, decisions_csv, followup_page, summary_row

Progress = Callable[[str], None]


def read_followup(source: Path, *, columns: Path | None = None) -> FollowUpCohort:
    """Read a cohort folder, a FHIR bundle or a REDCap export, whichever `source` is.

    Parameters
    ----------
    source : Path
        A folder with ``patients.csv``, a ``.json`` bundle, or a ``.csv`` export.
    columns : Path, optional
        Map of columns (TOML) of a REDCap export; needed for a ``.csv``.

    Raises
    ------
    InputError
        If it is none of these, or the map is missing.
    """
    if columns is not None and source.suffix.lower() != ".csv":
        raise InputError("a map of columns belongs to a REDCap export", field="--columns", expected="SOURCE as .csv")
    if source.is_dir():
        from hemadose.io.cohort_folder import read_cohort_folder

        return read_cohort_folder(source, quantities=quantities())
    if not source.is_file():
        raise InputError("file or folder not found", field="SOURCE", value=source.name)
    if source.suffix.lower() == ".json":
        from hemadose.io.fhir import read_fhir

        return read_fhir([source], quantities=quantities(), name=source.stem)
    if source.suffix.lower() == ".csv":
        if columns is None:
            raise InputError(
                "a REDCap export needs a map of its columns", field="--columns", expected="TOML file",
                remedy="for a cohort folder give the folder, not one of its tables",
            )  # fmt: skip
        from hemadose.io.redcap import read_redcap

        return read_redcap(source, columns, quantities=quantities())
    raise InputError(
        "unknown kind of follow-up", field="SOURCE", value=source.name,
        expected="cohort folder, FHIR bundle (.json), REDCap export (.csv)",
    )  # fmt: skip


def followup(
    source: Path,
    *,
    patient: str | None = None,
    columns: Path | None = None,
    criteria: str = "5.0",
    engraftment: str = "CIBMTR",
    until_day: float = 100.0,
    out: Path | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Judge the follow-up of one patient or of all, and write it where asked.

    Parameters
    ----------
    source, columns : Path
        See `read_followup`.
    patient : str, optional
        Pseudonym; all patients if not given.
    criteria : str
        Version of CTCAE for laboratory grades.
    engraftment : str
        ``"CIBMTR"``, ``"EBMT"`` or ``"ASTCT"``.
    until_day : float
        End of the windows, after day 0.
    out : Path, optional
        Folder: one patient writes into it, several into a folder each.
    progress : callable, optional
        Called with the pseudonym when a patient is done.

    Returns
    -------
    dict
        JSON-ready: settings, ``patients`` with ``summary``, ``decisions``, ``ldh`` and ``notes``, ``files``.

    Raises
    ------
    InputError, QuantityError, TimingError
        If the source cannot be read, the patient is unknown, or an option makes no sense.
    """
    tables = _tables(criteria, engraftment, until_day)
    cohort = read_followup(source, columns=columns)
    chosen = cohort.patients if patient is None else (cohort.patient(patient),)
    if not chosen:
        raise InputError("there is no patient in it", field="SOURCE", value=source.name)
    folders = {} if out is None else _folders((p.pseudonym for p in chosen), out, alone=patient is not None)
    patients, written = [], []
    for each in chosen:
        found = judge_patient(each, tables)
        patients.append(_answer(found))
        if out is not None:
            written += _write_patient(found, tables, folders[each.pseudonym], cohort.notes)
        if progress is not None:
            progress(each.pseudonym)
    answer: dict[str, Any] = {
        "source": source.name, "hemadose": __version__, "ctcae": criteria, "engraftment": engraftment,
        "until_day": until_day, "patients": patients, "notes": list(cohort.notes),
    }  # fmt: skip
    if out is not None:
        written = [*_write_tables(answer, out), *written]
    return {**answer, "files": [p.as_posix() for p in written]}


def _tables(criteria: str, engraftment: str, until_day: float) -> Tables:
    if criteria not in VERSIONS:
        raise InputError("unknown version of CTCAE", field="--ctcae", value=criteria, expected=", ".join(VERSIONS))
    if not 0.0 < until_day < float("inf"):
        raise InputError("the window ends after day 0", field="--until-day", value=f"{until_day:g}", expected="> 0")
    return Tables(
        criteria=ctcae(criteria), clinical=clinical_terms(), engraftment=engraftment_rule(engraftment),
        quantities=quantities(), until_day=until_day,
    )  # fmt: skip


def _folders(pseudonyms: Iterable[str], out: Path, *, alone: bool) -> dict[str, Path]:
    """A folder per patient, named so that every file system takes it; equal names get a number."""
    found: dict[str, Path] = {}
    used: set[str] = set()
    for pseudonym in pseudonyms:
        safe = name = re.sub(r"[^A-Za-z0-9_-]+", "_", pseudonym).strip("_") or "patient"
        number = 2
        while name.lower() in used:
            name, number = f"{safe}-{number}", number + 1
        used.add(name.lower())
        found[pseudonym] = out if alone else out / name
    return found


def _answer(found: PatientFollowUp) -> dict[str, Any]:
    name = found.patient.pseudonym
    return {
        "patient": name,
        "summary": summary_row(found),
        "decisions": [decision_row(name, j) for j in found.judged],
        "ldh": None if found.ldh is None else asdict(found.ldh),
        "notes": list(found.notes),
    }


def _write_tables(answer: Mapping[str, Any], out: Path) -> list[Path]:
    rows = [row for p in answer["patients"] for row in p["decisions"]]
    write_text_atomic(out / "decisions.csv", decisions_csv(rows))
    write_text_atomic(out / "decisions.json", json.dumps(answer, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    return [out / "decisions.csv", out / "decisions.json"]


def _write_patient(found: PatientFollowUp, tables: Tables, folder: Path, notes: tuple[str, ...]) -> list[Path]:
    """Figures and page; a figure that the data do not allow is left out, and the page says why."""
    from hemadose.report.figures.outcome import ldh_figure, timeline_figure
    from hemadose.report.followup_page import render_followup
    from hemadose.report.style import to_svg

    figures: dict[str, bytes] = {}
    written, undrawn = [], []
    makers: tuple[tuple[str, str, Callable[[], Any]], ...] = (
        (
            "timeline.svg",
            f"Course from day {found.start_day - 7.0:g} to {tables.until_day:g}; colour and sign are the CTCAE grade.",
            lambda: timeline_figure(
                found.patient, criteria=tables.criteria, quantities=tables.quantities, first_day=found.start_day,
                last_day=tables.until_day,
            ),
        ),
        (
            "ldh.svg", "LDH around radioligand therapy, relative to baseline.",
            lambda: ldh_figure(found.patient, therapy_day=_therapy_day(found)),
        ),
    )  # fmt: skip
    for name, caption, make in makers:
        try:
            figures[caption] = to_svg(make())
        except ReportError as problem:
            undrawn.append(f"{name} was not drawn: {problem.message}")
            continue
        write_bytes_atomic(folder / name, figures[caption])
        written.append(folder / name)
    page = followup_page(found, tables, figures, more_notes=(*undrawn, *(f"reading: {n}" for n in notes)))
    write_text_atomic(folder / "report.html", render_followup(page))
    return [*written, folder / "report.html"]


def _therapy_day(found: PatientFollowUp) -> float | None:
    from hemadose.model.followup import EventKind

    days = [e.day for e in found.patient.events_of(EventKind.RADIOLIGAND) if e.day >= found.start_day]
    return days[0] if days else None
