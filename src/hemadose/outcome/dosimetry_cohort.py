"""A published dosimetry table recomputed: activities by limit, doses, medians, verdicts."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import log2

import numpy as np

from hemadose.model._checks import require_positive
from hemadose.outcome.agreement import PairedAgreement, paired_agreement
from hemadose.outcome.cohort import DosimetryCohort, PrintedStatement


class Verdict(StrEnum):
    """Whether a printed number follows from the printed table."""

    REPRODUCED = "reproduced"
    NOT_REPRODUCIBLE = "not reproducible"


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientDoses:
    """What the table implies for one patient at the activity that was given.

    Attributes
    ----------
    id : str
        Patient.
    activity_bq, max_activity_bq : float
        Given, and allowed by the kidney limit.
    given_over_limit : float
        Ratio of the two.
    kidneys_gy, liver_gy, red_marrow_gy : float
        Predicted total doses.
    delivered_kidneys_gy, delivered_liver_gy, delivered_red_marrow_gy : float or None
        From the study after therapy.
    residual_red_marrow_gy : float
        Marrow dose after infusion for the assumed effective half-life.
    residual_red_marrow_physical_gy : float
        Same with physical decay only: the largest it can be.
    max_marrow_half_life_s : float or None
        Longest effective half-life that meets the residual limit; None where even physical
        decay meets it.
    """

    id: str
    activity_bq: float
    max_activity_bq: float
    given_over_limit: float
    kidneys_gy: float
    liver_gy: float
    red_marrow_gy: float
    delivered_kidneys_gy: float | None
    delivered_liver_gy: float | None
    delivered_red_marrow_gy: float | None
    residual_red_marrow_gy: float
    residual_red_marrow_physical_gy: float
    max_marrow_half_life_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnSummary:
    """Centre and spread of one column, SI units, both definitions of the SD.

    Attributes
    ----------
    quantity, phase : str
        Column.
    n : int
        Number of values.
    median, mean, low, high : float
        Of the values.
    sd_sample, sd_population : float
        With n - 1 (ddof 1) and n (ddof 0) in the denominator.
    """

    quantity: str
    phase: str
    n: int
    median: float
    mean: float
    low: float
    high: float
    sd_sample: float
    sd_population: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberVerdict:
    """One printed number beside the recomputed one.

    Attributes
    ----------
    quantity, phase, statistic, unit : str
        What the number is.
    printed : float
        As printed, in `unit`.
    recomputed : float
        In `unit`; for an SD the one that reproduces, else the one with n - 1.
    ddof : int or None
        For an SD: the definition that reproduces the printed number, or None if neither does.
    verdict : Verdict
        Whether it follows from the table.
    note : str
        In plain words.
    """

    quantity: str
    phase: str
    statistic: str
    unit: str
    printed: float
    recomputed: float
    ddof: int | None
    verdict: Verdict
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortDosimetry:
    """Everything that follows from a published dosimetry table.

    Attributes
    ----------
    cohort : str
        Cohort id.
    patients : tuple of PatientDoses
        In printed order.
    columns : tuple of ColumnSummary
        One per printed statement.
    verdicts : tuple of NumberVerdict
        One per printed number.
    agreement : tuple of (str, PairedAgreement)
        After over before therapy by organ; differences in Gy/Bq.
    marrow_half_life_s, interval_s : float
        Assumptions behind the residual marrow dose.
    notes : tuple of str
        Doubts in plain words.
    """

    cohort: str
    patients: tuple[PatientDoses, ...]
    columns: tuple[ColumnSummary, ...]
    verdicts: tuple[NumberVerdict, ...]
    agreement: tuple[tuple[str, PairedAgreement], ...]
    marrow_half_life_s: float
    interval_s: float
    notes: tuple[str, ...] = ()

    @property
    def not_reproducible(self) -> tuple[NumberVerdict, ...]:
        """The printed numbers that do not follow from the table."""
        return tuple(v for v in self.verdicts if v.verdict is Verdict.NOT_REPRODUCIBLE)


def analyse_cohort(
    cohort: DosimetryCohort,
    *,
    physical_half_life_s: float,
    marrow_half_life_s: float,
    interval_s: float,
) -> CohortDosimetry:
    """Recompute a published dosimetry table.

    Parameters
    ----------
    cohort : DosimetryCohort
        Values as printed.
    physical_half_life_s : float
        Of the nuclide: bounds the residual marrow dose from above.
    marrow_half_life_s : float
        Assumed effective half-life in marrow; none is published per patient.
    interval_s : float
        From administration to infusion of stem cells.

    Returns
    -------
    CohortDosimetry
        Patients, column summaries, verdicts on the printed numbers, agreement before and after.

    Raises
    ------
    QuantityError
        For times that are not positive.
    """
    require_positive(
        "cohort",
        physical_half_life_s=physical_half_life_s,
        marrow_half_life_s=marrow_half_life_s,
        interval_s=interval_s,
    )
    columns = tuple(summarise(cohort, s.quantity, s.phase) for s in cohort.statements)
    verdicts = tuple(
        verdict
        for statement, column in zip(cohort.statements, columns, strict=True)
        for verdict in judge(statement, column)
    )
    targets = [c.target for c in cohort.patients[0].coefficients]
    return CohortDosimetry(
        cohort=cohort.id,
        patients=_patients(cohort, physical_half_life_s, marrow_half_life_s, interval_s),
        columns=columns,
        verdicts=verdicts,
        agreement=tuple((target, _agreement(cohort, target)) for target in targets),
        marrow_half_life_s=marrow_half_life_s,
        interval_s=interval_s,
        notes=(*cohort.notes, *_notes(verdicts)),
    )


def residual_dose_gy(*, total_gy: float, half_life_s: float, interval_s: float) -> float:
    """Dose still to come after an interval, one exponential: D 2^(-t/T).

    >>> round(residual_dose_gy(total_gy=8.208, half_life_s=92 * 3600, interval_s=14 * 86400), 3)
    0.653
    """
    return float(total_gy * 2.0 ** (-interval_s / half_life_s))


def max_half_life_s(*, total_gy: float, limit_gy: float, interval_s: float) -> float | None:
    """Longest effective half-life whose residual dose meets a limit; None where every one does.

    >>> round(max_half_life_s(total_gy=8.208, limit_gy=1.0, interval_s=14 * 86400) / 3600, 1)
    110.6
    """
    return None if total_gy <= limit_gy else interval_s / log2(total_gy / limit_gy)


def summarise(cohort: DosimetryCohort, quantity: str, phase: str) -> ColumnSummary:
    """Centre and spread of one column, with both definitions of the SD."""
    values = np.asarray(cohort.column(quantity, phase))
    return ColumnSummary(
        quantity=quantity,
        phase=phase,
        n=int(values.size),
        median=float(np.median(values)),
        mean=float(values.mean()),
        low=float(values.min()),
        high=float(values.max()),
        sd_sample=float(values.std(ddof=1)),
        sd_population=float(values.std(ddof=0)),
    )


def judge(statement: PrintedStatement, column: ColumnSummary) -> tuple[NumberVerdict, ...]:
    """Compare each printed number of a statement with the recomputed one."""
    scale = 1.0 / statement.si_per_unit
    centre = column.median if statement.centre == "median" else column.mean
    plain = [
        _verdict(statement, name, printed, recomputed * scale)
        for name, printed, recomputed in (
            (statement.centre, statement.value, centre),
            ("lowest", statement.low, column.low),
            ("highest", statement.high, column.high),
        )
    ]
    return (*plain, _judge_sd(statement, column, scale))


def _verdict(statement: PrintedStatement, name: str, printed: float, recomputed: float) -> NumberVerdict:
    good = statement.agrees(recomputed, printed)
    return NumberVerdict(
        quantity=statement.quantity,
        phase=statement.phase,
        statistic=name,
        unit=statement.unit,
        printed=printed,
        recomputed=recomputed,
        ddof=None,
        verdict=Verdict.REPRODUCED if good else Verdict.NOT_REPRODUCIBLE,
    )


def _judge_sd(statement: PrintedStatement, column: ColumnSummary, scale: float) -> NumberVerdict:
    by_ddof = {1: column.sd_sample * scale, 0: column.sd_population * scale}
    fitting = [ddof for ddof, sd in by_ddof.items() if statement.agrees(sd, statement.sd)]
    ddof = fitting[0] if fitting else None
    if ddof is None:
        note = f"neither n-1 ({by_ddof[1]:.3f}) nor n ({by_ddof[0]:.3f}) gives the printed number"
    elif len(fitting) == 2:
        note = "both definitions of the SD round to the printed number"
    else:
        note = f"SD with {'n-1' if ddof else 'n'} in the denominator"
    return NumberVerdict(
        quantity=statement.quantity,
        phase=statement.phase,
        statistic="sd",
        unit=statement.unit,
        printed=statement.sd,
        recomputed=by_ddof[1 if ddof is None else ddof],
        ddof=ddof,
        verdict=Verdict.NOT_REPRODUCIBLE if ddof is None else Verdict.REPRODUCED,
        note=note,
    )


def _patients(
    cohort: DosimetryCohort, physical_s: float, marrow_s: float, interval_s: float
) -> tuple[PatientDoses, ...]:
    rows = []
    for patient in cohort.patients:
        kidneys, liver, marrow = (patient.coefficient(target) for target in ("kidneys", "liver", "red_marrow"))
        activity = patient.activity_bq
        ceiling = cohort.kidney_limit_gy / kidneys.pre_gy_per_bq
        total = marrow.pre_gy_per_bq * activity
        longest = max_half_life_s(total_gy=total, limit_gy=cohort.residual_marrow_limit_gy, interval_s=interval_s)
        delivered = [
            None if pair.post_gy_per_bq is None else pair.post_gy_per_bq * activity for pair in (kidneys, liver, marrow)
        ]
        rows.append(
            PatientDoses(
                id=patient.id,
                activity_bq=activity,
                max_activity_bq=ceiling,
                given_over_limit=activity / ceiling,
                kidneys_gy=kidneys.pre_gy_per_bq * activity,
                liver_gy=liver.pre_gy_per_bq * activity,
                red_marrow_gy=total,
                delivered_kidneys_gy=delivered[0],
                delivered_liver_gy=delivered[1],
                delivered_red_marrow_gy=delivered[2],
                residual_red_marrow_gy=residual_dose_gy(total_gy=total, half_life_s=marrow_s, interval_s=interval_s),
                residual_red_marrow_physical_gy=residual_dose_gy(
                    total_gy=total, half_life_s=physical_s, interval_s=interval_s
                ),
                max_marrow_half_life_s=longest if longest is not None and longest < physical_s else None,
            )
        )
    return tuple(rows)


def _agreement(cohort: DosimetryCohort, target: str) -> PairedAgreement:
    pairs = cohort.pairs(target)
    return paired_agreement(first=[p[1] for p in pairs], second=[p[2] for p in pairs])


def _notes(verdicts: tuple[NumberVerdict, ...]) -> tuple[str, ...]:
    notes = [
        f"{v.quantity} {v.phase}: printed {v.statistic} {v.printed:g} {v.unit} is not reproducible; {v.note}."
        for v in verdicts
        if v.verdict is Verdict.NOT_REPRODUCIBLE
    ]
    used = {v.ddof for v in verdicts if v.ddof is not None}
    if len(used) > 1:
        notes.append("The printed SDs mix two definitions: n - 1 in some columns, n in others (see the verdicts).")
    notes.append("No effective half-life of the marrow is published per patient: residual doses use one assumed value.")
    return tuple(notes)
