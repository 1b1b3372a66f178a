"""Two-stage designs: stop early if a therapy does too little.

The first stage ends the trial if at most r1 of n1 patients respond; after both stages the therapy is dropped if at most
r of n respond. All designs up to a size are searched; "optimal" has the smallest expected number of patients if the
therapy is poor, "minimax" the smallest number at all.

Source: Simon R. Control Clin Trials 1989;10:1-10.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemadose.errors import PlanningError, QuantityError

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoStageDesign:
    """One design with its operating characteristics.

    Attributes
    ----------
    kind : str
        ``"optimal"``, ``"minimax"`` or ``"given"``.
    r1, n1, r, n : int
        Bounds and numbers of patients.
    poor, good : float
        Response rates that the design tells apart.
    alpha : float
        Probability of going on with a poor therapy.
    power : float
        Probability of going on with a good one.
    expected_n_poor, expected_n_good : float
        Expected number of patients.
    early_stop_poor, early_stop_good : float
        Probability of stopping after the first stage.
    """

    kind: str
    r1: int
    n1: int
    r: int
    n: int
    poor: float
    good: float
    alpha: float
    power: float
    expected_n_poor: float
    expected_n_good: float
    early_stop_poor: float
    early_stop_good: float


def simon_designs(
    *, poor: float, good: float, alpha: float = 0.05, beta: float = 0.2, largest_n: int = 120
) -> tuple[TwoStageDesign, TwoStageDesign]:
    """Search the optimal and the minimax design.

    Parameters
    ----------
    poor, good : float
        Response rate that is not worth pursuing, and one that is.
    alpha, beta : float
        Largest probabilities of the two errors.
    largest_n : int
        Size up to which is searched.

    Returns
    -------
    tuple of 2 TwoStageDesign
        Optimal, minimax.

    Raises
    ------
    QuantityError
        If the rates or errors make no sense.
    PlanningError
        If no design up to `largest_n` meets the errors.

    Examples
    --------
    >>> optimal, minimax = simon_designs(poor=0.1, good=0.3)
    >>> (optimal.r1, optimal.n1, optimal.r, optimal.n), (minimax.r1, minimax.n1, minimax.r, minimax.n)
    ((1, 10, 5, 29), (1, 15, 5, 25))
    """
    _check(poor, good, alpha, beta)
    best: TwoStageDesign | None = None
    least: TwoStageDesign | None = None
    for n in range(2, largest_n + 1):
        if best is not None and least is not None and n > _worth(best, n):
            break
        for found in _of_size(n, poor, good, alpha, beta):
            if least is None or (found.n == least.n and found.expected_n_poor < least.expected_n_poor):
                least = found
            if best is None or found.expected_n_poor < best.expected_n_poor - 1e-12:
                best = found
    if best is None or least is None:
        raise PlanningError(
            "no two-stage design meets the errors", field="largest_n", value=str(largest_n),
            remedy="allow more patients, larger errors, or rates that lie farther apart",
        )  # fmt: skip
    return _named(best, "optimal"), _named(least, "minimax")


def _check(poor: float, good: float, alpha: float, beta: float) -> None:
    if not 0.0 <= poor < good <= 1.0:
        raise QuantityError("response rates are out of order", field="poor, good", value=f"{poor:g}, {good:g}",
                            expected="0 <= poor < good <= 1")  # fmt: skip
    for name, value in (("alpha", alpha), ("beta", beta)):
        if not 0.0 < value < 0.5:
            raise QuantityError("an error probability is not between 0 and 0.5", field=name, value=f"{value:g}")


def _worth(best: TwoStageDesign, n: int) -> float:
    """Sizes beyond which no better optimum was ever seen: half as many again as the best found, and some."""
    return 1.6 * best.n + 20


def _named(design: TwoStageDesign, kind: str) -> TwoStageDesign:
    return two_stage(r1=design.r1, n1=design.n1, r=design.r, n=design.n, poor=design.poor, good=design.good, kind=kind)


def _of_size(n: int, poor: float, good: float, alpha: float, beta: float) -> list[TwoStageDesign]:
    """Best design of a size for every first stage; empty if none meets the errors."""
    from scipy.stats import binom

    found = []
    for n1 in range(1, n):
        x1 = np.arange(n1 + 1)
        mass = {p: binom.pmf(x1, n1, p) for p in (poor, good)}
        # going on from x1 responders needs more than r - x1 of the others
        r = np.arange(n)
        pass_on = {p: binom.sf(r[:, None] - x1[None, :], n - n1, p) * mass[p][None, :] for p in (poor, good)}
        reach = {p: np.cumsum(m[:, ::-1], axis=1)[:, ::-1] for p, m in pass_on.items()}
        # column r1 + 1: only x1 > r1 goes on
        good_enough = (reach[good][:, 1:] >= 1.0 - beta) & (reach[poor][:, 1:] <= alpha)
        rows, columns = np.nonzero(good_enough)
        if rows.size == 0:
            continue
        stop = np.cumsum(mass[poor])[columns]
        expected = n1 + (1.0 - stop) * (n - n1)
        i = int(np.argmin(expected))
        r1, bound = int(columns[i]), int(rows[i])
        found.append(
            TwoStageDesign(
                kind="", r1=r1, n1=n1, r=bound, n=n, poor=poor, good=good,
                alpha=float(reach[poor][bound, r1 + 1]), power=float(reach[good][bound, r1 + 1]),
                expected_n_poor=float(expected[i]), expected_n_good=0.0, early_stop_poor=float(stop[i]),
                early_stop_good=0.0,
            )
        )  # fmt: skip
    return found


def two_stage(*, r1: int, n1: int, r: int, n: int, poor: float, good: float, kind: str = "given") -> TwoStageDesign:
    """Give the operating characteristics of one design.

    Raises
    ------
    QuantityError
        If the numbers are out of order.
    """
    from scipy.stats import binom

    if not 0 <= r1 < n1 < n or not r1 <= r < n:
        raise QuantityError(
            "a two-stage design is out of order", field="r1, n1, r, n", value=f"{r1}, {n1}, {r}, {n}",
            expected="0 <= r1 < n1 < n and r1 <= r < n",
        )  # fmt: skip

    def goes_on(rate: float) -> float:
        x1 = np.arange(r1 + 1, n1 + 1)
        return float(np.sum(binom.pmf(x1, n1, rate) * binom.sf(r - x1, n - n1, rate)))

    stop = {rate: float(binom.cdf(r1, n1, rate)) for rate in (poor, good)}
    return TwoStageDesign(
        kind=kind, r1=r1, n1=n1, r=r, n=n, poor=poor, good=good, alpha=goes_on(poor), power=goes_on(good),
        expected_n_poor=n1 + (1.0 - stop[poor]) * (n - n1), expected_n_good=n1 + (1.0 - stop[good]) * (n - n1),
        early_stop_poor=stop[poor], early_stop_good=stop[good],
    )  # fmt: skip
