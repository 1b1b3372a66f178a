"""What the dose stage varies beside the curves: masses and marrow fraction, found from its own draws.

With all curves held fixed and the S values taken as known, self-doses vary by mass and marrow fraction; without masses,
by the marrow fraction alone. Where the spread is that of the number a case states, the number itself is taken.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import exp, log1p, sqrt

from hemadose.io.case import Case
from hemadose.model import StudyDoses
from hemadose.workflow.budget_chain import relative_spread

MARROW = "red_marrow"
_DRAWS = 4000
_SAME = 0.06
"""Of 4000 draws the spread is known to about 1.1 %; five times that is no accident."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spreads:
    """Relative standard uncertainties that the dose stage adds.

    Attributes
    ----------
    mass : dict of str to float
        By target.
    marrow_fraction : float
        Of the red marrow's activity, beside its curve.
    """

    mass: dict[str, float]
    marrow_fraction: float


def stated_spreads(case: Case, doses_of: Callable[[Case], StudyDoses]) -> Spreads:
    """Find them by asking.

    Parameters
    ----------
    case : Case
        As planned.
    doses_of : callable
        Doses of a case with curves held fixed.
    """
    known = case.model_copy(
        update={
            "dose": case.dose.model_copy(update={"s_value_relative_sd": 0.0}),
            "kinetics": case.kinetics.model_copy(update={"draws": _DRAWS}),
        }
    )
    massless = known.model_copy(
        update={
            "dose": known.dose.model_copy(update={"mass_relative_sd": 0.0}),
            "marrow": known.marrow.model_copy(update={"mass_relative_sd": 0.0}),
        }
    )
    both, without = relative_spread(doses_of(known)), relative_spread(doses_of(massless))
    marrow = _snapped(without.get(MARROW, 0.0), case.marrow.l2_l4_fraction_relative_sd)
    mass = {}
    for target, spread in both.items():
        logs = log1p(spread**2) - log1p(without[target] ** 2)
        found = sqrt(max(exp(max(logs, 0.0)) - 1.0, 0.0))
        stated = case.marrow.mass_relative_sd if target == MARROW else case.dose.mass_relative_sd
        mass[target] = _snapped(found, stated)
    return Spreads(mass=mass, marrow_fraction=marrow)


def _snapped(found: float, stated: float) -> float:
    """Give the stated number if the draws spread as it says."""
    return stated if abs(found - stated) <= _SAME * stated else found
