"""What a small series can show at all: least reachable p, and which figures and tests are fair."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb, factorial

from hemadose.errors import QuantityError

_MOST_BITS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallSamplePolicy:
    """House rules for small series; change them in the open, not after seeing the data.

    Attributes
    ----------
    alpha : float
        A test that cannot reach this p is not made.
    least_for_test : int
        With fewer patients in all, everything is descriptive.
    least_for_percent : int
        With a smaller denominator only k/n is printed.
    least_for_box : int
        With fewer values in a group no box plot.
    least_events_for_curve_comparison : int
        With fewer events no p for curves.
    least_events_per_covariate : int
        With fewer events for each covariate no regression.
    """

    alpha: float = 0.05
    least_for_test: int = 10
    least_for_percent: int = 10
    least_for_box: int = 8
    least_events_for_curve_comparison: int = 10
    least_events_per_covariate: int = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallSampleAdvice:
    """What the policy allows for one comparison.

    Attributes
    ----------
    n : int
        Patients.
    least_p : float or None
        Least p the planned test can reach.
    descriptive_only : bool
        True: show the values and intervals, no claim of a difference.
    figures : tuple of str
        Figures that show the raw values fairly.
    withheld : tuple of str
        Figures and statistics that would pretend to know more.
    reasons : tuple of str
        Why.
    """

    n: int
    least_p: float | None
    descriptive_only: bool
    figures: tuple[str, ...]
    withheld: tuple[str, ...]
    reasons: tuple[str, ...]


def least_p_paired(n: int) -> float:
    """Give the least two-sided p of the signed-rank (or sign, or McNemar) test.

    Parameters
    ----------
    n : int
        Pairs that differ.

    Returns
    -------
    float
        2^(1 - n), 1 for no pair.

    Examples
    --------
    >>> least_p_paired(4)
    0.125
    """
    return min(1.0, 2.0 ** (1 - _whole(n, "n")))


def least_p_two_groups(n_first: int, n_second: int, *, two_sided: bool = True) -> float:
    """Give the least p of an exact test of two groups without ties.

    Parameters
    ----------
    n_first, n_second : int
        Patients in each.
    two_sided : bool
        Count both ends.

    Returns
    -------
    float
        1 (or 2) over the number of ways to choose the first group; 0 if that is beyond what a float holds.

    Examples
    --------
    >>> round(least_p_two_groups(2, 5, two_sided=False), 3)
    0.048
    """
    ways = comb(_whole(n_first, "n_first") + _whole(n_second, "n_second"), n_first)
    if ways.bit_length() > _MOST_BITS:
        return 0.0
    return min(1.0, (2.0 if two_sided else 1.0) / ways)


def least_p_ranks(n: int) -> float:
    """Give the least two-sided p of an exact rank correlation without ties.

    Parameters
    ----------
    n : int
        Pairs.

    Returns
    -------
    float
        2 / n!.
    """
    return min(1.0, 2 / factorial(_whole(n, "n")))


def small_sample_advice(
    *,
    n: int,
    group_sizes: Sequence[int] = (),
    n_events: int | None = None,
    n_covariates: int = 0,
    least_p: float | None = None,
    policy: SmallSamplePolicy | None = None,
) -> SmallSampleAdvice:
    """Say which tests and figures are fair for a series.

    Parameters
    ----------
    n : int
        Patients in all.
    group_sizes : sequence of int
        Patients by group, where groups are compared.
    n_events : int, optional
        Events, for curves and regressions.
    n_covariates : int
        Covariates of a planned regression.
    least_p : float, optional
        Least p of the planned test; for two groups it is computed.
    policy : SmallSamplePolicy, optional
        House rules.

    Returns
    -------
    SmallSampleAdvice
        With the reason of every restriction.

    Raises
    ------
    QuantityError
        For negative numbers, or groups that do not add up to n.

    Examples
    --------
    >>> advice = small_sample_advice(n=7, group_sizes=[2, 5], n_events=5)
    >>> advice.descriptive_only, round(advice.least_p, 3)
    (True, 0.095)
    """
    rules = policy or SmallSamplePolicy()
    n = _whole(n, "n")
    sizes = [_whole(x, "group_sizes") for x in group_sizes]
    if sizes and sum(sizes) != n:
        raise QuantityError("the groups do not add up", field="group_sizes", value=str(sum(sizes)), expected=str(n))
    if least_p is None and len(sizes) == 2:
        least_p = least_p_two_groups(sizes[0], sizes[1])
    reasons, withheld = [], []
    if n < rules.least_for_test:
        reasons.append(f"{n} patients, fewer than {rules.least_for_test}: descriptive only")
    if least_p is not None and least_p > rules.alpha:
        reasons.append(
            f"the least p this test can reach is {least_p:.3g}, above {rules.alpha:g}: it cannot show a difference"
        )
    descriptive = bool(reasons)
    if descriptive:
        withheld.append("significance test")
    if n < rules.least_for_percent:
        withheld.append("percentage without k/n")
        reasons.append(f"denominator {n}: print k/n with its exact interval")
    if min(sizes, default=n) < rules.least_for_box:
        withheld.append("box plot")
        reasons.append("a box plot of so few values hides them: show every value")
    withheld += _events(rules, n_events, n_covariates, reasons)
    return SmallSampleAdvice(
        n=n,
        least_p=least_p,
        descriptive_only=descriptive,
        figures=(
            "swimmer",
            "every value (strip, paired lines)",
            "survival curve with risk table and interval",
            "waterfall",
            "Bland-Altman with intervals of the limits",
        ),
        withheld=tuple(withheld),
        reasons=tuple(reasons),
    )


def _events(rules: SmallSamplePolicy, n_events: int | None, n_covariates: int, reasons: list[str]) -> list[str]:
    withheld: list[str] = []
    if n_events is None:
        return withheld
    n_events = _whole(n_events, "n_events")
    if n_events < rules.least_events_for_curve_comparison:
        withheld.append("p value of curves")
        reasons.append(
            f"{n_events} events, fewer than {rules.least_events_for_curve_comparison}: curves without a p value"
        )
    if n_covariates and n_events < rules.least_events_per_covariate * n_covariates:
        withheld.append("multivariable regression")
        reasons.append(f"{n_events} events for {n_covariates} covariates: no regression")
    return withheld


def _whole(value: int, field: str) -> int:
    if int(value) != value or value < 0:
        raise QuantityError("a count must be a whole number", field=field, value=str(value), expected=">= 0")
    return int(value)
