"""Best activity, nuclide and day under organ limits, the marrow limit and the calendar: exact, because it is monotone.

For one nuclide and one day every limit bounds the activity from above: A = limit / (dose per activity). All bounds but
that of the residual marrow dose are the same on every day; that one grows with the interval. The smallest of them is
therefore non-decreasing in the interval, the best activity is reached where the marrow bound meets the smallest of the
others, and the first permitted day from there on is the answer; if no permitted day reaches it, the last one is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from hemadose.errors import PlanningError, QuantityError
from hemadose.model import ResidualDose
from hemadose.model._checks import require_positive
from hemadose.therapy.timing.interval import CalendarRange
from hemadose.units import DAY_S

Floats: TypeAlias = npt.NDArray[np.float64]

RESIDUAL = "red_marrow_residual"
CAP = "cap"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanOption:
    """One nuclide on a molecule with all its coefficients.

    Attributes
    ----------
    name : str
        E.g. ``"Lu-177"``.
    residual : ResidualDose
        Marrow dose rate per activity, with draws if limits are to be kept with a probability.
    gy_per_bq : Mapping[str, float]
        Organs, marrow and tumour.
    gy_per_bq_draws : Mapping[str, ndarray]
        By organ, shape (draws,); organs left out have none.
    cap_bq : float or None
        What can be had, or may be given.
    """

    name: str
    residual: ResidualDose
    gy_per_bq: Mapping[str, float]
    gy_per_bq_draws: Mapping[str, Floats] = field(default_factory=dict)
    cap_bq: float | None = None

    def __post_init__(self) -> None:
        """Check that the marrow has one coefficient, not two."""
        given, curve = self.gy_per_bq.get("red_marrow"), self.residual.gy_per_bq(from_s=0.0)
        if given is not None and not math.isclose(given, curve, rel_tol=1e-3):
            raise QuantityError(
                f"two marrow doses per activity of {self.name} disagree",
                field="red_marrow",
                value=f"{given * 1e9:.4g} Gy/GBq",
                expected=f"{curve * 1e9:.4g} Gy/GBq, as its curve",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """What one limit allows on the chosen day.

    Attributes
    ----------
    name : str
        Organ, ``"red_marrow_residual"`` or ``"cap"``.
    activity_bq : float
        Most it allows.
    used : float
        Chosen activity over it; 1 for the active one.
    """

    name: str
    activity_bq: float
    used: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Optimum:
    """Best activity and day of one nuclide.

    Attributes
    ----------
    option : PlanOption
        Which nuclide.
    interval_d : float
        From administration to transplant.
    activity_bq : float
        To give.
    objective_gy : float
        Dose that was to be as high as possible, to infinity.
    before_graft_gy : float
        Marrow dose given before the graft.
    residual_gy : float
        Marrow dose after it, best estimate.
    bounds : tuple of Bound
        Every limit, the tightest first.
    gain_per_day_gy, loss_per_day_gy : float
        What one day more buys, and one day less costs, of the objective; whether the calendar has that day or not.
    gain_per_unit : float
        Objective bought by one Gy (one GBq for the cap) more of the active limit, until the next one binds.
    plateau_d : float
        Interval from which on a later day buys nothing.
    """

    option: PlanOption
    interval_d: float
    activity_bq: float
    objective_gy: float
    before_graft_gy: float
    residual_gy: float
    bounds: tuple[Bound, ...]
    gain_per_day_gy: float
    loss_per_day_gy: float
    gain_per_unit: float
    plateau_d: float

    @property
    def active(self) -> str:
        """Name of the limit that sets the activity."""
        return self.bounds[0].name


def optimise(
    options: Sequence[PlanOption],
    *,
    objective: str,
    limits_gy: Mapping[str, float],
    residual_limit_gy: float,
    calendar: CalendarRange,
    max_probability_exceeding: float | None = None,
) -> tuple[Optimum, ...]:
    """Find the best activity and day of every nuclide.

    Parameters
    ----------
    options : sequence of PlanOption
        Nuclides.
    objective : str
        Target whose dose is to be as high as possible: ``"red_marrow"``, ``"tumour"`` ...
    limits_gy : Mapping[str, float]
        Total dose of organs.
    residual_limit_gy : float
        Marrow dose still to come at the transplant.
    calendar : CalendarRange
        Permitted intervals.
    max_probability_exceeding : float, optional
        Keep every limit in all but this share of the draws instead of at the best estimate.

    Returns
    -------
    tuple of Optimum
        The highest objective first; at equal objective the shortest interval.

    Raises
    ------
    PlanningError
        If no day is permitted, or a coefficient is missing.
    QuantityError
        If a limit is not positive.
    """
    require_positive("limit", residual_limit_gy=residual_limit_gy, **dict(limits_gy))
    if not options:
        raise QuantityError("no nuclide to choose from", field="options")
    share = max_probability_exceeding
    if share is not None and not 0.0 < share < 1.0:
        raise QuantityError("a probability lies between 0 and 1", field="max_probability_exceeding", value=f"{share:g}")
    days = calendar.days()
    found = [_best(_Problem(o, limits_gy, residual_limit_gy, share), objective=objective, days=days) for o in options]
    return tuple(sorted(found, key=lambda o: (-o.objective_gy, o.interval_d)))


@dataclass(frozen=True, slots=True)
class _Problem:
    """One nuclide: what bounds its activity on any day."""

    option: PlanOption
    limits_gy: Mapping[str, float]
    residual_limit_gy: float
    share: float | None

    def coefficient(self, target: str) -> float:
        known = self.option.gy_per_bq
        if target not in known or not known[target] > 0.0:
            raise PlanningError(
                f"no dose per activity of {target} for {self.option.name}",
                field="coefficient",
                expected=", ".join(known),
                remedy="give one; an organ is never taken as spared",
            )
        return float(known[target])

    def fixed(self) -> dict[str, float]:
        """Give the bounds that are the same on every day."""
        bounds = {}
        for organ, limit in self.limits_gy.items():
            per_bq = self.coefficient(organ)
            draws = self.option.gy_per_bq_draws.get(organ)
            if self.share is not None:
                per_bq = self.upper(draws, f"dose per activity of {organ}")
            bounds[organ] = limit / per_bq
        if self.option.cap_bq is not None:
            require_positive("cap", cap_bq=self.option.cap_bq)
            bounds[CAP] = self.option.cap_bq
        return bounds

    def residual(self, day: float) -> float:
        """Give the bound of the residual marrow dose."""
        tail = self.option.residual
        if self.share is None:
            return self.residual_limit_gy / max(tail.gy_per_bq(from_s=day * DAY_S), 1e-300)
        draws = tail.gy_per_bq_draws(from_s=day * DAY_S)
        return self.residual_limit_gy / max(self.upper(draws, "marrow curve"), 1e-300)

    def upper(self, draws: Floats | None, what: str) -> float:
        if draws is None or len(draws) < 100:
            raise PlanningError(
                f"the {what} of {self.option.name} has no draws: no probability can be kept",
                field="max_probability_exceeding",
                remedy="give an uncertainty, or leave the probability out",
            )
        assert self.share is not None
        return float(np.quantile(draws, 1.0 - self.share, method="higher"))

    def most(self, day: float) -> float:
        """Highest activity on a day."""
        return min(*self.fixed().values(), self.residual(day)) if self.fixed() else self.residual(day)


def _best(problem: _Problem, *, objective: str, days: Floats) -> Optimum:
    per_bq = problem.coefficient(objective)
    fixed = problem.fixed()
    ceiling = min(fixed.values(), default=math.inf)
    plateau = _plateau_d(problem, ceiling)
    enough = days[days >= plateau - 1e-9]
    day = float(enough[0] if enough.size else days[-1])
    activity = problem.most(day)
    bounds = sorted([*fixed.items(), (RESIDUAL, problem.residual(day))], key=lambda b: b[1])
    limit = problem.limits_gy.get(bounds[0][0], problem.residual_limit_gy)
    unit = activity / 1e9 if bounds[0][0] == CAP else limit
    tail = problem.option.residual
    residual = activity * tail.gy_per_bq(from_s=day * DAY_S)
    return Optimum(
        option=problem.option,
        interval_d=day,
        activity_bq=activity,
        objective_gy=per_bq * activity,
        before_graft_gy=activity * tail.gy_per_bq(from_s=0.0) - residual,
        residual_gy=residual,
        bounds=tuple(Bound(name=n, activity_bq=a, used=activity / a) for n, a in bounds),
        gain_per_day_gy=per_bq * (problem.most(day + 1.0) - activity),
        loss_per_day_gy=per_bq * (activity - problem.most(max(day - 1.0, 0.0))),
        gain_per_unit=per_bq * activity / unit,
        plateau_d=plateau,
    )


def _plateau_d(problem: _Problem, ceiling_bq: float) -> float:
    """First interval at which the residual bound no longer binds; infinite if nothing else binds within a year."""
    from scipy.optimize import brentq

    if not math.isfinite(ceiling_bq):
        return math.inf

    def short(day: float) -> float:
        return ceiling_bq / problem.residual(day) - 1.0

    if short(0.0) <= 0.0:
        return 0.0
    if short(365.0) > 0.0:
        return math.inf
    return float(brentq(short, 0.0, 365.0, xtol=1e-6))
