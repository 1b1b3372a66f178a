"""Laboratory grades of the Common Terminology Criteria for Adverse Events.

A term is a list of criteria from the highest grade down; the first that is met decides. A criterion compares the value
with a number, a reference limit or the baseline. Where the reference that decides is missing the grade stays open: a
grade is never made from nothing, and 0 means "looked at and normal".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemadose.errors import QuantityError
from hemadose.model.followup import Decision, FollowUp, Series
from hemadose.outcome.quantities import Quantities, Quantity
from hemadose.outcome.ucum import conversion, parse_unit

Floats = npt.NDArray[np.float64]
Grades = npt.NDArray[np.int8]
Flags = npt.NDArray[np.bool_]

OPEN = -1
"""Grade of a value that cannot be graded."""
_ROUNDING = 1e-12
SIGNS = ("<", "<=", ">", ">=")
REFERENCES = ("", "upper", "lower", "baseline", "upper plus", "both", "change")
CONDITIONS = (
    "", "baseline high", "baseline not high", "baseline low", "baseline not low", "below lower", "undecided",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """One comparison that leads to a grade.

    Attributes
    ----------
    grade : int
        1 to 4.
    sign : str
        ``"<"``, ``"<="``, ``">"`` or ``">="``.
    value : tuple of float
        One number per unit of the term; a factor where `of` names a reference.
    of : str
        ``""`` for an absolute number, ``"upper"``, ``"lower"``, ``"baseline"``: times that reference;
        ``"upper plus"``: added to the upper limit; ``"both"``: beyond upper limit and baseline;
        ``"change"``: change from baseline in per cent.
    when : str
        Where the baseline lies, or ``"below lower"``; ``"undecided"`` leaves the grade open if met.
    strict : bool
        The grade stays open if the reference is missing; otherwise the criterion counts as not met.
    """

    grade: int
    sign: str
    value: tuple[float, ...]
    of: str = ""
    when: str = ""
    strict: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LaboratoryTerm:
    """One term.

    Attributes
    ----------
    name : str
        As CTCAE prints it.
    quantity : str
        Of the table of quantities.
    direction : str
        ``"high"`` or ``"low"``.
    units : tuple of str
        Units of absolute numbers; empty if the term has none that depend on a unit.
    required : tuple of str
        References without which nothing is graded.
    criteria : tuple of Criterion
        From the highest grade down.
    note : str
        What the rule assumes.
    """

    name: str
    quantity: str
    direction: str
    units: tuple[str, ...]
    required: tuple[str, ...]
    criteria: tuple[Criterion, ...]
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ctcae:
    """One version of the criteria."""

    version: str
    source: str
    terms: tuple[LaboratoryTerm, ...]

    def term(self, name: str) -> LaboratoryTerm:
        """Find a term by name, in any case.

        Raises
        ------
        QuantityError
            If this version has no such term.
        """
        for known in self.terms:
            if known.name.lower() == name.lower():
                return known
        raise QuantityError(
            f"CTCAE {self.version} has no such laboratory term", field="term", value=name,
            expected=", ".join(t.name for t in self.terms),
        )  # fmt: skip

    def terms_of(self, quantity: str) -> tuple[LaboratoryTerm, ...]:
        """Give the terms that grade a quantity."""
        return tuple(t for t in self.terms if t.quantity == quantity)


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """Value before therapy, in the unit of what is graded.

    Attributes
    ----------
    value : float or None
        None where it was not measured.
    position : str
        ``"low"``, ``"normal"``, ``"high"`` against its reference limits; ``""`` where unknown.
    """

    value: float | None = None
    position: str = ""


def baseline_of(series: Series, *, until_day: float) -> Baseline:
    """Give the last value at or before a day.

    Parameters
    ----------
    series : Series
        Of one quantity.
    until_day : float
        Usually the first day of therapy.
    """
    before = np.flatnonzero((series.day <= until_day) & (series.bound == 0))
    if before.size == 0:
        return Baseline()
    i = int(before[-1])
    value, low, high = (float(np.asarray(a)[i]) for a in (series.value, series.lower_limit, series.upper_limit))
    if np.isfinite(high) and value > high:
        return Baseline(value=value, position="high")
    if np.isfinite(low) and value < low:
        return Baseline(value=value, position="low")
    return Baseline(value=value, position="normal" if np.isfinite(high) else "")


def grade_values(
    term: LaboratoryTerm,
    value: npt.ArrayLike,
    *,
    unit: str,
    lower_limit: npt.ArrayLike = np.nan,
    upper_limit: npt.ArrayLike = np.nan,
    baseline: npt.ArrayLike = np.nan,
    baseline_position: str = "",
    change_percent: npt.ArrayLike | None = None,
    quantity: Quantity | None = None,
) -> Grades:
    """Grade values that share a unit.

    Parameters
    ----------
    term : LaboratoryTerm
        What is graded.
    value, lower_limit, upper_limit, baseline : array (n,)
        In `unit`; NaN where not known.
    unit : str
        UCUM code or customary spelling; ``""`` leaves open every term that needs a unit.
    baseline_position : str
        ``"low"``, ``"normal"``, ``"high"`` or ``""``.
    change_percent : array (n,), optional
        Change from baseline; computed from `baseline` if not given.
    quantity : Quantity, optional
        For the molar mass, where the term is printed in another unit.

    Returns
    -------
    array (n,) of int8
        0 to 4, or `OPEN`.

    Raises
    ------
    QuantityError
        If the unit is not understood or measures something else.

    Examples
    --------
    >>> term = LaboratoryTerm(
    ...     name="Platelet count decreased", quantity="platelets", direction="low", units=("10*9/L",), required=(),
    ...     criteria=(
    ...         Criterion(grade=4, sign="<", value=(25.0,)),
    ...         Criterion(grade=1, sign="<", value=(1.0,), of="lower", strict=True),
    ...     ),
    ... )
    >>> grade_values(term, [20.0, 80.0, 200.0], unit="G/l", lower_limit=150.0).tolist()
    [4, 1, 0]
    >>> grade_values(term, [20.0, 80.0], unit="G/l").tolist()  # no limit: 80 cannot be graded
    [4, -1]
    """
    numbers = np.broadcast_arrays(
        *(np.atleast_1d(np.asarray(x, float)) for x in (value, lower_limit, upper_limit, baseline))
    )
    if term.units and not unit:
        return np.full(numbers[0].shape, OPEN, dtype=np.int8)
    which, slope, intercept = _scale(term, unit, quantity)
    v, low, high, base = (slope * x + intercept for x in numbers)
    with np.errstate(divide="ignore", invalid="ignore"):
        change = 100.0 * (v / base - 1.0) if change_percent is None else np.broadcast_to(change_percent, v.shape)
    known = {"upper": high, "lower": low, "baseline": base}
    grade = np.zeros(v.shape, dtype=np.int8)
    decided = np.isnan(v)
    for name in term.required:
        decided |= np.isnan(known[name])
    grade[decided] = OPEN
    for criterion in term.criteria:
        met, unknown = _judge(criterion, which, v, known, np.asarray(change, dtype=np.float64), baseline_position)
        grade[~decided & met] = OPEN if criterion.when == "undecided" else criterion.grade
        grade[~decided & unknown] = OPEN
        decided |= met | unknown
    return grade


def _scale(term: LaboratoryTerm, unit: str, quantity: Quantity | None) -> tuple[int, float, float]:
    """Which unit of the term applies, and how values get there."""
    if not term.units:
        return 0, 1.0, 0.0
    powers = parse_unit(unit).powers
    for index, own in enumerate(term.units):
        if parse_unit(own).powers == powers:
            return index, *conversion(unit, own)
    mass, valence = (None, None) if quantity is None else (quantity.molar_mass_g_per_mol, quantity.valence)
    return 0, *conversion(unit, term.units[0], molar_mass_g_per_mol=mass, valence=valence)


def _judge(
    criterion: Criterion, which: int, v: Floats, known: Mapping[str, Floats], change: Floats, position: str
) -> tuple[Flags, Flags]:
    """Where a criterion is met, and where it leaves the grade open."""
    number = criterion.value[min(which, len(criterion.value) - 1)]
    never = np.zeros(v.shape, dtype=bool)
    if criterion.when.startswith("baseline"):
        _, *negated, side = criterion.when.split()
        if (position == side) == bool(negated):
            return never, never
    if criterion.of == "both":
        above = [_compare(v, criterion.sign, known[n]) for n in ("upper", "baseline")]
        missing = [np.isnan(known[n]) for n in ("upper", "baseline")]
        met = above[0] & above[1]
        return met, (missing[0] & missing[1]) | (missing[0] & above[1]) | (missing[1] & above[0])
    if criterion.of == "change":
        met = _compare(change, criterion.sign, np.full(v.shape, number))
        return met & _compare(v, "<", known["lower"]), never
    if criterion.of == "upper plus":
        limit = known["upper"] + number
    elif criterion.of:
        limit = known[criterion.of] * number
    else:
        limit = np.full(v.shape, number)
    met = _compare(v, criterion.sign, limit)
    return met, np.isnan(limit) if criterion.strict else never


def _compare(a: Floats, sign: str, b: Floats) -> Flags:
    """Compare but for rounding; False where either is not known."""
    slack = _ROUNDING * np.maximum(np.abs(a), np.abs(b))
    if sign == "<":
        return np.asarray(a < b - slack)
    if sign == "<=":
        return np.asarray(a <= b + slack)
    if sign == ">":
        return np.asarray(a > b + slack)
    return np.asarray(a >= b - slack)


def grade_series(term: LaboratoryTerm, series: Series, *, baseline: Baseline, quantities: Quantities) -> Grades:
    """Grade every value of a series; a value "below 10" counts as just below 10."""
    nudged = series.value * (1.0 + 1e-9 * np.asarray(series.bound, dtype=np.float64))
    return grade_values(
        term,
        nudged,
        unit=series.unit,
        lower_limit=np.asarray(series.lower_limit),
        upper_limit=np.asarray(series.upper_limit),
        baseline=np.nan if baseline.value is None else baseline.value,
        baseline_position=baseline.position,
        quantity=quantities[series.quantity],
    )


def worst_grade(
    criteria: Ctcae,
    term: LaboratoryTerm,
    patient: FollowUp,
    *,
    first_day: float,
    last_day: float,
    quantities: Quantities,
    baseline_day: float | None = None,
) -> Decision:
    """Give the worst grade of a term in a window, with the value that makes it.

    Parameters
    ----------
    criteria : Ctcae
        The version the term belongs to.
    term : LaboratoryTerm
        What is graded.
    patient : FollowUp
        The patient.
    first_day, last_day : float
        Window.
    quantities : Quantities
        For units.
    baseline_day : float, optional
        The baseline is the last value before or on this day: the start of therapy, also for later windows; the first
        day of the window if not given.

    Returns
    -------
    Decision
        Open if nothing in the window could be graded.
    """
    rule = f"CTCAE {criteria.version} {term.name}"
    series = patient.of(term.quantity)
    window = None if series is None else series.between(first_day, last_day)
    if series is None or window is None or len(window) == 0:
        return Decision(
            rule=rule, outcome=None, missing=(f"{term.quantity} from day {first_day:g} to {last_day:g}",),
            source=criteria.source,
        )  # fmt: skip
    start = first_day if baseline_day is None else baseline_day
    grades = grade_series(term, window, baseline=baseline_of(series, until_day=start), quantities=quantities)
    if not np.any(grades >= 0):
        return Decision(
            rule=rule, outcome=None, missing=(f"reference limits or baseline of {term.quantity}",),
            source=criteria.source, used=(f"{len(window)} values of {term.quantity}",),
        )  # fmt: skip
    i = int(np.argmax(grades))
    sign = {-1: "<", 0: "", 1: ">"}[int(np.asarray(window.bound)[i])]
    open_values = int((grades < 0).sum())
    return Decision(
        rule=rule,
        outcome=f"grade {int(grades[i])}",
        grade=int(grades[i]),
        day=float(window.day[i]),
        criteria=(_words(term, int(grades[i])),),
        used=(f"{term.quantity} {sign}{window.value[i]:g} {window.unit} on day {window.day[i]:g}",),
        missing=(f"limits for {open_values} of {len(window)} values",) if open_values else (),
        source=criteria.source,
        notes=(term.note,) if term.note else (),
    )


def _words(term: LaboratoryTerm, grade: int) -> str:
    """Say the criteria of a grade in words."""
    if grade == 0:
        return "no criterion met"
    said = []
    for c in (c for c in term.criteria if c.grade == grade):
        unit = f" {term.units[0]}" if term.units and c.of in ("", "upper plus") else ""
        of = {"": "", "both": " upper limit and baseline", "change": " % from baseline"}.get(c.of, f" x {c.of}")
        said.append(f"{c.sign} {c.value[0]:g}{unit}{of}" + (f" ({c.when})" if c.when else ""))
    return " or ".join(said)
