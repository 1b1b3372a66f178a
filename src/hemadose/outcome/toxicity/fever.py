"""Fever and neutropenia together.

Source: CTCAE v5.0, febrile neutropenia: neutrophils below 1.0 x 10^9/l with a single temperature above 38.3 degrees or
38.0 or more for longer than an hour is grade 3; grades 4 and 5 need a person's judgement.
"""

from __future__ import annotations

import numpy as np

from hemadose.model.followup import Decision, Event, EventKind, FollowUp

SOURCE = "National Cancer Institute. CTCAE v5.0, 27 November 2017, febrile neutropenia"
NEUTROPHILS = 1.0
SINGLE_CEL, SUSTAINED_CEL = 38.3, 38.0
_HOUR_D = 1.0 / 24.0
RULE = "CTCAE 5.0 febrile neutropenia"


def febrile_neutropenia(patient: FollowUp, *, first_day: float, last_day: float, carry_days: float = 1.5) -> Decision:
    """Find the first day of febrile neutropenia in a window.

    Parameters
    ----------
    patient : FollowUp
        With temperature (Cel) and neutrophils (10*9/L).
    first_day, last_day : float
        Window.
    carry_days : float
        The last neutrophil count is held to be true for so long.

    Returns
    -------
    Decision
        ``"grade 3"`` (or what a person recorded, if worse), ``"none"``, or open.
    """
    recorded = [
        e
        for e in patient.events_of(EventKind.ADVERSE_EVENT, EventKind.DEATH)
        if "febrile neutropenia" in e.term.lower() and first_day <= e.day <= last_day
    ]
    worst = max((_recorded_grade(e) for e in recorded), default=0)
    temperature, neutrophils = patient.of("temperature"), patient.of("neutrophils")
    fever = None if temperature is None else temperature.between(first_day, last_day)
    if fever is None or len(fever) == 0 or neutrophils is None or len(neutrophils) == 0:
        if worst:
            return _found(worst, recorded[0].day, ("recorded by a person",), ())
        absent = [n for n, s in (("temperature", fever), ("neutrophils", neutrophils)) if s is None or len(s) == 0]
        return Decision(rule=RULE, outcome=None, missing=tuple(absent), source=SOURCE)
    feverish = _fever(np.asarray(fever.day), np.asarray(fever.value))
    last = np.searchsorted(neutrophils.day, fever.day, side="right") - 1
    known = (last >= 0) & (fever.day - neutrophils.day[np.maximum(last, 0)] <= carry_days)
    low = known & (neutrophils.value[np.maximum(last, 0)] < NEUTROPHILS)
    hits = np.flatnonzero(feverish & low)
    if hits.size:
        i = int(hits[0])
        said = (
            f"{fever.value[i]:g} Cel on day {fever.day[i]:.2f}",
            f"neutrophils {neutrophils.value[last[i]]:g} on day {neutrophils.day[last[i]]:g}",
        )
        return _found(max(3, worst), float(fever.day[i]), ("neutrophils < 1.0 with fever",), said)
    if worst:
        return _found(worst, recorded[0].day, ("recorded by a person",), ())
    if np.any(feverish & ~known):
        return Decision(rule=RULE, outcome=None, missing=("neutrophils on the days of fever",), source=SOURCE)
    return Decision(
        rule=RULE, outcome="none", grade=0, criteria=("no fever while neutrophils were below 1.0",), source=SOURCE,
        used=(f"{len(fever)} temperatures",),
    )  # fmt: skip


def _recorded_grade(event: Event) -> int:
    """Grade of a recorded event; the term has no grade below 3, and death is 5."""
    if event.kind is EventKind.DEATH:
        return 5
    return 3 if event.grade is None else event.grade


def _fever(day: np.ndarray, value: np.ndarray) -> np.ndarray:
    """Above 38.3 once, or at least 38.0 in two readings in a row more than an hour and at most a day apart."""
    single = value > SINGLE_CEL
    warm = value >= SUSTAINED_CEL
    gap = np.diff(day)
    pair = warm[1:] & warm[:-1] & (gap > _HOUR_D) & (gap <= 1.0)
    sustained = np.zeros(value.shape, dtype=bool)
    sustained[1:] = pair
    return np.asarray(single | sustained)


def _found(grade: int, day: float, criteria: tuple[str, ...], used: tuple[str, ...]) -> Decision:
    return Decision(
        rule=RULE, outcome=f"grade {grade}", grade=grade, day=day, criteria=criteria, used=used, source=SOURCE,
        notes=("grades 4 and 5 are given by a person, not by this rule",),
    )  # fmt: skip
