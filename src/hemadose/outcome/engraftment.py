"""Recovery of blood counts after infusion of stem cells, and its failure, by definitions that are named.

The registries differ: at or above 0.5 or above it, three days in a row or three values on different days, which day a
missing recovery becomes a failure. A definition is a value; the answer carries its name.

Sources: CIBMTR forms manual, form 2100; EBMT manual, engraftment; Kharfan-Dabaja MA et al. Transplant Cell Ther
2021;27:642-649 (ASTCT).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemadose.errors import QuantityError
from hemadose.model.followup import Decision, EventKind, FollowUp, Series
from hemadose.outcome.products import PLATELETS, blood_product

Flags = npt.NDArray[np.bool_]
_SLACK_D = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class EngraftmentRule:
    """How recovery is defined.

    Attributes
    ----------
    name : str
        ``"CIBMTR"``, ``"EBMT"``, ``"ASTCT"`` or a study's own.
    neutrophils, platelets : float
        Thresholds, 10^9/l.
    above : bool
        The threshold must be exceeded; otherwise it suffices to reach it.
    consecutive_days : bool
        Three days in a row; otherwise three values on different days, whatever lies between.
    transfusion_free_days : float
        Days without platelets before the first counting value.
    primary_failure_day : float
        No neutrophil recovery by this day is primary graft failure (blood or marrow grafts).
    source : str
        Publication.
    """

    name: str
    neutrophils: float = 0.5
    platelets: float = 20.0
    above: bool = False
    consecutive_days: bool = False
    transfusion_free_days: float = 7.0
    primary_failure_day: float = 28.0
    source: str = ""


RULES = {
    "CIBMTR": EngraftmentRule(
        name="CIBMTR", primary_failure_day=42.0,
        source="CIBMTR forms manual, form 2100 (three values on different days)",
    ),
    "EBMT": EngraftmentRule(
        name="EBMT", above=True, consecutive_days=True, source="EBMT manual, engraftment (above 0.5, three days)"
    ),
    "ASTCT": EngraftmentRule(
        name="ASTCT", consecutive_days=True, primary_failure_day=30.0,
        source="Kharfan-Dabaja MA et al. Transplant Cell Ther 2021;27:642-649",
    ),
}  # fmt: skip


def engraftment_rule(name: str) -> EngraftmentRule:
    """Give a definition by name.

    Raises
    ------
    QuantityError
        If it is unknown.
    """
    if name not in RULES:
        raise QuantityError(
            "unknown definition of engraftment", field="engraftment", value=name, expected=", ".join(RULES)
        )
    return RULES[name]


def count_recovery(
    patient: FollowUp, quantity: str, *, threshold: float, rule: EngraftmentRule, platelets: bool = False
) -> Decision:
    """Find the day on which a count recovered after its nadir.

    Parameters
    ----------
    patient : FollowUp
        Day 0 is the infusion of stem cells.
    quantity : str
        ``"neutrophils"``, ``"platelets"`` or ``"leukocytes"``.
    threshold : float
        10^9/l.
    rule : EngraftmentRule
        The definition.
    platelets : bool
        Values within `transfusion_free_days` after a transfusion of platelets do not count.

    Returns
    -------
    Decision
        ``"recovered"`` with the day of the first of three values, ``"never below"``, ``"not recovered"``; open without
        data.
    """
    title = f"{quantity} {'>' if rule.above else '>='} {threshold:g} x 10^9/l, {rule.name}"
    series = patient.of(quantity)
    after = None if series is None else series.between(0.0, np.inf)
    if after is None or len(after) == 0:
        return Decision(rule=title, outcome=None, missing=(f"{quantity} after day 0",), source=rule.source)
    day, value = _daily_lowest(after)
    reached = value > threshold if rule.above else value >= threshold
    low = np.flatnonzero(~reached)
    if low.size == 0:
        return Decision(
            rule=title, outcome="never below", used=(f"{len(after)} values",), source=rule.source,
            notes=("counts never fell below the threshold after day 0: recovery has no day",),
        )  # fmt: skip
    usable = np.ones(day.shape, dtype=bool)
    if platelets:
        for event in patient.events_of(EventKind.TRANSFUSION):
            if blood_product(event.term) == PLATELETS:
                usable &= ~((day >= event.day - _SLACK_D) & (day < event.day + rule.transfusion_free_days))
    start = _third(day, reached & usable, usable, after=int(low[0]), consecutive=rule.consecutive_days)
    used = (f"{len(after)} values, lowest {float(value.min()):g}",)
    if start is None:
        return Decision(
            rule=title, outcome="not recovered", used=used, source=rule.source, criteria=("no three values",)
        )
    return Decision(
        rule=title, outcome="recovered", day=float(day[start]), used=used, source=rule.source,
        criteria=(f"first of three at {float(value[start]):g} on day {day[start]:g}",),
    )  # fmt: skip


def _daily_lowest(series: Series) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """One value a day: the lowest."""
    days = np.floor(series.day + _SLACK_D)
    unique = np.unique(days)
    lowest = np.array([series.value[days == d].min() for d in unique])
    return unique, lowest


def _third(day: npt.NDArray[np.float64], good: Flags, usable: Flags, *, after: int, consecutive: bool) -> int | None:
    """First of three good days in a row after the first low one; a day that may not be used breaks no sequence."""
    run: list[int] = []
    for i in range(after + 1, day.size):
        if not usable[i]:
            run = [] if consecutive else run
            continue
        if not good[i] or (consecutive and run and day[i] - day[run[-1]] > 1.0 + _SLACK_D):
            run = [i] if good[i] else []
            continue
        run.append(i)
        if len(run) == 3:
            return run[0]
    return None


def neutrophil_recovery(patient: FollowUp, rule: EngraftmentRule) -> Decision:
    """Find the day of neutrophil recovery."""
    return count_recovery(patient, "neutrophils", threshold=rule.neutrophils, rule=rule)


def platelet_recovery(patient: FollowUp, rule: EngraftmentRule) -> Decision:
    """Find the day of platelet recovery without transfusion."""
    return count_recovery(patient, "platelets", threshold=rule.platelets, rule=rule, platelets=True)


def graft_failure(patient: FollowUp, rule: EngraftmentRule) -> Decision:
    """Say whether the graft failed: primary, secondary, or not.

    Secondary failure is a return of neutrophils below the threshold for three values in a row after recovery, unless
    relapse came first. Death or last contact before the day of judgement leaves it open.

    Returns
    -------
    Decision
        ``"engrafted"``, ``"primary"``, ``"secondary"``, or open.
    """
    title = f"graft failure, {rule.name}"
    recovery = neutrophil_recovery(patient, rule)
    if recovery.outcome is None:
        return Decision(rule=title, outcome=None, missing=recovery.missing, source=rule.source)
    if recovery.outcome == "not recovered":
        last = patient.last_day or 0.0
        if patient.died_on is not None and patient.died_on < rule.primary_failure_day:
            return Decision(
                rule=title, outcome=None, missing=(f"died on day {patient.died_on:g}, before day "
                f"{rule.primary_failure_day:g}",), source=rule.source, notes=("death before engraftment competes",),
            )  # fmt: skip
        if last < rule.primary_failure_day:
            return Decision(
                rule=title,
                outcome=None,
                missing=(f"counts up to day {rule.primary_failure_day:g}",),
                source=rule.source,
            )
        return Decision(
            rule=title, outcome="primary", day=rule.primary_failure_day, source=rule.source, used=recovery.used,
            criteria=(f"no neutrophil recovery by day {rule.primary_failure_day:g}",),
        )  # fmt: skip
    recovered = recovery.day if recovery.day is not None else 0.0
    lost = _lost_again(patient, rule, recovered)
    relapse = patient.first(EventKind.RELAPSE, EventKind.PROGRESSION)
    if lost is not None and not (relapse is not None and relapse.day <= lost):
        return Decision(
            rule=title, outcome="secondary", day=lost, source=rule.source,
            criteria=(f"neutrophils below {rule.neutrophils:g} again from day {lost:g}",),
            notes=("infection and drugs as the cause are for a person to exclude",),
        )  # fmt: skip
    return Decision(rule=title, outcome="engrafted", day=recovery.day, source=rule.source, criteria=recovery.criteria)


def _lost_again(patient: FollowUp, rule: EngraftmentRule, recovered: float) -> float | None:
    series = patient.of("neutrophils")
    if series is None:
        return None
    later = series.between(recovered + 1.0, np.inf)
    if len(later) < 3:
        return None
    day, value = _daily_lowest(later)
    low = value < rule.neutrophils
    runs = np.flatnonzero(low[:-2] & low[1:-1] & low[2:]) if low.size >= 3 else np.array([], dtype=int)
    return float(day[runs[0]]) if runs.size else None
