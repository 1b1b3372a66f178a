"""Response as recorded, days in hospital, intensive care."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hemadose.model.followup import EventKind, FollowUp
from hemadose.outcome.endpoints import hospital_stay_d, intensive_care_day
from hemadose.outcome.statistics.proportions import Proportion, proportion
from hemadose.outcome.summary.describe import NumberSummary, describe_numbers
from hemadose.outcome.summary.regimen import observed, start_of_conditioning
from hemadose.outcome.summary.toxicity import Outcomes, outcomes


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortStay:
    """Hospital and intensive care.

    Attributes
    ----------
    stay_d : NumberSummary
        First admission to the discharge after day 0.
    intensive_care : Proportion
        Of the patients with a day of therapy and anything recorded after it.
    intensive_care_day : NumberSummary
        Days from the start of conditioning.
    """

    stay_d: NumberSummary
    intensive_care: Proportion
    intensive_care_day: NumberSummary


def response(patients: Sequence[FollowUp]) -> Outcomes:
    """Count the first response recorded after day 0, by category as recorded.

    Patients without one are counted as not judged; they are in no denominator.
    """
    said = []
    for patient in patients:
        first = next((e for e in patient.events_of(EventKind.RESPONSE) if e.day > 0.0), None)
        said.append(None if first is None else first.term or "category not recorded")
    return outcomes("first response after day 0", said)


def stay(patients: Sequence[FollowUp]) -> CohortStay:
    """Describe hospital stays and intensive care."""
    stays = [hospital_stay_d(p) for p in patients]
    absent = [_why(p) for p, s in zip(patients, stays, strict=True) if s is None]
    starts = [(p, start_of_conditioning(p)) for p in patients]
    treated = [(p, s) for p, s in starts if s is not None and observed(p)]
    days = [d for d in (intensive_care_day(p, from_day=s) for p, s in treated) if d is not None]
    return CohortStay(
        stay_d=describe_numbers("hospital stay (d)", [s for s in stays if s is not None], absent),
        intensive_care=proportion(successes=len(days), n=len(treated)),
        intensive_care_day=describe_numbers("intensive care (d from start of conditioning)", days),
    )


def _why(patient: FollowUp) -> str:
    if patient.first(EventKind.ADMISSION) is None:
        return "no admission recorded"
    return "died or not discharged" if patient.died_on is not None else "no discharge recorded"
