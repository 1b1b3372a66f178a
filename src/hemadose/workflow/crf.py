"""The case-report form as files: an empty cohort folder, a REDCap project with its map, and the data dictionary."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hemadose.errors import InputError
from hemadose.io.files import write_text_atomic
from hemadose.refdata.comorbidity import comorbidity_index
from hemadose.refdata.ctcae import ctcae
from hemadose.refdata.quantities import quantities
from hemadose.report.case_report_form import HEADER, case_report_form, dictionary_rows, export_map
from hemadose.report.data_dictionary import EXAMPLES, TABLES, dictionary_entries, dictionary_markdown

COHORT_TOML = """name = "study"
title = "Radioligand therapy before transplantation"
notes = []

[definitions]
engraftment = "CIBMTR"
ctcae = "5.0"
"""


def write_case_report_form(out: Path) -> dict[str, Any]:
    """Write the form.

    Parameters
    ----------
    out : Path
        New or empty folder.

    Returns
    -------
    dict
        Names of the files and numbers of questions.

    Raises
    ------
    InputError
        If the folder holds something already.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError("the folder is not empty", source=out.name, remedy="name a new one")
    table, criteria, comorbidities = quantities(), ctcae("5.0"), comorbidity_index()
    form = case_report_form(table, criteria, comorbidities)
    entries = dictionary_entries(table)
    files = {f"cohort/{name}": _csv(_columns(name), [EXAMPLES[name]]) for name in TABLES}
    files |= {
        "cohort/cohort.toml": COHORT_TOML,
        "redcap/data_dictionary.csv": _csv(HEADER, dictionary_rows(form)),
        "redcap/map.toml": export_map(table, criteria, comorbidities),
        "data_dictionary.csv": _csv(tuple(entries[0]), entries),
        "data_dictionary.md": dictionary_markdown(table),
    }
    for name, text in files.items():
        write_text_atomic(out / name, text)
    forms = list(dict.fromkeys(f.form for f in form))
    return {"files": list(files), "questions": {name: sum(f.form == name for f in form) for name in forms}}


def _columns(table: str) -> tuple[str, ...]:
    """Columns of a table without dates: the example speaks in days."""
    own = [c for c in TABLES[table] if c != "day_zero_on"]
    return tuple(dict.fromkeys([*own, *EXAMPLES[table]]))


def _csv(header: Sequence[str], rows: Sequence[Mapping[str, str]]) -> str:
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, fieldnames=list(header), restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()
