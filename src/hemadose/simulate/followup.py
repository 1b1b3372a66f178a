"""Patients who never lived: a cohort with follow-up whose truth is known.

Conditioning as in Braitsch 2025 (radioligand therapy, irradiation, chemotherapy, infusion on day 0). Counts fall and
recover along known curves, relapse and death without relapse strike with known constant hazards, so that every number
a cohort report gives has a value it should have given.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemadose.errors import QuantityError
from hemadose.model._checks import require_non_negative, require_positive
from hemadose.model.followup import Event, EventKind, FollowUp, FollowUpCohort, Series
from hemadose.model.patient import Sex

Floats = npt.NDArray[np.float64]
_TERMS = ("mucositis oral", "sepsis", "lung infection")
_CENTRES = ("centre A", "centre B")


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortTruth:
    """What is true of the simulated patients.

    Attributes
    ----------
    relapse_per_d, death_per_d : float
        Hazards of relapse, and of death without relapse, from day 0.
    death_after_relapse_per_d : float
        Hazard of death once relapsed.
    follow_up_d : float
        Patients are censored between half of this and all of it, evenly.
    neutrophil_day, neutrophil_sd_d : float
        Mean and SD of the day on which neutrophils reach 0.5 x 10^9/l.
    platelet_day, platelet_sd_d : float
        Of platelets reaching 20 x 10^9/l.
    tumour_lysis, kidney_injury : float
        Share of patients with laboratory tumour lysis after radioligand therapy, and whose creatinine doubles.
    complete_remission : float
        Share of those alive on day 30 who are in remission.
    """

    relapse_per_d: float = 0.4 / 365.0
    death_per_d: float = 0.25 / 365.0
    death_after_relapse_per_d: float = 1.5 / 365.0
    follow_up_d: float = 1095.0
    neutrophil_day: float = 18.0
    neutrophil_sd_d: float = 3.0
    platelet_day: float = 24.0
    platelet_sd_d: float = 5.0
    tumour_lysis: float = 0.1
    kidney_injury: float = 0.2
    complete_remission: float = 0.8

    def __post_init__(self) -> None:
        """Check hazards and shares."""
        require_positive("cohort", follow_up_d=self.follow_up_d, neutrophil_day=self.neutrophil_day)
        require_non_negative(
            "cohort", relapse_per_d=self.relapse_per_d, death_per_d=self.death_per_d,
            death_after_relapse_per_d=self.death_after_relapse_per_d,
        )  # fmt: skip
        for name in ("tumour_lysis", "kidney_injury", "complete_remission"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise QuantityError("a share lies between 0 and 1", field=name, value=f"{getattr(self, name):g}")

    def incidence(self, day: float) -> tuple[float, float]:
        """True cumulative incidence of relapse, and of death without relapse, by a day.

        Examples
        --------
        >>> relapse, death = CohortTruth().incidence(365.0)
        >>> round(relapse, 4), round(death, 4)
        (0.2941, 0.1838)
        """
        both = self.relapse_per_d + self.death_per_d
        ended = 1.0 - float(np.exp(-both * day))
        return (ended * self.relapse_per_d / both, ended * self.death_per_d / both) if both else (0.0, 0.0)

    def survival(self, day: float) -> float:
        """True overall survival at a day.

        Alive without relapse, or relapsed at s and alive since: the integral of both hazards.
        """
        both, after = self.relapse_per_d + self.death_per_d, self.death_after_relapse_per_d
        free = float(np.exp(-both * day))
        if np.isclose(both, after):
            return free + self.relapse_per_d * day * free
        return free + self.relapse_per_d * (float(np.exp(-after * day)) - free) / (both - after)


def simulate_cohort(count: int, *, truth: CohortTruth | None = None, seed: int = 20261121) -> FollowUpCohort:
    """Simulate a cohort.

    Parameters
    ----------
    count : int
        Number of patients, one or more.
    truth : CohortTruth, optional
        What is true of them.
    seed : int
        Of the random numbers: each patient has a stream of its own, so that a larger cohort begins with the smaller.

    Returns
    -------
    FollowUpCohort
        Pseudonyms ``S00001`` ...

    Raises
    ------
    QuantityError
        If there is no patient.
    """
    if count < 1:
        raise QuantityError("a cohort has at least one patient", field="count", value=str(count))
    chosen = truth or CohortTruth()
    return FollowUpCohort(
        name=f"simulated-{count}",
        title=f"{count} simulated patients",
        patients=tuple(_patient(i, chosen, np.random.default_rng([seed, i])) for i in range(count)),
        definitions=(("engraftment", "CIBMTR"), ("ctcae", "5.0")),
        notes=("simulated: no patient is described",),
    )


def _patient(index: int, truth: CohortTruth, rng: np.random.Generator) -> FollowUp:
    relapse, death = (_strikes(h, rng) for h in (truth.relapse_per_d, truth.death_per_d))
    censored = truth.follow_up_d * rng.uniform(0.5, 1.0)
    first = min(relapse, death)
    relapsed = relapse < death
    dies = relapse + _strikes(truth.death_after_relapse_per_d, rng) if relapsed else death
    last = min(dies, censored)
    events = [*_conditioning(rng), *_complications(last, rng)]
    if relapsed and first < censored:
        events.append(Event(day=_tenth(first), kind=EventKind.RELAPSE, term="haematological"))
    if last > 30.0:
        category = "CRi" if rng.random() < truth.complete_remission else "NR"
        events.append(Event(day=30.0, kind=EventKind.RESPONSE, term=category))
        stay = _tenth(float(np.clip(rng.normal(35.0, 6.0), 31.0, last)))
        events.append(Event(day=stay, kind=EventKind.DISCHARGE))
    end = EventKind.DEATH if dies <= censored else EventKind.LAST_CONTACT
    events.append(Event(day=_tenth(last), kind=end))
    donor = str(rng.choice(["MUD", "MRD", "HID", "MMUD"], p=[0.5, 0.2, 0.2, 0.1]))
    return FollowUp(
        pseudonym=f"S{index + 1:05d}",
        series=_series(last, truth, rng, events),
        events=tuple(sorted(events, key=lambda e: e.day)),
        sex=Sex.MALE if rng.random() < 0.55 else Sex.FEMALE,
        age_years=float(np.round(np.clip(rng.normal(48.0, 10.0), 18.0, 75.0), 1)),
        diagnosis="AML",
        donor=donor,
        centre=_CENTRES[int(rng.random() < 0.4)],
        facts=(
            ("de_novo", "yes" if rng.random() < 0.7 else "no"),
            ("prior_lines", str(int(rng.integers(2, 7)))),
            ("activity_GBq", f"{float(np.clip(rng.normal(12.4, 2.7), 5.0, 20.0)):.1f}"),
            ("kidneys_Gy_per_GBq", f"{float(np.exp(rng.normal(np.log(1.3), 0.35))):.2f}"),
            ("red_marrow_Gy_per_GBq", f"{float(np.exp(rng.normal(np.log(0.4), 0.4))):.2f}"),
        ),
    )


def _strikes(hazard: float, rng: np.random.Generator) -> float:
    return float(rng.exponential(1.0 / hazard)) if hazard > 0.0 else np.inf


def _tenth(day: float) -> float:
    return float(np.round(day, 1))


def _conditioning(rng: np.random.Generator) -> list[Event]:
    start = float(rng.choice([-15.0, -14.0]))
    return [
        Event(day=start - 2.0, kind=EventKind.ADMISSION),
        Event(day=start, kind=EventKind.RADIOLIGAND, term="lu177-pentixather"),
        Event(day=-9.0, kind=EventKind.IRRADIATION, until_day=-7.0, amount=8.0, unit="Gy"),
        Event(day=-5.0, kind=EventKind.CHEMOTHERAPY, term="fludarabine", until_day=-2.0),
        Event(day=0.0, kind=EventKind.GRAFT, term="peripheral blood"),
    ]


def _complications(last: float, rng: np.random.Generator) -> list[Event]:
    found = []
    for term, share in zip(_TERMS, (0.9, 0.5, 0.4), strict=True):
        day = _tenth(float(rng.uniform(2.0, 14.0)))
        if rng.random() < share and day < last:
            grade = int(rng.choice([2, 3, 4], p=[0.4, 0.5, 0.1]))
            found.append(Event(day=day, kind=EventKind.ADVERSE_EVENT, term=term, grade=grade))
    day = _tenth(float(rng.uniform(3.0, 12.0)))
    if rng.random() < 0.2 and day < last:
        found.append(Event(day=day, kind=EventKind.INTENSIVE_CARE, until_day=min(day + 5.0, _tenth(last))))
    return found


def _series(last: float, truth: CohortTruth, rng: np.random.Generator, events: list[Event]) -> tuple[Series, ...]:
    """Laboratory values up to day 60, or the end."""
    early, late = np.array([-20.0, -16.0, -13.0, -12.0, -11.0, -9.0, -6.0, -3.0]), np.arange(0.0, 61.0, 2.0)
    day = np.concatenate([early, late[late < last]])
    recovery = {
        "neutrophils": float(np.clip(rng.normal(truth.neutrophil_day, truth.neutrophil_sd_d), 9.0, 45.0)),
        "platelets": float(np.clip(rng.normal(truth.platelet_day, truth.platelet_sd_d), 9.0, 55.0)),
    }
    noise = rng.normal(1.0, 0.03, (6, day.size))
    neutrophils = _count(day, 3.0, 0.5, recovery["neutrophils"], 0.02)
    platelets = _count(day, 120.0, 20.0, recovery["platelets"], 6.0)
    for at in day[(platelets < 10.0) & (day > 0.0) & (day % 4.0 == 0.0)]:
        events.append(Event(day=float(at), kind=EventKind.TRANSFUSION, term="platelets"))
    injured = 1.0 + (rng.random() < truth.kidney_injury) * np.exp(-(((day - 8.0) / 5.0) ** 2))
    lysis = 1.0 + 0.6 * (rng.random() < truth.tumour_lysis) * (np.abs(day + 12.0) < 1.5)
    peak = 1.0 + 2.0 * np.exp(-(((day + 12.0) / 2.0) ** 2))
    tables = (
        ("neutrophils", "10*9/L", neutrophils * noise[0], 1.8, 7.5),
        ("platelets", "10*9/L", platelets * noise[1], 150.0, 400.0),
        ("creatinine", "mg/dL", 0.8 * injured * noise[2], 0.5, 1.1),
        ("ldh", "U/L", 240.0 * peak * noise[3], 120.0, 250.0),
        ("urate", "mg/dL", 5.5 * lysis * noise[4], 2.4, 7.0),
        ("potassium", "mmol/L", 4.1 * lysis * noise[5], 3.5, 5.1),
        ("phosphate", "mg/dL", 3.4 * lysis, 2.5, 4.5),
        ("calcium", "mg/dL", np.full(day.size, 9.0), 8.5, 10.5),
        ("bilirubin", "mg/dL", 0.7 * noise[0], 0.1, 1.2),
    )
    made = [
        Series(
            quantity=name, unit=unit, day=day, value=np.round(value, 3), lower_limit=np.full(day.size, low),
            upper_limit=np.full(day.size, high), source="simulated",
        )
        for name, unit, value, low, high in tables
    ]  # fmt: skip
    if last > 28.0:
        recipient = np.round(rng.uniform(0.0, 2.0, 1), 2)
        made.append(Series(quantity="recipient_chimerism", unit="%", day=np.array([28.0]), value=recipient))
    return tuple(made)


def _count(day: Floats, before: float, threshold: float, recovered_on: float, nadir: float) -> Floats:
    """Falls from radioligand therapy to the nadir by day 0; passes the threshold on its day and rises to `before`."""
    fall = np.interp(day, [-14.0, -1.0], [np.log(before), np.log(nadir)])
    rise = np.log(threshold) + (day - recovered_on) * 0.35
    return np.exp(np.where(day < 0.0, fall, np.clip(rise, np.log(nadir), np.log(before))))
