"""Patients by a property: by donor, centre, sex, diagnosis or any baseline fact."""

from __future__ import annotations

from collections.abc import Sequence

from hemadose.errors import InputError
from hemadose.model.followup import FollowUp
from hemadose.outcome.summary.describe import fact_names

OWN = ("sex", "diagnosis", "donor", "centre")
UNKNOWN = "not known"
MOST_GROUPS = 12


def group_labels(patients: Sequence[FollowUp], by: str) -> tuple[str, ...]:
    """Give the label of each patient; `UNKNOWN` where the property is missing.

    Parameters
    ----------
    patients : sequence of FollowUp
        The cohort.
    by : str
        ``"sex"``, ``"diagnosis"``, ``"donor"``, ``"centre"`` or the name of a fact.

    Raises
    ------
    InputError
        If no patient has such a property, or it has so many values that groups mean nothing.
    """
    known = (*OWN, *fact_names(patients))
    if by not in known:
        raise InputError("no such property of the patients", field="by", value=by, expected=", ".join(known))
    labels = tuple(_label(p, by) or UNKNOWN for p in patients)
    groups = set(labels) - {UNKNOWN}
    if not groups:
        raise InputError("the property is known of no patient", field="by", value=by)
    if len(groups) > MOST_GROUPS:
        raise InputError(
            "too many groups to compare", field="by", value=f"{by}: {len(groups)} values",
            expected=f"at most {MOST_GROUPS}", remedy="make a fact with few categories of it",
        )  # fmt: skip
    return labels


def _label(patient: FollowUp, by: str) -> str | None:
    if by == "sex":
        return None if patient.sex is None else patient.sex.value
    return str(getattr(patient, by)) if by in OWN else patient.fact(by)
