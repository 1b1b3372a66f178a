"""The check of a planned course by a second person, who enters everything anew."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hemadose.io.course_files import read_course_record, verification_record, write_json
from hemadose.io.files import digest_file
from hemadose.therapy.conditioning.verification import (
    Difference,
    compare_numbers,
    course_numbers,
    require_second_calculation,
    require_two_persons,
)
from hemadose.workflow.course_inputs import CourseInputs, plan_inputs

RECORD = "verification.json"


def verify_course(path: Path, inputs: CourseInputs, *, verifier: str) -> dict[str, Any]:
    """Calculate a course again from new inputs, compare it with the record and store the comparison beside it.

    Parameters
    ----------
    path : Path
        ``course.json`` of ``hemadose schedule --out``.
    inputs : CourseInputs
        As the verifier entered them.
    verifier : str
        Role or initials; not the planner.

    Returns
    -------
    dict
        The verification and where it was written.

    Raises
    ------
    InputError
        If the file is no record of a course or was changed after it was written.
    PlanningError
        If planner and verifier are the same person.
    """
    record = read_course_record(path)
    require_two_persons(str(record["planner"]), verifier)
    again = plan_inputs(inputs)
    require_second_calculation(again.doses, again.patient, again.choices)
    plain = inputs.as_plain()
    numbers = course_numbers(again.course, again.doses)
    differences = list(compare_numbers(record["numbers"], numbers))
    if again.regimen_sha256 != record["regimen_sha256"]:
        differences.append(
            Difference(
                what="regimen as stored", planned=record["regimen_sha256"][:12], verified=again.regimen_sha256[:12]
            )
        )
    entered = compare_numbers(_words(record["inputs"]), _words(plain))
    content = verification_record(
        planner=str(record["planner"]),
        verifier=verifier.strip(),
        verified_at=datetime.now(UTC).isoformat(timespec="seconds"),
        course_sha256=digest_file(path),
        inputs=plain,
        input_differences=entered,
        differences=differences,
        compared=len(numbers.keys() | record["numbers"].keys()),
    )
    target = _free(path.with_name(RECORD))
    write_json(target, content)
    return {**content, "written": [str(target)]}


def _free(path: Path) -> Path:
    """Give a name that no earlier verification holds: none is ever overwritten."""
    number, found = 2, path
    while found.exists():
        found = path.with_stem(f"{path.stem}-{number}")
        number += 1
    return found


def _words(inputs: dict[str, Any]) -> dict[str, float | str]:
    """Inputs as numbers and words; of an override only its code is compared, of a regimen's file only its name."""
    plain = {
        **inputs,
        "regimen": Path(inputs["regimen"]).name,
        "override": sorted(pair.partition("=")[0].strip() for pair in inputs.get("override", ())),
    }
    return {
        key: float(value) if isinstance(value, int | float) and not isinstance(value, bool) else str(value)
        for key, value in plain.items()
    }
