"""Numbers and categories of a cohort, with what is missing counted beside them and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from hemadose.model.followup import FollowUp, Missing

Absent = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberSummary:
    """A quantity of a cohort.

    Attributes
    ----------
    name : str
        With the unit as the field writes it.
    n : int
        Patients with a value.
    median, low, high, lower_quartile, upper_quartile, mean : float
        Of the values; NaN without any.
    sd : float
        Standard deviation with n - 1 in the denominator (ddof = 1); NaN for fewer than two values.
    missing : tuple of (str, int)
        Reasons and patients.
    """

    name: str
    n: int
    median: float
    low: float
    high: float
    lower_quartile: float
    upper_quartile: float
    mean: float
    sd: float
    missing: Absent = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CategorySummary:
    """A property of a cohort.

    Attributes
    ----------
    name : str
        Of the property.
    n : int
        Patients of whom it is known.
    counts : tuple of (str, int)
        Categories, the most frequent first.
    missing : tuple of (str, int)
        Reasons and patients.
    """

    name: str
    n: int
    counts: tuple[tuple[str, int], ...]
    missing: Absent = ()


def describe_numbers(name: str, values: Sequence[float], missing: Sequence[str] = ()) -> NumberSummary:
    """Describe numbers.

    Parameters
    ----------
    name : str
        With the unit.
    values : sequence of float
        One for each patient who has one.
    missing : sequence of str
        One reason for each patient who has none.

    Examples
    --------
    >>> found = describe_numbers("age (years)", [40.0, 50.0, 62.0], ["not reported"])
    >>> found.median, round(found.sd, 3), found.missing
    (50.0, 11.015, (('not reported', 1),))
    """
    x = np.asarray(values, dtype=np.float64)
    if x.size == 0:
        nan = float("nan")
        return NumberSummary(
            name=name, n=0, median=nan, low=nan, high=nan, lower_quartile=nan, upper_quartile=nan, mean=nan, sd=nan,
            missing=_counted(missing),
        )  # fmt: skip
    quartiles = np.quantile(x, [0.25, 0.75])
    return NumberSummary(
        name=name,
        n=x.size,
        median=float(np.median(x)),
        low=float(x.min()),
        high=float(x.max()),
        lower_quartile=float(quartiles[0]),
        upper_quartile=float(quartiles[1]),
        mean=float(x.mean()),
        sd=float(x.std(ddof=1)) if x.size > 1 else float("nan"),
        missing=_counted(missing),
    )


def describe_categories(name: str, values: Sequence[str], missing: Sequence[str] = ()) -> CategorySummary:
    """Count categories.

    Examples
    --------
    >>> describe_categories("donor", ["MUD", "HID", "MUD"]).counts
    (('MUD', 2), ('HID', 1))
    """
    return CategorySummary(name=name, n=len(values), counts=_counted(values), missing=_counted(missing))


def baseline(
    patients: Sequence[FollowUp], *, like: Sequence[NumberSummary | CategorySummary] = ()
) -> tuple[NumberSummary | CategorySummary, ...]:
    """Describe who the patients are: age, sex, diagnosis, donor, centre and every further fact.

    A fact is a number if all its values are; otherwise a category. A missing value is counted with the reason that the
    follow-up gives, ``"not reported"`` where it gives none.

    Parameters
    ----------
    patients : sequence of FollowUp
        The cohort, or a group of it.
    like : sequence of NumberSummary or CategorySummary
        Baseline of the whole cohort: a group then has the same variables, of the same kind.
    """
    ages = [p.age_years for p in patients]
    found: list[NumberSummary | CategorySummary] = [
        describe_numbers(
            "age (years)", [a for a in ages if a is not None], _reasons(patients, "age_years", lambda p: p.age_years)
        )
    ]
    texts: tuple[tuple[str, Callable[[FollowUp], str]], ...] = (
        ("sex", lambda p: "" if p.sex is None else p.sex.value),
        ("diagnosis", lambda p: p.diagnosis),
        ("donor", lambda p: p.donor),
        ("centre", lambda p: p.centre),
    )
    for name, of in texts:
        known = [of(p) for p in patients if of(p)]
        found.append(describe_categories(name, known, _reasons(patients, name, of)))
    kinds = {each.name: isinstance(each, NumberSummary) for each in like[len(found) :]}
    names = tuple(kinds) if like else fact_names(patients)
    return (*found, *(_fact(patients, name, kinds.get(name)) for name in names))


def fact_names(patients: Sequence[FollowUp]) -> tuple[str, ...]:
    """Names of the baseline facts, in order of first appearance."""
    return tuple(dict.fromkeys(name for p in patients for name, _ in p.facts))


def fact_numbers(patients: Sequence[FollowUp], name: str) -> tuple[float | None, ...]:
    """Give a fact as numbers; None where it is missing or no number."""
    return tuple(as_number(p.fact(name)) for p in patients)


def as_number(text: str | None) -> float | None:
    """Give a finite number, or None.

    Examples
    --------
    >>> as_number("5.4"), as_number("yes"), as_number("nan"), as_number(None)
    (5.4, None, None, None)
    """
    if text is None:
        return None
    try:
        found = float(text)
    except ValueError:
        return None
    return found if np.isfinite(found) else None


def _fact(patients: Sequence[FollowUp], name: str, number: bool | None) -> NumberSummary | CategorySummary:
    given = [p.fact(name) for p in patients]
    known = [g for g in given if g]
    missing = _reasons(patients, name, lambda p: p.fact(name))
    numbers = [as_number(g) for g in known]
    if number or (number is None and all(x is not None for x in numbers)):
        return describe_numbers(name, [x for x in numbers if x is not None], missing)
    return describe_categories(name, known, missing)


def _reasons(patients: Sequence[FollowUp], name: str, of: Callable[[FollowUp], object]) -> list[str]:
    return [missing_reason(p, name) for p in patients if of(p) in (None, "")]


def missing_reason(patient: FollowUp, name: str) -> str:
    """Why a field is not known of a patient."""
    gap = next((g for g in patient.gaps if g.field == name), None)
    return str(Missing.NOT_REPORTED.value if gap is None else gap.reason.value)


def _counted(values: Sequence[str]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(Counter(values).items(), key=lambda item: (-item[1], item[0])))
