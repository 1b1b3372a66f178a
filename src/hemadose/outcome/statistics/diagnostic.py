"""Diagnostic accuracy of an examination, and what several examinations of one patient do to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike

from hemadose.errors import InputError, QuantityError
from hemadose.outcome.statistics.followup import group_codes
from hemadose.outcome.statistics.proportions import (
    ClusteredProportion,
    Proportion,
    beta_limits,
    clustered_proportion,
    proportion,
)

Counts = TypeVar("Counts", int, np.ndarray)
"""One number, or one for each patient."""

MEASURES = ("sensitivity", "specificity", "accuracy", "ppv", "npv")


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagnosticAccuracy:
    """A 2 x 2 table of test against truth.

    Attributes
    ----------
    tp, fp, fn, tn : int
        Examinations.
    sensitivity, specificity, accuracy, ppv, npv : Proportion
        With exact intervals, which take the examinations as independent.
    clustered : dict of str to ClusteredProportion
        The same measures with patients as clusters; empty when it is not known which examination
        belongs to whom.
    worst_case : dict of str to tuple of float
        Intervals if all examinations of a patient agreed entirely and patients had about equally
        many (effective number = patients); where only the number of patients is known.
    notes : tuple of str
        Doubts.
    """

    tp: int
    fp: int
    fn: int
    tn: int
    sensitivity: Proportion
    specificity: Proportion
    accuracy: Proportion
    ppv: Proportion
    npv: Proportion
    clustered: dict[str, ClusteredProportion]
    worst_case: dict[str, tuple[float, float]]
    notes: tuple[str, ...] = ()


def diagnostic_accuracy(
    *, tp: int, fp: int, fn: int, tn: int, patients: int | None = None, confidence: float = 0.95
) -> DiagnosticAccuracy:
    """Judge a test by the counts of a 2 x 2 table.

    Parameters
    ----------
    tp, fp, fn, tn : int
        True and false positive, false and true negative examinations.
    patients : int, optional
        How many patients the examinations come from, where that is not one each.
    confidence : float
        Of the intervals.

    Returns
    -------
    DiagnosticAccuracy
        Where there are more examinations than patients, `worst_case` and a note say how much
        wider the intervals may be.

    Raises
    ------
    QuantityError
        For negative counts or more patients than examinations.
    InputError
        For an empty table.

    Examples
    --------
    >>> mzl = diagnostic_accuracy(tp=38, fp=0, fn=2, tn=26, patients=46)
    >>> round(100 * mzl.accuracy.estimate, 1), mzl.notes[0][:34]
    (97.0, '66 examinations of 46 patients: th')
    """
    pairs = _pairs(tp, fp, fn, tn)
    total = tp + fp + fn + tn
    plain = {name: proportion(successes=k, n=n, confidence=confidence) for name, (k, n) in pairs.items()}
    if total == 0:
        raise InputError("no examination in the table", field="tp, fp, fn, tn", expected="at least one")
    notes = []
    worst: dict[str, tuple[float, float]] = {}
    if patients is None:
        notes.append("examinations taken as independent, one a patient")
    elif not 0 < patients <= total:
        raise QuantityError(
            "impossible number of patients", field="patients", value=str(patients), expected=f"1-{total}"
        )
    elif patients < total:
        ratio = patients / total
        worst = {name: beta_limits(k * ratio, n * ratio, confidence) for name, (k, n) in pairs.items() if n}
        notes.append(
            f"{total} examinations of {patients} patients: the exact intervals are too narrow; "
            "cluster data (who had which examination) are missing, so only the worst case is given"
        )
    return DiagnosticAccuracy(
        tp=tp,
        fp=fp,
        fn=fn,
        tn=tn,
        **plain,
        clustered={},
        worst_case=worst,
        notes=(*notes, *_small(plain)),
    )


def diagnostic_accuracy_of(
    *,
    test: ArrayLike,
    truth: ArrayLike,
    patients: ArrayLike | None = None,
    confidence: float = 0.95,
    method: str = "ratio",
) -> DiagnosticAccuracy:
    """Judge a test by its examinations one by one.

    Parameters
    ----------
    test, truth : array_like of bool, shape (n,)
        Result and truth of each examination.
    patients : array_like, shape (n,), optional
        Who was examined; with repeats the clustered intervals are made as well.
    confidence : float
        Of the intervals.
    method : {"ratio", "bootstrap"}
        Of the clustered intervals.

    Returns
    -------
    DiagnosticAccuracy
        `clustered` is filled where patients repeat.

    Raises
    ------
    InputError
        For unequal lengths or values that are not 0 or 1.
    """
    t, d = _binary(test, "test"), _binary(truth, "truth")
    if t.shape != d.shape:
        raise InputError("test and truth differ in length", value=f"{t.size} and {d.size}", expected="equal")
    table = {"tp": t & d, "fp": t & ~d, "fn": ~t & d, "tn": ~t & ~d}
    counts = {name: int(chosen.sum()) for name, chosen in table.items()}
    if patients is None:
        return diagnostic_accuracy(**counts, confidence=confidence)
    names, codes = group_codes(groups=patients, n=t.size, field="patients", least=1)
    plain = diagnostic_accuracy(**counts, patients=len(names), confidence=confidence)
    if len(names) == t.size:
        return plain
    cells = {name: np.bincount(codes[chosen], minlength=len(names)) for name, chosen in table.items()}
    clustered = {}
    for name, (k, n) in _pairs(cells["tp"], cells["fp"], cells["fn"], cells["tn"]).items():
        seen = n > 0
        if seen.sum() >= 2:
            clustered[name] = clustered_proportion(
                successes=k[seen].tolist(), totals=n[seen].tolist(), confidence=confidence, method=method
            )
    note = f"{t.size} examinations of {len(names)} patients: read the clustered intervals"
    return DiagnosticAccuracy(
        tp=counts["tp"],
        fp=counts["fp"],
        fn=counts["fn"],
        tn=counts["tn"],
        **{name: getattr(plain, name) for name in MEASURES},
        clustered=clustered,
        worst_case={},
        notes=(note, *_small({name: getattr(plain, name) for name in MEASURES})),
    )


def _pairs(tp: Counts, fp: Counts, fn: Counts, tn: Counts) -> dict[str, tuple[Counts, Counts]]:
    return {
        "sensitivity": (tp, tp + fn),
        "specificity": (tn, tn + fp),
        "accuracy": (tp + tn, tp + fp + fn + tn),
        "ppv": (tp, tp + fp),
        "npv": (tn, tn + fn),
    }


def _small(measures: dict[str, Proportion]) -> tuple[str, ...]:
    empty = [name for name, p in measures.items() if p.n == 0]
    notes = [f"not defined (no examination): {', '.join(empty)}"] if empty else []
    return (*notes, "predictive values hold for the share of disease in this series only")


def _binary(values: ArrayLike, field: str) -> np.ndarray:
    found = np.asarray(values)
    if found.ndim != 1 or not np.isin(found, [0, 1]).all():
        raise InputError("results must be yes or no", field=field, expected="one row of 0/1, nothing missing")
    return found.astype(bool)
