"""Planned and delivered: the post-therapy study against the planning one."""

from __future__ import annotations

from pathlib import Path

from hemadose.errors import CaseError
from hemadose.io.case import Case
from hemadose.io.records import from_json
from hemadose.model import StudyDoses
from hemadose.report import Comparison, PlanReport
from hemadose.workflow.study import case_administration

RESULT_FILE = "result.json"


def read_report(folder: Path) -> PlanReport:
    """Read the result of an earlier plan.

    Raises
    ------
    CaseError
        If the folder holds none.
    """
    path = folder / RESULT_FILE
    if not path.exists():
        raise CaseError("no result of a plan here", source=str(folder), expected=RESULT_FILE)
    found = from_json(path.read_text(encoding="utf-8"), source=str(path))
    if not isinstance(found, PlanReport):
        raise CaseError("the file is not the result of a plan", source=str(path))
    return found


def comparison_of(case: Case, folder: Path, delivered: StudyDoses) -> Comparison | None:
    """Compare with the planning study that the case names.

    Raises
    ------
    CaseError
        If the planning study is of another patient or has no prescription.
    """
    if case.case.compare_with is None:
        return None
    planned = read_report((folder / case.case.compare_with).resolve())
    if planned.patient.pseudonym != case.patient.pseudonym:
        raise CaseError(
            "the planning study belongs to another patient",
            field="case.compare_with",
            value=planned.patient.pseudonym,
            expected=case.patient.pseudonym,
        )
    if planned.prescription is None:
        raise CaseError("the planning study holds no prescription", field="case.compare_with")
    return Comparison(
        planned=planned.doses,
        delivered=delivered,
        planned_activity_bq=planned.prescription.activity_bq,
        delivered_activity_bq=case_administration(case).administered_activity_bq,
    )
