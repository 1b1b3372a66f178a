"""The record of a course and of its check by a second person, and the order sheet as a table.

``course.json`` holds what was entered, its digest and every number; ``verification.json`` what the second person
entered and where the two differ. Neither holds an identifier of the patient.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hemadose.errors import InputError
from hemadose.io.files import write_text_atomic
from hemadose.io.tables import csv_text
from hemadose.provenance import __version__, digest_parameters
from hemadose.therapy.conditioning.order import OrderLine
from hemadose.therapy.conditioning.verification import Difference, Number

COURSE_FORMAT = "hemadose-course-1"
VERIFICATION_FORMAT = "hemadose-verification-1"
RESEARCH_USE = "Research use - not an order. To be confirmed by the treating team."
_REQUIRED = (
    "format",
    "planner",
    "inputs",
    "inputs_sha256",
    "numbers",
    "numbers_sha256",
    "regimen_sha256",
    "record_sha256",
)


def course_record(
    *,
    planner: str,
    made_at: str,
    inputs: Mapping[str, Any],
    regimen_sha256: str,
    numbers: Mapping[str, Number],
    warnings: Sequence[Mapping[str, str]],
    overrides: Mapping[str, str],
) -> dict[str, Any]:
    """Give the content of ``course.json``.

    Parameters
    ----------
    planner : str
        Role or initials.
    made_at : str
        Date and time with offset.
    inputs : Mapping
        Everything that was entered, in field units.
    regimen_sha256 : str
        Digest of the regimen used.
    numbers : Mapping of str to float or str
        From `hemadose.therapy.conditioning.verification.course_numbers`.
    warnings : sequence of Mapping
        Code, severity, text, source.
    overrides : Mapping of str to str
        Code to reason.
    """
    record = {
        "format": COURSE_FORMAT,
        "hemadose": __version__,
        "research_use": RESEARCH_USE,
        "planner": planner,
        "made_at": made_at,
        "inputs": dict(inputs),
        "inputs_sha256": digest_parameters(inputs),
        "regimen_sha256": regimen_sha256,
        "overrides": dict(overrides),
        "warnings": [dict(w) for w in warnings],
        "numbers": dict(numbers),
        "numbers_sha256": digest_parameters(numbers),
    }
    return {**record, "record_sha256": digest_parameters(record)}


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a record as indented JSON, whole or not at all."""
    write_text_atomic(path, json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_course_record(path: Path) -> dict[str, Any]:
    """Read ``course.json`` and check that it was not changed after it was written.

    Raises
    ------
    InputError
        No such file, not a record of a course, or digests that do not fit the content.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as problem:
        raise InputError("no such file", source=path.name) from problem
    except (json.JSONDecodeError, UnicodeDecodeError) as problem:
        raise InputError("not a record of a course", source=path.name, value=str(problem)) from problem
    missing = [key for key in _REQUIRED if not isinstance(content, dict) or key not in content]
    if missing or content["format"] != COURSE_FORMAT:
        raise InputError(
            "not a record of a course",
            source=path.name,
            field=", ".join(missing) or "format",
            expected=COURSE_FORMAT,
            remedy="write it with hemadose schedule --out",
        )
    for part in ("inputs", "numbers"):
        if digest_parameters(content[part]) != content[f"{part}_sha256"]:
            raise InputError(
                f"the {part} of this record were changed after it was written",
                source=path.name,
                field=part,
                remedy="plan anew with hemadose schedule --out",
            )
    if digest_parameters({k: v for k, v in content.items() if k != "record_sha256"}) != content["record_sha256"]:
        raise InputError(
            "this record was changed after it was written",
            source=path.name,
            remedy="plan anew with hemadose schedule --out",
        )
    return dict(content)


def verification_record(
    *,
    planner: str,
    verifier: str,
    verified_at: str,
    course_sha256: str,
    inputs: Mapping[str, Any],
    input_differences: Sequence[Difference],
    differences: Sequence[Difference],
    compared: int,
) -> dict[str, Any]:
    """Give the content of ``verification.json``.

    Parameters
    ----------
    planner, verifier : str
        Roles or initials.
    verified_at : str
        Date and time with offset.
    course_sha256 : str
        Digest of the file that was verified.
    inputs : Mapping
        What the verifier entered.
    input_differences, differences : sequence of Difference
        In what was entered, and in the numbers.
    compared : int
        How many numbers and words were compared.
    """
    return {
        "format": VERIFICATION_FORMAT,
        "hemadose": __version__,
        "research_use": RESEARCH_USE,
        "planner": planner,
        "verifier": verifier,
        "verified_at": verified_at,
        "course_sha256": course_sha256,
        "inputs": dict(inputs),
        "inputs_sha256": digest_parameters(inputs),
        "compared": compared,
        "agree": not differences and not input_differences,
        "input_differences": [asdict(d) for d in input_differences],
        "differences": [asdict(d) for d in differences],
    }


def write_order_csv(lines: Sequence[OrderLine], path: Path) -> None:
    """Write the order sheet as a CSV table."""
    write_text_atomic(path, f"# {RESEARCH_USE}\n" + csv_text(order_rows(lines)))


def order_rows(lines: Sequence[OrderLine]) -> list[dict[str, Any]]:
    """Rows of the order sheet, numbers with six significant digits."""
    return [
        {
            "day": line.day,
            "last_day": "" if line.last_day is None else line.last_day,
            "date": line.on.isoformat(),
            "weekday": line.on.strftime("%a"),
            "lane": line.lane.value,
            "agent": line.agent,
            "ordered": line.ordered,
            "fraction": f"{line.fraction:g}",
            "size": line.size,
            "size_rule": line.size_rule,
            "single": _six(line.single),
            "times_per_day": line.times_per_day,
            "per_day": "must not be given" if line.refused else _six(line.per_day),
            "so_far": _six(line.so_far),
            "total": _six(line.total),
            "unit": line.unit,
            "unverified": "yes" if line.unverified else "",
            "checks": " ".join(line.checks),
            "remark": line.remark,
        }
        for line in lines
    ]


def _six(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"
