"""Tumour lysis by Cairo and Bishop, around every start of cytotoxic treatment.

Laboratory tumour lysis: two or more of urate, potassium, phosphate, calcium beyond their limit, or changed by 25 % from
baseline, from 3 days before to 7 days after the start. Clinical tumour lysis: laboratory tumour lysis with a raised
creatinine, arrhythmia, seizure or sudden death. Radioligand therapy, irradiation and chemotherapy start on different
days of one conditioning, so their windows overlap and each is judged.

Source: Cairo MS, Bishop M. Br J Haematol 2004;127:3-11, Tables II-IV.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from hemadose.model.followup import Decision, EventKind, FollowUp, Series

SOURCE = "Cairo MS, Bishop M. Br J Haematol 2004;127:3-11"
DAYS_BEFORE, DAYS_AFTER = 3.0, 7.0
CHANGE = 0.25
AMINO_ACID_HOURS = 24.0
FROM_DAY = -42.0
"""Treatment earlier than this is not taken for conditioning (a choice of this program)."""
_CREATININE = (1.5, 1.5, 3.0, 6.0)
_CLINICAL = ("arrhythmia", "seizure", "sudden death")
STARTS = (EventKind.RADIOLIGAND, EventKind.IRRADIATION, EventKind.CHEMOTHERAPY)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    """Limit of one quantity: at or beyond `limit` (in the unit of the table of quantities)."""

    quantity: str
    limit: float
    unit: str
    falls: bool = False


def _rules(adult: bool) -> tuple[_Rule, ...]:
    return (
        _Rule(quantity="urate", limit=8.0, unit="mg/dL"),
        _Rule(quantity="potassium", limit=6.0, unit="mmol/L"),
        _Rule(quantity="phosphate", limit=4.5 if adult else 6.5, unit="mg/dL"),
        _Rule(quantity="calcium", limit=7.0, unit="mg/dL", falls=True),
    )


def tumour_lysis(patient: FollowUp, *, start_day: float, start: str = "therapy", adult: bool = True) -> Decision:
    """Judge tumour lysis around one start of treatment.

    Parameters
    ----------
    patient : FollowUp
        With laboratory values in the units of the table of quantities.
    start_day : float
        First day of the treatment.
    start : str
        Its name, for the explanation.
    adult : bool
        Limit of phosphate 4.5 mg/dL, for children 6.5.

    Returns
    -------
    Decision
        ``"none"``, ``"laboratory"`` or ``"clinical, grade n"``; open if the values that were not measured could
        change the answer.
    """
    rule = f"Cairo-Bishop tumour lysis, {start} on day {start_day:g}"
    met, used, missing, notes = [], [], [], []
    for each in _rules(adult):
        finding = _criterion(patient, each, start_day)
        if finding is None:
            missing.append(f"{each.quantity} from day {start_day - DAYS_BEFORE:g} to {start_day + DAYS_AFTER:g}")
            continue
        said, hit = finding
        used.append(said)
        if hit:
            met.append(said)
    if any(m.startswith("potassium") for m in met):
        notes += _amino_acids(patient, start_day)
    if len(met) < 2:
        if len(met) + len(missing) >= 2:
            return Decision(
                rule=rule, outcome=None, criteria=tuple(met), used=tuple(used), missing=tuple(missing), source=SOURCE,
                notes=tuple(notes),
            )  # fmt: skip
        return Decision(
            rule=rule, outcome="none", day=start_day, grade=0, criteria=tuple(met) or ("fewer than two criteria met",),
            used=tuple(used), missing=tuple(missing), source=SOURCE, notes=tuple(notes),
        )  # fmt: skip
    grade, why, unknown = _clinical(patient, start_day)
    return Decision(
        rule=rule,
        outcome="laboratory" if grade == 0 else f"clinical, grade {grade}",
        day=start_day,
        grade=grade,
        criteria=(*met, *why),
        used=tuple(used),
        missing=(*missing, *unknown),
        source=SOURCE,
        notes=tuple(notes),
    )


def tumour_lysis_by_start(patient: FollowUp, *, adult: bool = True, from_day: float = FROM_DAY) -> tuple[Decision, ...]:
    """Judge tumour lysis around the first radioligand therapy, irradiation and chemotherapy, as far as they were given.

    Parameters
    ----------
    patient : FollowUp
        As `tumour_lysis`.
    adult : bool
        As `tumour_lysis`.
    from_day : float
        Earlier treatment, such as an induction months ago, is not conditioning.

    Returns
    -------
    tuple of Decision
        In order of time.

    Notes
    -----
    Windows that overlap are said in the notes: one rise may count for both.
    """
    given = [e for e in patient.events_of(*STARTS) if e.day >= from_day]
    starts = [(min(e.day for e in given if e.kind is k), k) for k in STARTS if any(e.kind is k for e in given)]
    starts.sort(key=lambda s: s[0])
    found = [tumour_lysis(patient, start_day=day, start=kind.value, adult=adult) for day, kind in starts]
    overlaps = [
        f"the windows of {a[1].value} and {b[1].value} overlap: one rise may count for both"
        for a, b in pairwise(starts)
        if b[0] - DAYS_BEFORE <= a[0] + DAYS_AFTER
    ]
    return tuple(
        Decision(
            rule=d.rule, outcome=d.outcome, day=d.day, grade=d.grade, criteria=d.criteria, used=d.used,
            missing=d.missing, source=d.source, notes=(*d.notes, *overlaps),
        )
        for d in found
    )  # fmt: skip


def _criterion(patient: FollowUp, rule: _Rule, start_day: float) -> tuple[str, bool] | None:
    """Worst value of the window in words, and whether it meets the criterion; None without values."""
    series = patient.of(rule.quantity)
    window = None if series is None else series.between(start_day - DAYS_BEFORE, start_day + DAYS_AFTER)
    if series is None or window is None or len(window) == 0:
        return None
    worst = int(np.argmin(window.value) if rule.falls else np.argmax(window.value))
    value, day = float(window.value[worst]), float(window.day[worst])
    baseline = _baseline(series, start_day)
    said = f"{rule.quantity} {value:g} {rule.unit} on day {day:g}"
    beyond = value <= rule.limit if rule.falls else value >= rule.limit
    changed = False
    if baseline is not None and baseline[1] < day:
        ratio = value / baseline[0] - 1.0
        changed = ratio <= -CHANGE if rule.falls else ratio >= CHANGE
        said += f" ({100.0 * ratio:+.0f} % from {baseline[0]:g} on day {baseline[1]:g})"
    return said, beyond or changed


def _baseline(series: Series, start_day: float) -> tuple[float, float] | None:
    """Last value up to the start of treatment, or None."""
    before = np.flatnonzero(series.day <= start_day)
    if before.size == 0 or series.value[before[-1]] <= 0.0:
        return None
    return float(series.value[before[-1]]), float(series.day[before[-1]])


def _amino_acids(patient: FollowUp, start_day: float) -> list[str]:
    """Potassium rises within a day of nephroprotective amino acids in nearly everybody."""
    for event in patient.events_of(EventKind.DRUG):
        if "amino acid" in event.term.lower() and abs(event.day - start_day) <= 1.0:
            return [
                f"potassium may be due to amino acids on day {event.day:g}: it rises above 5.0 mmol/l within "
                f"{AMINO_ACID_HOURS:g} h in 20 of 22 patients (EJNMMI Res 2014;4:46); judge it after 24 h"
            ]
    return []


def _clinical(patient: FollowUp, start_day: float) -> tuple[int, list[str], list[str]]:
    """Grade of clinical tumour lysis, why, and what is not known."""
    first, last = start_day - DAYS_BEFORE, start_day + DAYS_AFTER
    grade, why, unknown = 0, [], []
    series = patient.of("creatinine")
    window = None if series is None else series.between(first, last)
    ratios = [] if window is None or len(window) == 0 else window.value / np.asarray(window.upper_limit)
    known = np.asarray(ratios)[np.isfinite(ratios)] if len(ratios) else np.array([])
    if known.size == 0:
        unknown.append("creatinine with its upper limit")
    elif known.max() >= _CREATININE[0]:
        worst = float(known.max())
        grade = 1 + sum(worst > bound for bound in _CREATININE[1:])
        why.append(f"creatinine {worst:.2g} x upper limit")
    for event in patient.events_of(EventKind.ADVERSE_EVENT, EventKind.DEATH):
        term = next((t for t in _CLINICAL if t in event.term.lower()), None)
        if term is None or not first <= event.day <= last:
            continue
        own = 5 if event.kind is EventKind.DEATH else event.grade
        if own is None:
            unknown.append(f"grade of {term} on day {event.day:g}")
            own = 1
        grade = max(grade, own)
        why.append(f"{term} on day {event.day:g}")
    return grade, why, unknown
