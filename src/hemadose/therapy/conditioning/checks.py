"""Checks of a conditioning calendar: what was planned against the rules of `hemadose.therapy.conditioning.rules`.

A broken rule is a warning that travels with the course.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from hemadose.model import CourseWarning, Donor, Patient, Prescription
from hemadose.therapy.conditioning.drug_checks import drug_warnings
from hemadose.therapy.conditioning.regimen import CourseChoices, CourseOrder, Regimen
from hemadose.therapy.conditioning.renal import fludarabine_renal_fraction
from hemadose.therapy.conditioning.rules import RULES, warning, with_overrides
from hemadose.therapy.timing.residual import days_up
from hemadose.units import DAY_S

__all__ = ["RULES", "find_warnings", "fludarabine_renal_fraction"]

INTERVAL_TOLERANCE_D = 0.5


def find_warnings(
    *,
    regimen: Regimen,
    donor: Donor,
    patient: Patient,
    choices: CourseChoices,
    day_zero_on: date,
    prescription: Prescription | None,
) -> tuple[CourseWarning, ...]:
    """Give every warning of a course, the gravest first, with overrides applied.

    Raises
    ------
    PlanningError
        For an override of an unknown or not overridable rule, or without a reason.
    """
    found = [
        *_graft_and_timing(regimen, choices, prescription),
        *_weekends(regimen, choices, day_zero_on),
        *drug_warnings(regimen, donor, patient, choices),
        *_supportive(regimen, choices),
    ]
    return with_overrides(found, choices.overrides)


def _graft_and_timing(
    regimen: Regimen, choices: CourseChoices, prescription: Prescription | None
) -> Iterator[CourseWarning]:
    if not choices.graft_confirmed:
        yield warning(
            "GRAFT-UNCONFIRMED",
            "Donor and graft are not confirmed for day 0: do not give the endoradiotherapy before they are.",
        )
    gap = regimen.tbi.days[0] - choices.ert_day
    if gap < regimen.ert_to_tbi_min_days:
        yield warning(
            "ERT-TBI-INTERVAL",
            f"Only {gap} d from endoradiotherapy to irradiation; at least {regimen.ert_to_tbi_min_days} d.",
        )
    yield from _to_chemotherapy(regimen, choices)
    if not regimen.ert_days:
        yield warning(
            "ERT-UNPUBLISHED",
            f"No publication gives a day of endoradiotherapy with {regimen.id}; day {choices.ert_day:+d} is the choice "
            "of the centre.",
        )
    elif choices.ert_day not in regimen.ert_days:
        published = " or ".join(f"{day:+d}" for day in regimen.ert_days)
        yield warning("ERT-DAY", f"Endoradiotherapy on day {choices.ert_day:+d}; published are days {published}.")
    if len(regimen.tbi.permitted_gy) > 1 and choices.tbi_dose_gy == min(regimen.tbi.permitted_gy):
        yield warning(
            "TBI-FRACTIONS",
            f"{choices.tbi_dose_gy:g} Gy fill the first days of irradiation; confirm which day stays free.",
        )
    if prescription is not None:
        yield from _prescribed_interval(choices, prescription)


def _to_chemotherapy(regimen: Regimen, choices: CourseChoices) -> Iterator[CourseWarning]:
    """Interval to chemotherapy that comes before irradiation."""
    if regimen.order is CourseOrder.IRRADIATION_FIRST:
        return
    first = min((i.days[0] for i in regimen.items if i.kind == "chemotherapy"), default=0)
    gap = first - choices.ert_day
    if gap < regimen.ert_to_tbi_min_days:
        yield warning(
            "ERT-CHEMO-INTERVAL",
            f"Only {gap} d from endoradiotherapy to chemotherapy; {regimen.ert_to_tbi_min_days} d are kept to "
            "irradiation elsewhere.",
        )


def _weekends(regimen: Regimen, choices: CourseChoices, day_zero_on: date) -> Iterator[CourseWarning]:
    planned = [("endoradiotherapy", choices.ert_day), ("infusion of stem cells", 0)]
    planned += [("irradiation", day) for day, _ in regimen.tbi.fractions(choices.tbi_dose_gy)]
    found = [f"{title} on day {day:+d}" for title, day in planned if _is_weekend(day_zero_on, day)]
    if found:
        yield warning("WEEKEND", f"At a weekend: {', '.join(found)}.")


def _is_weekend(day_zero_on: date, day: int) -> bool:
    return (day_zero_on + timedelta(days=day)).weekday() >= 5


def _prescribed_interval(choices: CourseChoices, prescription: Prescription) -> Iterator[CourseWarning]:
    interval_d = -float(choices.ert_day)
    planned = prescription.interval_to_infusion_s
    if planned is not None and abs(planned / DAY_S - interval_d) > INTERVAL_TOLERANCE_D:
        yield warning(
            "INTERVAL-MISMATCH",
            f"The activity was calculated for {planned / DAY_S:.1f} d from endoradiotherapy to infusion, "
            f"the calendar holds {interval_d:g} d.",
        )
    earliest = prescription.earliest_infusion_s
    if earliest is not None and earliest > interval_d * DAY_S:
        yield warning(
            "RESIDUAL-MARROW",
            f"The marrow dose after infusion meets its limit only {days_up(earliest / DAY_S)} d after "
            f"endoradiotherapy; the calendar holds {interval_d:g} d.",
        )


def _supportive(regimen: Regimen, choices: CourseChoices) -> Iterator[CourseWarning]:
    yield warning(
        "POTASSIUM",
        "Amino acids raise potassium: measure before, 4 h and 24 h after the start of the infusion. "
        "A rise within 24 h is not by itself a sign of tumour lysis.",
    )
    if choices.amino_acids is None:
        yield warning(
            "AMINO-ACID-AMOUNT",
            "Grams of arginine and lysine are not stated (“2 % L-arginine and L-lysine” in 1000 ml can "
            "mean 20 g + 20 g or 10 g + 10 g; 25 g + 25 g is standard in other therapies): ask the pharmacy.",
        )
    yield warning(
        "TLS",
        "Tumour lysis prophylaxis and laboratory in three overlapping windows: endoradiotherapy, irradiation "
        "and chemotherapy, each from 3 d before to 7 d after its start.",
    )
    if regimen.days_of("cyclophosphamide", before_graft=False):
        yield warning("PTCY-STEROIDS", "No corticosteroid as antiemetic from day 0 to day +4.")
