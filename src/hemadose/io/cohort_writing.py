"""A cohort written as the folder of tables that `hemadose.io.cohort_folder` reads."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np

from hemadose.io.files import write_text_atomic
from hemadose.model.followup import FollowUpCohort


def write_cohort_folder(cohort: FollowUpCohort, folder: Path) -> tuple[Path, ...]:
    """Write a cohort as the tables that `read_cohort_folder` reads; days only, no dates.

    Raises
    ------
    OSError
        If the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names = sorted({name for p in cohort.patients for name, _ in p.facts})
    people = [
        [p.pseudonym, p.sex.value if p.sex else "", _text(p.age_years), p.diagnosis, p.donor, p.centre, p.day_zero]
        + [p.fact(n) or "" for n in names]
        for p in cohort.patients
    ]
    measured = (
        [
            p.pseudonym,
            _text(d),
            s.quantity,
            {-1: "<", 0: "", 1: ">"}[int(b)] + _text(v),
            s.unit,
            _text(lo),
            _text(hi),
            s.site,
        ]
        for p in cohort.patients
        for s in p.series
        for d, v, lo, hi, b in zip(s.day, s.value, s.lower_limit, s.upper_limit, s.bound, strict=True)  # type: ignore[arg-type]
    )
    happened = (
        [p.pseudonym, _text(e.day), e.kind.name.lower(), e.term, _text(e.grade), _text(e.until_day), _text(e.amount),
         e.unit or "", e.detail]
        for p in cohort.patients
        for e in p.events
    )  # fmt: skip
    gaps = ([p.pseudonym, g.field, g.reason.name.lower(), g.note] for p in cohort.patients for g in p.gaps)
    tables = {
        "patients.csv": (["patient", "sex", "age_years", "diagnosis", "donor", "centre", "day_zero", *names], people),
        "measurements.csv": (["patient", "day", "quantity", "value", "unit", "lower", "upper", "site"], measured),
        "events.csv": (["patient", "day", "kind", "term", "grade", "until_day", "amount", "unit", "detail"], happened),
        "gaps.csv": (["patient", "field", "reason", "note"], gaps),
    }
    written = []
    for name, (header, rows) in tables.items():
        path = folder / name
        write_text_atomic(path, _csv(header, rows))
        written.append(path)
    head = [f"name = {_toml(cohort.name)}", f"title = {_toml(cohort.title)}"]
    head += ["notes = [" + ", ".join(_toml(n) for n in cohort.notes) + "]"]
    head += ["", "[definitions]", *(f"{_toml(k)} = {_toml(v)}" for k, v in cohort.definitions)]
    write_text_atomic(folder / "cohort.toml", "\n".join(head) + "\n")
    return (*written, folder / "cohort.toml")


def _text(value: float | int | None) -> str:
    if value is None or np.isnan(value):
        return ""
    return f"{float(value):.10g}"


def _toml(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") + '"'


def _csv(header: Sequence[str], rows: Any) -> str:
    buffer = StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return buffer.getvalue()
