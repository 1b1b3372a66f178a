"""Absorbed doses of a cohort: coefficients, the dose of the activity given, and how many exceed a limit.

A fact ``<organ>_Gy_per_GBq`` is a dose coefficient, ``activity_GBq`` the activity given; the dose of a patient is their
product. Nothing is said of a patient who lacks one of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hemadose.model.followup import FollowUp
from hemadose.outcome.statistics.proportions import Proportion, proportion
from hemadose.outcome.summary.describe import (
    NumberSummary,
    as_number,
    describe_numbers,
    fact_names,
    missing_reason,
)

ACTIVITY = "activity_GBq"
SUFFIX = "_Gy_per_GBq"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganDoses:
    """One organ of a cohort.

    Attributes
    ----------
    organ : str
        E.g. ``"kidneys"``.
    coefficient : NumberSummary
        Gy/GBq.
    dose : NumberSummary
        Gy at the activity given.
    limit_gy : float or None
        Limit, if one was set.
    above : Proportion or None
        Patients above it, of those with a dose.
    """

    organ: str
    coefficient: NumberSummary
    dose: NumberSummary
    limit_gy: float | None
    above: Proportion | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortDosimetry:
    """Activity and organs of a cohort, with doubts."""

    activity: NumberSummary
    organs: tuple[OrganDoses, ...]
    notes: tuple[str, ...] = ()


def dosimetry(patients: Sequence[FollowUp], *, limits_gy: Mapping[str, float]) -> CohortDosimetry | None:
    """Describe activities and doses.

    Parameters
    ----------
    patients : sequence of FollowUp
        The cohort.
    limits_gy : Mapping of str to float
        Limits by organ, e.g. ``{"kidneys": 23.0}``.

    Returns
    -------
    CohortDosimetry or None
        None if the cohort has no fact of this kind.
    """
    names = fact_names(patients)
    organs = [n.removesuffix(SUFFIX) for n in names if n.endswith(SUFFIX)]
    if ACTIVITY not in names and not organs:
        return None
    notes = [f"a limit is set for {o}, but no patient has a dose coefficient of it" for o in limits_gy
             if o not in organs]  # fmt: skip
    wrong = sum(
        as_number(p.fact(n)) is None
        for n in (ACTIVITY, *(o + SUFFIX for o in organs))
        for p in patients
        if p.fact(n) is not None
    )
    if wrong:
        notes.append(f"{wrong} entries of activity or dose are no numbers; left out")
    return CohortDosimetry(
        activity=_numbers(patients, ACTIVITY, ACTIVITY.replace("_", " ")),
        organs=tuple(_organ(patients, o, limits_gy.get(o)) for o in organs),
        notes=tuple(notes),
    )


def _numbers(patients: Sequence[FollowUp], field: str, name: str) -> NumberSummary:
    values = [as_number(p.fact(field)) for p in patients]
    missing = [missing_reason(p, field) for p, v in zip(patients, values, strict=True) if v is None]
    return describe_numbers(name, [v for v in values if v is not None], missing)


def _organ(patients: Sequence[FollowUp], organ: str, limit_gy: float | None) -> OrganDoses:
    doses, missing = [], []
    for patient in patients:
        each = {f: as_number(patient.fact(f)) for f in (ACTIVITY, organ + SUFFIX)}
        activity, coefficient = each.values()
        if activity is None or coefficient is None:
            missing.append(", ".join(f"{f} {missing_reason(patient, f)}" for f, v in each.items() if v is None))
            continue
        doses.append(activity * coefficient)
    above = None
    if limit_gy is not None and doses:
        above = proportion(successes=sum(d > limit_gy * (1.0 + 1e-12) for d in doses), n=len(doses))
    return OrganDoses(
        organ=organ,
        coefficient=_numbers(patients, organ + SUFFIX, f"{organ} (Gy/GBq)"),
        dose=describe_numbers(f"{organ} (Gy)", doses, missing),
        limit_gy=limit_gy,
        above=above,
    )
